package nft

import (
	"math/big"

	"rechain/nft/bytecode"
)

// matchMasked names a comparison under a mask where nft has a better word for it: flags, a prefix, or a field that is not whole
// bytes. It does nothing and says so where it has not.
func (r *ruleView) matchMasked(m *Match, left *MaskXor) bool {
	p := splitMask(left.Mask, left.Xor)
	v, isValue := m.Right.(*Value)
	if p.and == nil || p.xor != nil || p.or != nil {
		return false
	}
	if n, shift, ok := r.trimmed(left); ok && r.matchTrimmed(m, n, shift, left.Mask) {
		return true
	}
	if !isValue || !equality(m.Op) || len(v.Data) != len(p.and) {
		return false
	}
	saved := r.deps
	of := r.expr(left.Of)
	switch {
	case of.typ.flags() && r.matchFlags(m, of, p.and, v.Data):
		return true
	case of.typ.typ.info().prefix && inside(v.Data, p.and):
		if bits, ok := prefixLen(of.typ.bigEndian(p.and)); ok {
			r.add(r.matches.put(matchNode{op: cmpOps[m.Op], left: of.node, right: r.prefixes.put(prefixNode{r.literal(v.Data, of.typ, false), bits})}))
			return true
		}
	}
	r.deps.restore(saved)
	return false
}

// inside reports whether a value has no bit outside a mask; with one it could never match.
func inside(value, mask []byte) bool {
	for i, b := range value {
		if b&^mask[i] != 0 {
			return false
		}
	}
	return true
}

// prefixLen is the number of leading ones of a mask that has no other ones.
func prefixLen(mask []byte) (uint32, bool) {
	if allZero(mask) {
		return 0, true
	}
	low, high, ok := maskRun(mask)
	return high - low, ok && high == uint32(len(mask))*8
}

// matchFlags names a test of flags: any of them, none of them, or some set and the others not.
func (r *ruleView) matchFlags(m *Match, of named, mask, value []byte) bool {
	flags := flagBits(of.typ.number(mask))
	list := r.flagList(flags, mask, of.typ)
	switch {
	case allZero(value):
		op := "in"
		if m.Op == bytecode.CmpEq {
			op = "!"
		}
		r.add(r.matches.put(matchNode{op: op, left: of.node, right: list}))
		return true
	case len(flags) == 1 && string(mask) == string(value):
		return false // "flags & syn == syn"
	}
	val := r.flagList(flagBits(of.typ.number(value)), value, of.typ)
	r.add(&flagcmpNode{op: cmpOps[m.Op], left: of.node, right: val, mask: list})
	return true
}

func (r *ruleView) flagList(flags []*big.Int, data []byte, t valueType) node {
	if len(flags) < 2 {
		return r.literal(data, t, false)
	}
	n := &listNode{}
	for _, f := range flags {
		n.items = append(n.items, r.numeral(f, t, false))
	}
	return n
}

// matchTrimmed compares the field that a mask selects.
func (r *ruleView) matchTrimmed(m *Match, n fieldNode, shift uint, mask []byte) bool {
	p, isPayload := n.(*payloadNode)
	right := moveRight(m.Right, shift, mask, (n.value().bits+7)/8)
	if right == nil {
		return false
	}
	if v, ok := right.(*Value); ok && isPayload && equality(m.Op) {
		r.matchFields(m, p, v.Data)
		return true
	}
	if isPayload {
		r.complete(p)
	}
	r.compare(m, n, n.value(), right)
	return true
}

// moveRight moves what a masked value is compared with to where the field is alone, in size bytes. It is nil when it has bits outside
// the mask, which nothing can match.
func moveRight(e Expr, shift uint, mask []byte, size uint32) Expr {
	move := func(data []byte) []byte {
		return new(big.Int).Rsh(new(big.Int).SetBytes(data), shift).FillBytes(make([]byte, size))
	}
	switch e := e.(type) {
	case *Value:
		if len(e.Data) == len(mask) && inside(e.Data, mask) {
			return &Value{move(e.Data)}
		}
	case *Range:
		if len(e.From) == len(mask) && len(e.To) == len(mask) && inside(e.From, mask) && inside(e.To, mask) {
			return &Range{From: move(e.From), To: move(e.To)}
		}
	}
	return nil
}
