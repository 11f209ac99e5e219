package meaning

import (
	"bytes"
	"math/bits"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// Marks are combined bit by bit on kernels that cannot combine two registers. Said as copies, the rules that do it are one effect each;
// said as conditions, each bit would double the cases. There are two kinds of such rules: see bitCopy and pieceCopy.

// markRule is a rule that asks for bits of one mark, and changes another: "from & mask OP want to = to & keep ^ flip".
type markRule struct {
	from, to   nft.Expr
	op         bytecode.CmpOp
	mask, want []byte
	keep, flip []byte
}

func readMarkRule(stmts []nft.Stmt) (m markRule, ok bool) {
	stmts = slices.DeleteFunc(slices.Clone(stmts), func(s nft.Stmt) bool { _, counts := s.(*nft.Counter); return counts })
	if len(stmts) != 2 {
		return m, false
	}
	ask, isMatch := stmts[0].(*nft.Match)
	set, isAssign := stmts[1].(*nft.Assign)
	if !isMatch || !isAssign {
		return m, false
	}
	asked, ok := ask.Left.(*nft.MaskXor)
	value, ok2 := set.Value.(*nft.MaskXor)
	want, ok3 := ask.Right.(*nft.Value)
	if !ok || !ok2 || !ok3 || !nothing(asked.Xor) || key(value.Of) != key(set.Key) {
		return m, false
	}
	return markRule{asked.Of, set.Key, ask.Op, asked.Mask, want.Data, value.Mask, value.Xor}, true
}

// bitCopy reads a rule that copies one bit: "where this bit of one mark is set, flip that bit of the other".
func (r *ruleReader) bitCopy(stmts []nft.Stmt) ([]packet.Step, bool) {
	m, ok := readMarkRule(stmts)
	if !ok || m.op != bytecode.CmpNeq || !nothing(m.want) || !bytes.Equal(m.keep, bytes.Repeat([]byte{0xff}, len(m.keep))) {
		return nil, false
	}
	from, ok := single(m.mask)
	to, ok2 := single(m.flip)
	source, target := r.load(m.from), r.load(m.to)
	if !ok || !ok2 || !m.fits(source, target) {
		return nil, false
	}
	s, t := source.bits[from], target.bits[to]
	x := &packet.Copy{To: t.field, From: s.field, Keep: packet.Ones(uint(t.field.Bits)), Bits: packet.Num(1).Shl(uint(s.n)), Shift: int(t.n) - int(s.n)}
	return append(require(source.needs), r.guarded(target, []packet.Effect{x})...), true
}

// maxPiece is how many bits pieceCopy looks for at most.
const maxPiece = 4

// pieceCopy reads rules that copy a few bits to the same places of another mark: there is one for each value of the bits, which flips what
// is set in it, and all keep the same. It says how many rules these are, at the beginning of those given; 0: they do something else.
func (t *tableReader) pieceCopy(rules []*nft.Rule) ([]packet.Step, int) {
	first, ok := readMarkRule(rules[0].Stmts)
	if !ok {
		return nil, 0
	}
	n := 0
	for _, b := range first.mask {
		n += bits.OnesCount8(b)
	}
	if n > maxPiece || len(rules) < 1<<n {
		return nil, 0
	}
	rules = rules[:1<<n]
	seen := map[string]bool{}
	for _, rule := range rules {
		m, ok := readMarkRule(rule.Stmts)
		if !ok || m.op != bytecode.CmpEq || key(m.from) != key(first.from) || key(m.to) != key(first.to) ||
			!bytes.Equal(m.mask, first.mask) || !bytes.Equal(m.keep, first.keep) || !bytes.Equal(m.want, m.flip) || seen[string(m.want)] {
			return nil, 0
		}
		seen[string(m.want)] = true
		for i := range m.want {
			if i >= len(m.mask) || m.want[i]&^m.mask[i] != 0 {
				return nil, 0
			}
		}
	}
	r := &ruleReader{tableReader: t}
	source, target := r.load(first.from), r.load(first.to)
	if !first.fits(source, target) || source.bits[0].field == target.bits[0].field {
		return nil, 0
	}
	x := &packet.Copy{To: target.bits[0].field, From: source.bits[0].field, Keep: packet.Ones(uint(target.bits[0].field.Bits))}
	for i, s := range source.bits {
		at := byte(0x80) >> (i % 8)
		one := packet.Num(1).Shl(uint(s.n))
		if s.n != target.bits[i].n {
			return nil, 0
		}
		if first.mask[i/8]&at != 0 {
			x.Bits = x.Bits.Or(one)
		}
		if first.keep[i/8]&at == 0 {
			x.Keep = x.Keep.AndNot(one)
		}
	}
	if _, ct := first.to.(*nft.CT); ct {
		t.tracks = true
	}
	return append(require(source.needs), r.guarded(target, []packet.Effect{x})...), len(rules)
}

// fits says whether the marks are as long as the masks, and are the same each time one looks.
func (m *markRule) fits(source, target register) bool {
	return len(source.bits) == 8*len(m.mask) && len(target.bits) == 8*len(m.keep) && len(source.bits) == len(target.bits) &&
		len(source.bits) > 0 && source.memory == ""
}

// single is the place of a mask's only bit, counted from the most significant of the first byte.
func single(mask []byte) (int, bool) {
	place, n := 0, 0
	for i, b := range mask {
		if b != 0 {
			place, n = 8*i+bits.LeadingZeros8(b), n+bits.OnesCount8(b)
		}
	}
	return place, n == 1
}

func nothing(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
