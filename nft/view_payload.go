package nft

import "math/big"

// assignPayload names a write into the packet. A field that is not whole bytes is written as "(load & rest) | value" over the bytes
// around it. A field that is named makes nft mend its checksum: a write that does not is shown as raw bits.
func (r *ruleView) assignPayload(s *Assign, k *Payload) node {
	raw := s.ChecksumType == 0 && s.ChecksumOffset == 0 && s.ChecksumFlags == 0
	n := newPayload(k.Base, k.Offset*8, k.Len*8)
	r.ctx.complete(n)
	if raw && mends(n) {
		n = &payloadNode{base: n.base, off: n.off, bits: n.bits}
	}
	if m, ok := s.Value.(*MaskXor); ok && n.field == nil {
		if part, val, ok := r.partialWrite(k, m, raw); ok {
			return &assignNode{part, val}
		}
	}
	r.deps.payload(n, &r.ctx)
	return &assignNode{n, r.assigned(s.Value, n.value())}
}

// mends reports whether nft would mend a checksum after a write to a field (netlink_linearize.c, netlink_gen_payload_stmt): that of the
// header itself, or that of the next one when the field is in its pseudo header.
func mends(n *payloadNode) bool {
	switch n.proto {
	case nil:
		return false
	case protoIP6:
		name := n.field.name
		return name == "saddr" || name == "daddr" || name == "nexthdr" || name == "length"
	}
	for i := range n.proto.fields {
		if n.proto.fields[i].name == "checksum" {
			return n.proto != protoUDPLite // nft does not know how far it reaches
		}
	}
	return false
}

// partialWrite finds the bits that a write with a mask changes, and their new value.
func (r *ruleView) partialWrite(k *Payload, m *MaskXor, raw bool) (*payloadNode, node, bool) {
	of, ok := m.Of.(*Payload)
	if !ok || *of != *k || len(m.Mask) != int(k.Len) || len(m.Xor) != len(m.Mask) {
		return nil, nil, false
	}
	changed := make([]byte, len(m.Mask))
	for i, b := range m.Mask {
		changed[i] = ^b
	}
	low, high, ok := maskRun(changed)
	if !ok || !inside(m.Xor, changed) {
		return nil, nil, false
	}
	bits := payloadNode{base: k.Base, off: (k.Offset+k.Len)*8 - high, bits: high - low}
	n := bits
	r.ctx.complete(&n)
	if n.field == nil {
		return nil, nil, false
	}
	if raw && mends(&n) {
		n = bits
	}
	r.deps.payload(&n, &r.ctx)
	val := new(big.Int).Rsh(new(big.Int).SetBytes(m.Xor), uint(low))
	t := n.value()
	return &n, r.constant(val.FillBytes(make([]byte, bytesOf(t.bits))), t), true
}
