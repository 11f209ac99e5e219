package nft

import (
	"rechain/nft/bytecode"
)

// jsonExpression finds the reader of an expression that loads something, by its JSON name; nil if there is none.
func jsonExpression(name string) func(*jsonRule, *jsonMembers) jsonOperand {
	if op, ok := optionKinds[name]; ok {
		return func(r *jsonRule, o *jsonMembers) jsonOperand { return r.option(op, o) }
	}
	return map[string]func(*jsonRule, *jsonMembers) jsonOperand{
		"payload": (*jsonRule).payload, "meta": (*jsonRule).meta, "ct": (*jsonRule).ct, "fib": (*jsonRule).fib, "socket": (*jsonRule).socket,
		"rt": (*jsonRule).rt, "ipsec": (*jsonRule).ipsec, "numgen": (*jsonRule).numgen, "osf": (*jsonRule).osf, "tunnel": (*jsonRule).tunnel,
		"jhash":   func(r *jsonRule, o *jsonMembers) jsonOperand { return r.hash(false, o) },
		"symhash": func(r *jsonRule, o *jsonMembers) jsonOperand { return r.hash(true, o) },
	}[name]
}

// inBytes is a load of bits: where they are not whole bytes, of the bytes around them under a mask.
func inBytes(off, bits uint32, load func(offset, size uint32) Expr, typ valueType) jsonOperand {
	first, last := off/8, (off+bits+7)/8
	size := last - first
	typ.bits = bits
	o := jsonOperand{Expr: load(first, size), typ: typ, off: off, size: int(size)}
	if off%8 == 0 && bits%8 == 0 {
		return o
	}
	o.shift = uint(last*8 - off - bits)
	m := mask(bits).FillBytes(make([]byte, size))
	o.Expr = &MaskXor{Of: o.Expr, Mask: shiftLeft(m, o.shift), Xor: make([]byte, size)}
	return o
}

// payload reads a field of a header, and sees to it that the header is there.
func (r *jsonRule) payload(o *jsonMembers) jsonOperand {
	out, p := r.payloadField(o)
	if p != nil {
		r.needs(p, o.jsonNode)
		r.needsICMP(out.field, o.jsonNode)
		if p == protoVLAN || p == protoEther && r.ctx.layers[bytecode.LinkHeader] == protoVLAN {
			r.ctx.framed = true
		}
		r.ctx.seen(&payloadNode{base: p.base, proto: p, field: out.field, isKey: p.isKey(out.field)})
	}
	return out
}

// payloadField reads a field of a header, or bits of it, of which no protocol is known.
func (r *jsonRule) payloadField(o *jsonMembers) (jsonOperand, *protocol) {
	if base := o.get("base"); base != nil {
		b := bytecode.PayloadBase(base.word("ll", "nh", "th", "ih"))
		off, bits := uint32(o.need("offset").num(16)), uint32(o.need("len").num(16))
		if bits == 0 {
			o.fail("has no bits")
		}
		return inBytes(off, bits, payloadLoad(b), valueType{typ: TypeInteger, raw: true}), nil
	}
	name, fieldName := o.need("protocol"), o.need("field")
	for _, p := range notedProtocols {
		if p.name != name.str() {
			continue
		}
		for i := range p.fields {
			if f := &p.fields[i]; f.name == fieldName.str() {
				off := f.off
				if p == protoVLAN {
					off += protoEther.length
				}
				out := inBytes(off, f.bits, payloadLoad(p.base), valueType{typ: f.typ})
				out.proto, out.field = p, f
				return out, p
			}
		}
		fieldName.fail("%s has no field %q", p.name, fieldName.str())
	}
	name.fail("%q is not a protocol", name.str())
	return jsonOperand{}, nil
}

func payloadLoad(base bytecode.PayloadBase) func(off, size uint32) Expr {
	return func(off, size uint32) Expr { return &Payload{Base: base, Offset: off, Len: size} }
}

// optionKinds are the JSON names of what [Exthdr] loads.
var optionKinds = map[string]uint32{"exthdr": exthdrIPv6, "tcp option": exthdrTCP, "ip option": exthdrIPv4, "sctp chunk": exthdrSCTP, "dccp option": exthdrDCCP}

// option reads a field of an extension header or option, or whether it is there.
func (r *jsonRule) option(op uint32, o *jsonMembers) jsonOperand {
	if below := map[uint32]*protocol{exthdrIPv6: protoIP6, exthdrIPv4: protoIP}[op]; below != nil { // the kernel looks for the others in their protocols alone
		r.needs(below, o.jsonNode)
	}
	return r.optionField(op, o)
}

func (r *jsonRule) optionField(op uint32, o *jsonMembers) jsonOperand {
	load := func(typ uint8) func(off, size uint32) Expr {
		return func(off, size uint32) Expr { return &Exthdr{Op: op, Type: typ, Offset: off, Len: size} }
	}
	if base := o.get("base"); base != nil {
		return inBytes(uint32(o.need("offset").num(16)), uint32(o.need("len").num(16)), load(uint8(base.num(8))), valueType{typ: TypeInteger})
	}
	name, fieldName := o.need("name"), o.get("field")
	word, block := name.str(), uint32(0)
	if n := len(word) - 1; op == exthdrTCP && n > 0 && word[n] >= '0' && word[n] <= '9' { // "sack1", see [exthdrNode.blockNumber]
		word, block = word[:n], uint32(word[n]-'0')
	}
	for i := range headers {
		h := &headers[i]
		if h.op != op || h.name != word {
			continue
		}
		if fieldName == nil {
			return jsonOperand{Expr: &Exthdr{Op: op, Type: h.typ, Len: 1, Flags: exthdrPresent}, typ: valueType{typ: TypeBoolean, bits: 8}}
		}
		for j := range h.fields {
			if f := &h.fields[j]; f.name == fieldName.str() && (op != exthdrTCP || f.off/64 == block) {
				return inBytes(f.off, f.bits, load(h.typ), valueType{typ: f.typ})
			}
		}
	}
	name.fail("%q, or its field, is not known", name.str())
	return jsonOperand{}
}

