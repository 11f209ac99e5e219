package nft

import "rechain/nft/bytecode"

// ruleView names the parts of one rule, statement by statement.
type ruleView struct {
	*viewer
	ctx  protoContext
	deps dependencies
	out  []*entry
	few  [8]*entry // room for out
}

// named is a named expression with the type of what it leaves.
type named struct {
	node node
	typ  valueType
}

// expr names an expression. A named field drops the match that it implies.
func (r *ruleView) expr(e Expr) named { return r.exprIn(e, false) }

// exprIn is expr; inKey says that the expression is a set's key, or a part of one, where a mask that selects a field is dropped at
// once: there is no constant beside it that would have to be shifted.
func (r *ruleView) exprIn(e Expr, inKey bool) named {
	switch e := e.(type) {
	case *Value:
		t := valueType{typ: TypeInteger, bits: uint32(len(e.Data)) * 8}
		return named{r.constant(e.Data, t), t}
	case *Payload:
		n := newPayload(e.Base, e.Offset*8, e.Len*8)
		r.complete(n)
		return named{n, n.value()}
	case *Meta:
		return named{e, metaKeys[e.Key].value()}
	case *CT:
		return r.ct(e)
	case *Socket:
		return named{e, socketKeys[e.Key].value()}
	case *Fib:
		t := fibResults[e.Result].value()
		if e.Flags&fibPresent != 0 {
			t.typ = TypeBoolean
		}
		return named{e, t}
	case *Rt:
		return named{e, rtKeys[e.Key].value()}
	case *Numgen:
		return named{e, valueType{typ: TypeInteger, order: hostOrder, bits: 32}}
	case *Hash:
		n := &hashNode{Hash: e}
		if e.Type != hashSymmetric {
			n.of = r.expr(e.Of).node
		}
		return named{n, valueType{typ: TypeInteger, order: hostOrder, bits: 32}}
	case *Exthdr:
		n := newExthdr(e)
		r.deps.exthdr(e.Op, &r.ctx)
		return named{n, n.value()}
	case *Osf:
		return named{e, valueType{typ: TypeString, order: hostOrder, bits: osfSize * 8}}
	case *Xfrm:
		return named{e, xfrmKeys[e.Key].value()}
	case *Tunnel:
		return named{e, tunnelKeys[e.Key].value()}
	case *MaskXor:
		return r.masked(e, inKey)
	case *Shift:
		return r.shifted(e, inKey)
	case *Binary:
		a, b := r.exprIn(e.A, inKey), r.exprIn(e.B, inKey)
		return named{&binaryNode{bitwiseOps[e.Op], a.node, b.node}, a.typ}
	case *Byteorder:
		o := r.exprIn(e.Of, inKey)
		o.typ.order = netOrder
		if !e.ToNetwork {
			o.typ.order = hostOrder
		}
		return o
	case *Concat:
		n, t := &concatNode{}, valueType{}
		for _, part := range e.Parts {
			o := r.exprIn(part, true)
			n.parts, t.parts = append(n.parts, o.node), append(t.parts, o.typ)
		}
		return named{n, t}
	case *MapLookup:
		return r.mapLookup(e)
	}
	return named{wordNode("unknown"), valueType{}}
}

var bitwiseOps = map[bytecode.BitwiseOp]string{bytecode.BitwiseAnd: "&", bytecode.BitwiseOr: "|", bytecode.BitwiseXor: "^"}

// complete names a payload and drops the match that it implies.
func (r *ruleView) complete(n *payloadNode) {
	r.ctx.complete(n)
	r.deps.payload(n, &r.ctx)
}

func (n *payloadNode) value() valueType {
	if n.field == nil {
		return valueType{typ: TypeInteger, bits: n.bits, raw: true}
	}
	return valueType{typ: n.field.typ, bits: n.bits}
}

