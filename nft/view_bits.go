package nft

// masked names Of & Mask ^ Xor. Bits that Mask clears and Xor sets are an "or".
func (r *ruleView) masked(e *MaskXor, inKey bool) named {
	var o named
	if s, ok := e.Of.(*Shift); ok {
		o = r.shift(s, inKey) // under a mask, nft does not see the field
	} else {
		o = r.exprIn(e.Of, inKey)
	}
	p := splitMask(e.Mask, e.Xor)
	if inKey && p.or == nil && p.xor == nil {
		if n, ok := o.node.(*payloadNode); ok {
			if _, ok := r.ctx.trim(n, e.Mask); ok {
				r.complete(n)
				return named{n, n.value()}
			}
		}
	}
	for _, step := range []struct {
		op   string
		data []byte
	}{{"&", p.and}, {"^", p.xor}, {"|", p.or}} {
		if step.data != nil {
			o.node = &binaryNode{step.op, o.node, r.constant(step.data, o.typ)}
		}
	}
	return o
}

// maskParts is a mask and xor as the operations & and ^ and | in this order; nil ones change nothing.
type maskParts struct{ and, xor, or []byte }

func (p maskParts) none() bool { return p.and == nil && p.xor == nil && p.or == nil }

func splitMask(mask, xor []byte) (p maskParts) {
	if allZero(xor) { // as nearly always
		if !allOnes(mask) {
			p.and = mask
		}
		return p
	}
	and, x, or := make([]byte, len(mask)), make([]byte, len(mask)), make([]byte, len(mask))
	full := true
	for i, m := range mask {
		b := byte(0)
		if i < len(xor) {
			b = xor[i]
		}
		or[i] = b &^ m
		x[i] = b & m
		and[i] = m | or[i]
		full = full && and[i] == 0xff
	}
	if !full {
		p.and = and
	}
	if !allZero(x) {
		p.xor = x
	}
	if !allZero(or) {
		p.or = or
	}
	return p
}

func allOnes(b []byte) bool {
	for _, x := range b {
		if x != 0xff {
			return false
		}
	}
	return true
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// shifted names a shift. A field that lies inside bytes is loaded, masked and shifted to the right by where it starts; that is the
// field alone.
func (r *ruleView) shifted(e *Shift, inKey bool) named {
	if n, ok := r.shiftedField(e); ok {
		return named{n, n.value()}
	}
	return r.shift(e, inKey)
}

func (r *ruleView) shift(e *Shift, inKey bool) named {
	o := r.exprIn(e.Of, inKey)
	op := "<<"
	if e.Right {
		op = ">>"
	}
	bits := literal{literalNumber("", e.Bits), uint64(e.Bits)}
	return named{&binaryNode{op, o.node, bits}, o.typ}
}

func (r *ruleView) shiftedField(e *Shift) (*payloadNode, bool) {
	m, ok := e.Of.(*MaskXor)
	if !ok || !e.Right || !allZero(m.Xor) {
		return nil, false
	}
	p, ok := m.Of.(*Payload)
	if !ok {
		return nil, false
	}
	n := newPayload(p.Base, p.Offset*8, p.Len*8)
	if shift, ok := r.ctx.trim(n, m.Mask); !ok || shift != uint(e.Bits) {
		return nil, false
	}
	r.complete(n)
	return n, n.field != nil
}
