package nft

import "math/big"

// assignPayload names a write into the packet. A field that is not whole bytes is written as "(load & rest) | value" over the bytes
// around it.
func (r *ruleView) assignPayload(k *Payload, value Expr) node {
	n := newPayload(k.Base, k.Offset*8, k.Len*8)
	r.ctx.complete(n)
	if m, ok := value.(*MaskXor); ok && !r.known(n) {
		if part, val, ok := r.partialWrite(k, m); ok {
			return &assignNode{part, val}
		}
	}
	r.deps.payload(n, r.family)
	return &assignNode{n, r.assigned(value, n.value())}
}

func (r *ruleView) known(n *payloadNode) bool { return n.field != nil }

// partialWrite finds the field that a write with a mask changes, and its new value.
func (r *ruleView) partialWrite(k *Payload, m *MaskXor) (*payloadNode, node, bool) {
	of, ok := m.Of.(*Payload)
	if !ok || *of != *k || len(m.Mask) != int(k.Len) || len(m.Xor) != len(m.Mask) {
		return nil, nil, false
	}
	changed := make([]byte, len(m.Mask))
	for i, b := range m.Mask {
		changed[i] = ^b
	}
	if !inside(m.Xor, changed) {
		return nil, nil, false
	}
	n := newPayload(k.Base, k.Offset*8, k.Len*8)
	shift, ok := r.ctx.trim(n, new(big.Int).SetBytes(changed))
	if !ok {
		return nil, nil, false
	}
	r.complete(n)
	if !r.known(n) {
		return nil, nil, false
	}
	val := new(big.Int).Rsh(new(big.Int).SetBytes(m.Xor), shift)
	t := n.value()
	return n, r.constant(val.FillBytes(make([]byte, (t.bits+7)/8)), t), true
}
