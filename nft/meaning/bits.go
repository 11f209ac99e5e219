package meaning

import (
	"bytes"
	"math/bits"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// bitCopy reads a rule that copies one bit: "where this bit of one mark is set, flip that bit of the other". It is how marks are combined on
// kernels that cannot combine two registers. Said as a copy it is one effect, said as a condition it would be two, and twice as many with
// every bit.
func (r *ruleReader) bitCopy(stmts []nft.Stmt) ([]packet.Step, bool) {
	stmts = slices.DeleteFunc(slices.Clone(stmts), func(s nft.Stmt) bool { _, counts := s.(*nft.Counter); return counts })
	if len(stmts) != 2 {
		return nil, false
	}
	m, isMatch := stmts[0].(*nft.Match)
	a, isAssign := stmts[1].(*nft.Assign)
	if !isMatch || !isAssign || m.Op != bytecode.CmpNeq {
		return nil, false
	}
	asked, ok := m.Left.(*nft.MaskXor)
	value, ok2 := a.Value.(*nft.MaskXor)
	zero, ok3 := m.Right.(*nft.Value)
	if !ok || !ok2 || !ok3 || key(value.Of) != key(a.Key) {
		return nil, false
	}
	from, ok := single(asked.Mask)
	to, ok2 := single(value.Xor)
	if !ok || !ok2 || !nothing(asked.Xor) || !nothing(zero.Data) || !bytes.Equal(value.Mask, bytes.Repeat([]byte{0xff}, len(value.Mask))) {
		return nil, false
	}
	source, target := r.load(asked.Of), r.load(a.Key)
	if len(source.bits) != len(target.bits) || len(source.bits) != 8*len(asked.Mask) || source.memory != "" {
		return nil, false
	}
	s, t := source.bits[from], target.bits[to]
	x := &packet.Copy{To: t.field, From: s.field, Keep: packet.Ones(uint(t.field.Bits)), Bits: packet.Num(1).Shl(uint(s.n)), Shift: int(t.n) - int(s.n)}
	return append(require(source.needs), r.guarded(target, []packet.Effect{x})...), true
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