func (r *ruleView) ct(e *CT) named {
	n, t := &ctNode{CT: e}, ctKeys[e.Key].value()
	if e.Key == bytecode.CtSrc || e.Key == bytecode.CtDst {
		switch r.ctx.layers[bytecode.NetworkHeader] {
		case protoIP:
			n.family, t = "ip", valueType{typ: TypeIPAddr, bits: 32}
		case protoIP6:
			n.family, t = "ip6", valueType{typ: TypeIP6Addr, bits: 128}
		}
	}
	return named{n, t}
}

func newExthdr(e *Exthdr) *exthdrNode {
	n := &exthdrNode{Exthdr: e, off: e.Offset * 8, bits: e.Len * 8}
	n.name()
	return n
}

// name finds the header and the field.
func (n *exthdrNode) name() {
	n.field = nil
	for _, h := range headersOf(n.Op, n.Type) {
		if n.h == nil {
			n.h = h
		}
		if f := h.find(n.off, n.bits); f != nil {
			n.h, n.field = h, f
			return
		}
	}
}

func (n *exthdrNode) value() valueType {
	switch {
	case n.Flags&exthdrPresent != 0:
		return valueType{typ: TypeBoolean, bits: n.bits}
	case n.field != nil:
		return valueType{typ: n.field.typ, bits: n.bits}
	}
	return valueType{typ: TypeInteger, bits: n.bits}
}

// trim narrows the bits to the field that a mask selects.
func (n *exthdrNode) trim(mask []byte) (shift uint, ok bool) {
	low, high, ok := maskRun(mask)
	if !ok || n.field != nil {
		return 0, false
	}
	was := *n
	n.off += n.bits - high
	n.bits = high - low
	if n.name(); n.field == nil {
		*n = was
		return 0, false
	}
	return uint(low), true
}

// mapLookup names a lookup. What it leaves has the type of the map's data.
func (r *ruleView) mapLookup(e *MapLookup) named {
	key, set, shift := r.key(e.Key, e.Name, e.Set)
	n := &mapNode{key: key.node, data: r.setRef(e.Name, set, shift, key.typ)}
	t := valueType{}
	if s := r.lookup(e.Name, e.Set); s != nil {
		t = r.dataType(s)
	}
	return named{n, t}
}

// key names what is looked up in a set or map. A mask that selects a field is dropped, and shift says how far the elements of an
// anonymous set are to be moved to fit.
func (r *ruleView) key(e Expr, name string, set *Set) (key named, s *Set, shift uint) {
	s = set
	if m, ok := e.(*MaskXor); ok {
		if n, shift, ok := r.trimmed(m); ok && fits(s, m.Mask, shift) {
			if p, ok := n.(*payloadNode); ok {
				r.complete(p)
			}
			return named{n, n.value()}, s, shift
		}
	}
	return r.expr(e), s, 0
}

// fits reports whether the elements of a set can be moved to stand for a field that a mask selects. Those of a named set stay where they
// are.
func fits(s *Set, mask []byte, shift uint) bool {
	if s == nil {
		return shift == 0
	}
	for _, e := range s.Elements {
		if len(e.Key) > len(mask) || len(e.KeyEnd) > len(mask) || !inside(e.Key, mask) || !inside(e.KeyEnd, mask) {
			return false
		}
	}
	return true
}

// trimmed is the payload or header field that a mask selects, if it selects whole fields. A payload is not named yet.
func (r *ruleView) trimmed(m *MaskXor) (fieldNode, uint, bool) {
	p := splitMask(m.Mask, m.Xor)
	if p.and == nil || p.xor != nil || p.or != nil {
		return nil, 0, false
	}
	switch of := m.Of.(type) {
	case *Payload:
		n := r.compared(of)
		if shift, ok := r.ctx.trim(n, m.Mask); ok {
			return n, shift, true
		}
	case *Exthdr:
		n := newExthdr(of)
		if shift, ok := n.trim(m.Mask); ok {
			r.deps.exthdr(of.Op, &r.ctx)
			return n, shift, true
		}
	}
	return nil, 0, false
}

// fieldNode is a header field.
type fieldNode interface {
	node
	value() valueType
}
