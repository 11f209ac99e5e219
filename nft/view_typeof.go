package nft

import "rechain/nft/bytecode"

// nft notes in a set's user data what expression a "typeof" declaration names. These are the numbers of nft's expressions there
// (include/expression.h, enum expr_types).
const (
	typeofVerdict = 1
	typeofPayload = 7
	typeofExthdr  = 8
	typeofMeta    = 9
	typeofSocket  = 10
	typeofOsf     = 11
	typeofCT      = 12
	typeofConcat  = 13
	typeofNumgen  = 23
	typeofRt      = 25
	typeofFib     = 26
	typeofXfrm    = 27
)

// typeofKey is the type of a set's key and of a map's data when the set was declared by "typeof"; no bits when it was not.
func (v *viewer) typeofKey(s *Set) (key, data valueType) {
	k, d, ok := readTypeof(s)
	if !ok {
		return valueType{}, valueType{}
	}
	return k.typ, d.typ
}

// typeofNodes are the expressions of a "typeof" declaration; nil when there is none.
func (v *viewer) typeofNodes(s *Set) (key, data node) {
	k, d, _ := readTypeof(s)
	return k.node, d.node
}

// readTypeof reads the notes of a set. They count only when they are as long as what the set holds: nft notes of a concatenation
// no more than the parts before one that it cannot note. Those of a map count only when key and data have one.
func readTypeof(s *Set) (key, data named, ok bool) {
	n := setNotes(s)
	key, ok = typeofExpr(notes(n.get(bytecode.UserDataSetKeyTypeof)))
	ok = ok && bytesOf(key.typ.bits) == s.keySize()
	if ok && s.flags()&bytecode.SetMap != 0 {
		data, ok = typeofExpr(notes(n.get(bytecode.UserDataSetDataTypeof)))
		ok = ok && bytesOf(data.typ.bits) == s.dataSize()
	}
	if !ok {
		return named{}, named{}, false
	}
	return key, data, true
}

// typeofExpr reads a note: 0 the kind of expression, 1 what it is.
func typeofExpr(n notes) (named, bool) {
	kind, ok := n.number(0)
	if !ok {
		return named{}, false
	}
	d := notes(n.get(1))
	num := func(typ uint8) uint32 { v, _ := d.number(typ); return v }
	var o named
	switch kind {
	case typeofVerdict:
		o = named{wordNode("verdict"), valueType{typ: TypeVerdict, bits: 128}}
	case typeofPayload:
		return typeofPayloadExpr(num(0), num(1), num(2), num(3), num(4))
	case typeofExthdr:
		_, hasOp := d.number(2)
		return typeofExthdrExpr(num(0), num(1), num(2), hasOp)
	case typeofMeta:
		e := &Meta{bytecode.MetaKey(num(0))}
		o = named{e, metaKeys[e.Key].value()}
	case typeofCT:
		e := &CT{Key: bytecode.CtKey(num(0)), Dir: uint8(num(1)), HasDir: int32(num(1)) >= 0}
		o = named{&ctNode{CT: e}, ctKeys[e.Key].value()}
	case typeofSocket:
		e := &Socket{Key: bytecode.SocketKey(num(0))}
		o = named{e, socketKeys[e.Key].value()}
	case typeofOsf:
		o = named{&Osf{}, valueType{typ: TypeString, order: hostOrder, bits: osfSize * 8}}
	case typeofNumgen:
		o = named{&Numgen{Type: num(0), Modulus: num(1), Offset: num(2)}, valueType{typ: TypeInteger, order: hostOrder, bits: 32}}
	case typeofRt:
		e := &Rt{num(0)}
		o = named{e, rtKeys[e.Key].value()}
	case typeofFib:
		e := &Fib{Result: num(0), Flags: num(1)}
		o = named{e, fibResults[e.Result].value()}
	case typeofXfrm:
		e := &Xfrm{Key: num(0), Spnr: num(1), Dir: uint8(num(2))}
		o = named{e, xfrmKeys[e.Key].value()}
	case typeofConcat:
		return typeofConcatExpr(d)
	default:
		return named{}, false
	}
	return o, o.typ.bits != 0
}

// typeofPayloadExpr reads a field by its protocol's number and its place there, or raw bits. The base counts from 1.
func typeofPayloadExpr(proto, place, base, off, bits uint32) (named, bool) {
	if p := protocolByID(proto); p != nil && proto != 0 {
		if place == 0 || int(place) > len(p.fields) {
			return named{}, false
		}
		f := &p.fields[place-1]
		n := &payloadNode{base: p.base, off: f.off, bits: f.bits, proto: p, field: f}
		return named{n, n.value()}, true
	}
	n := &payloadNode{base: bytecode.PayloadBase(base - 1), off: off, bits: bits}
	return named{n, n.value()}, base != 0 && bits != 0
}

// typeofExthdrExpr reads a field of an IPv6 header by nft's number of it, or of an option or chunk by its type. Places count from 1,
// those of TCP options and SCTP chunks from 0.
func typeofExthdrExpr(id, place, op uint32, hasOp bool) (named, bool) {
	if op == exthdrTCP || op == exthdrSCTP {
		place++
	}
	for i := range headers {
		h := &headers[i]
		if hasOp && (h.op != op || uint32(h.typ) != id) || !hasOp && (h.op != exthdrIPv6 || h.id != id) {
			continue
		}
		if place == 0 || int(place) > len(h.fields) {
			return named{}, false
		}
		f := &h.fields[place-1]
		n := &exthdrNode{Exthdr: &Exthdr{Op: h.op, Type: h.typ}, off: f.off, bits: f.bits, h: h, field: f}
		return named{n, n.value()}, true
	}
	return named{}, false
}

// typeofConcatExpr reads the parts of a concatenation, each a note of its own.
func typeofConcatExpr(d notes) (named, bool) {
	n, t := &concatNode{}, valueType{parts: []valueType{}}
	for len(d) >= 2 && len(d) >= 2+int(d[1]) {
		part, ok := typeofExpr(d[2 : 2+int(d[1])])
		if !ok {
			return named{}, false
		}
		n.parts, t.parts = append(n.parts, part.node), append(t.parts, part.typ)
		t.bits += pad(bytesOf(part.typ.bits)) * 8
		d = d[2+int(d[1]):]
	}
	return named{n, t}, len(n.parts) > 0
}
