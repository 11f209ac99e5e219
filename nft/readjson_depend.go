package nft

import (
	"encoding/binary"

	"rechain/nft/bytecode"
)

// nft adds the matches that a field needs and that no statement before has made (payload_gen_dependency and its kin in nftables' src/payload.c).
// A listing has only what nft would not add by itself.

// needs makes sure that a packet has a header.
func (r *jsonRule) needs(p *protocol, at *jsonNode) {
	have := r.ctx.layers[p.base]
	switch {
	case have == p || p == protoTH:
		return
	case p == protoVLAN:
		if have != protoEther {
			r.needs(protoEther, at)
		}
		r.imply(&Payload{Base: bytecode.LinkHeader, Offset: 12, Len: 2}, network16(0x8100), true)
		r.ctx.under = append(r.ctx.under, protoEther)
		r.ctx.layers[bytecode.LinkHeader] = protoVLAN
		return
	case p == protoEther:
		if have == protoVLAN {
			return
		}
		r.imply(&Meta{bytecode.MetaIiftype}, binary.NativeEndian.AppendUint16(nil, 1), false) // ARPHRD_ETHER
		r.ctx.layers[bytecode.LinkHeader] = protoEther
		return
	case have != nil && have != protoUnknown && !r.ambiguous[p.base]:
		at.fail("%s is asked for, but the packet was found to be %s", p.name, have.name)
	case have != nil && r.ambiguous[p.base]:
		r.ctx.layers[p.base] = p
		return
	}
	switch p.base {
	case bytecode.NetworkHeader:
		r.needNetwork(p, at)
	case bytecode.TransportHeader:
		r.needTransport(p, at)
	default:
		at.fail("nothing says what leads to %s", p.name)
	}
}

func (r *jsonRule) needNetwork(p *protocol, at *jsonNode) {
	var number uint16
	for num, q := range linkUpper {
		if q == p {
			number = uint16(num)
		}
	}
	switch {
	case r.table.Family == Inet && r.ctx.layers[bytecode.LinkHeader] == protoInet && p == protoIP:
		r.imply(&Meta{bytecode.MetaNfproto}, []byte{byte(IPv4)}, false)
	case r.table.Family == Inet && r.ctx.layers[bytecode.LinkHeader] == protoInet && p == protoIP6:
		r.imply(&Meta{bytecode.MetaNfproto}, []byte{byte(IPv6)}, false)
	case number == 0 || !mixed(r.table.Family):
		at.fail("%s is asked for in a table of %s", p.name, familyName(r.table.Family))
	case p == protoARP || r.ctx.framed || r.forICMP:
		typ := uint32(12)
		if r.ctx.layers[bytecode.LinkHeader] == protoVLAN {
			typ += protoVLAN.length / 8
		}
		r.imply(&Payload{Base: bytecode.LinkHeader, Offset: typ, Len: 2}, network16(number), true)
	default:
		r.imply(&Meta{bytecode.MetaProtocol}, network16(number), false)
	}
	r.ctx.layers[bytecode.NetworkHeader] = p
}

func (r *jsonRule) needTransport(p *protocol, at *jsonNode) {
	number := -1
	for num, q := range ipUpper {
		if q == p {
			number = int(num)
		}
	}
	if number < 0 {
		at.fail("nothing says what leads to %s", p.name)
	}
	if below := map[*protocol]*protocol{protoICMP: protoIP, protoIGMP: protoIP, protoICMPv6: protoIP6}[p]; below != nil && r.ctx.layers[bytecode.NetworkHeader] == nil {
		r.forICMP = r.table.Family == Bridge
		r.needNetwork(below, at)
		r.forICMP = false
	}
	r.imply(&Meta{bytecode.MetaL4proto}, []byte{byte(number)}, false)
	r.ctx.layers[bytecode.TransportHeader] = p
}

func network16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }

// imply adds a match before the statement that is being read.
func (r *jsonRule) imply(left Expr, value []byte, protocol bool) {
	r.add(jsonStmt{Stmt: &Match{Op: bytecode.CmpEq, Left: left, Right: &Value{value}}, joins: isPayload(left), protocol: protocol, expression: true})
}

func isPayload(e Expr) bool {
	_, ok := e.(*Payload)
	return ok
}

// needsICMP makes sure that an ICMP message is one that has a field.
func (r *jsonRule) needsICMP(f *field, at *jsonNode) {
	if f.icmp == icmpAny || r.ctx.icmpType == icmpTypes[f.icmp] {
		return
	}
	if r.ctx.icmpType != 0 {
		at.fail("this message has no %s", f.name)
	}
	left := &Payload{Base: bytecode.TransportHeader, Len: 1}
	typ := icmpTypes[f.icmp]
	r.ctx.icmpType = typ
	pairs := map[icmpKind][]Element{
		icmpEcho:  {{Key: []byte{0}}, {Key: []byte{8}}},
		icmp6Echo: {{Key: []byte{128}}, {Key: []byte{129}}},
	}
	elements, ok := pairs[f.icmp]
	if !ok {
		r.imply(left, []byte{typ}, true)
		return
	}
	datatype := TypeICMPType
	if f.icmp == icmp6Echo {
		datatype = TypeICMP6Type
	}
	r.add(jsonStmt{Stmt: &InSet{Key: left, Set: &Set{Type: []Datatype{datatype}, Elements: elements}}, expression: true})
}

// learn notes what a comparison says of protocols.
func (r *jsonRule) learn(left jsonOperand, values [][]byte) {
	if len(values) == 0 {
		return
	}
	for i, v := range values {
		before := r.ctx
		switch e := left.Expr.(type) {
		case *Payload:
			if left.field == nil {
				return
			}
			n := &payloadNode{base: e.Base, off: left.off, bits: e.Len * 8, proto: left.proto, field: left.field, isKey: left.proto.isKey(left.field)}
			r.ctx.learnPayload(n, left.typ.low(v))
			r.ctx.seen(n)
		case *Meta:
			if isMetaKey(e.Key) {
				r.ctx.learnMeta(e.Key, left.typ.low(v))
			}
		case *CT:
			r.ctx.learnCT(e.Key, left.typ.low(v))
		default:
			return
		}
		for base := range r.ctx.layers {
			if i > 0 && before.layers[base] != r.ctx.layers[base] {
				r.ambiguous[base] = true
			}
		}
	}
}