// keyed finds a key by its name.
func keyed[K comparable](n *jsonNode, keys map[K]keyInfo) (K, valueType) {
	for k, info := range keys {
		if info.name == n.str() {
			return k, info.value()
		}
	}
	n.fail("%q is not known", n.str())
	panic("unreachable")
}

func (r *jsonRule) meta(o *jsonMembers) jsonOperand {
	k, t := keyed(o.need("key"), metaKeys)
	return jsonOperand{Expr: &Meta{k}, typ: t}
}

func (r *jsonRule) ct(o *jsonMembers) jsonOperand {
	k, t := keyed(o.need("key"), ctKeys)
	e := &CT{Key: k}
	if dir := o.get("dir"); dir != nil {
		e.HasDir, e.Dir = true, uint8(dir.word("original", "reply"))
	}
	if k == bytecode.CtSrc || k == bytecode.CtDst {
		switch r.ctx.layers[bytecode.NetworkHeader] {
		case protoIP:
			t = valueType{typ: TypeIPAddr, bits: 32}
		case protoIP6:
			t = valueType{typ: TypeIP6Addr, bits: 128}
		default:
			o.fail("of which version of IP the address is, nothing says")
		}
	}
	return jsonOperand{Expr: e, typ: t}
}

func (r *jsonRule) fib(o *jsonMembers) jsonOperand {
	k, t := keyed(o.need("result"), fibResults)
	e := &Fib{Result: k}
	if f := o.get("flags"); f != nil {
		e.Flags = f.bits(fibFlags...)
	}
	return jsonOperand{Expr: e, typ: t}
}

func (r *jsonRule) socket(o *jsonMembers) jsonOperand {
	key := o.need("key")
	k, t := keyed(key, socketKeys)
	if k == bytecode.SocketCgroupV2 {
		key.fail("the level of the control group, JSON does not tell")
	}
	return jsonOperand{Expr: &Socket{Key: k}, typ: t}
}

func (r *jsonRule) rt(o *jsonMembers) jsonOperand {
	key, family := o.need("key"), o.text("family")
	if key.str() == "nexthop" && family == "" {
		switch r.ctx.layers[bytecode.NetworkHeader] {
		case protoIP:
			family = "ip"
		case protoIP6:
			family = "ip6"
		}
	}
	for k, info := range rtKeys {
		if info.name == key.str() && info.family == family {
			return jsonOperand{Expr: &Rt{k}, typ: info.value()}
		}
	}
	key.fail("%q is not known", key.str())
	return jsonOperand{}
}

func (r *jsonRule) ipsec(o *jsonMembers) jsonOperand {
	key, family := o.need("key"), o.text("family")
	e := &Xfrm{Dir: uint8(o.need("dir").word("in", "out")), Spnr: uint32(o.number("spnum", 8))}
	for k, info := range xfrmKeys {
		if info.name == key.str() && info.family == family {
			e.Key = k
			return jsonOperand{Expr: e, typ: info.value()}
		}
	}
	key.fail("%q is not known", key.str())
	return jsonOperand{}
}

var numberType = valueType{typ: TypeInteger, order: hostOrder, bits: 32}

func (r *jsonRule) numgen(o *jsonMembers) jsonOperand {
	return jsonOperand{Expr: &Numgen{Type: uint32(o.need("mode").word("inc", "random")), Modulus: o.need("mod").wrapped(), Offset: uint32(o.number("offset", 32))}, typ: numberType}
}

func (r *jsonRule) hash(symmetric bool, o *jsonMembers) jsonOperand {
	e := &Hash{Modulus: o.need("mod").wrapped(), Offset: uint32(o.number("offset", 32))}
	if seed := o.get("seed"); seed != nil {
		e.HasSeed, e.Seed = true, seed.wrapped()
	}
	if symmetric {
		e.Type = hashSymmetric
		return jsonOperand{Expr: e, typ: numberType}
	}
	of := r.operand(o.need("expr")).plain()
	e.Of, e.Len = of.Expr, uint32(of.size)
	return jsonOperand{Expr: e, typ: numberType}
}

func (r *jsonRule) osf(o *jsonMembers) jsonOperand {
	e := &Osf{Flags: uint32(o.need("key").word("name", "version"))}
	if ttl := o.get("ttl"); ttl != nil {
		e.TTL = uint8(ttl.word("", "loose", "skip"))
	}
	return jsonOperand{Expr: e, typ: valueType{typ: TypeString, order: hostOrder, bits: osfSize * 8}}
}

func (r *jsonRule) tunnel(o *jsonMembers) jsonOperand {
	k, t := keyed(o.need("key"), tunnelKeys)
	return jsonOperand{Expr: &Tunnel{Key: k}, typ: t}
}
