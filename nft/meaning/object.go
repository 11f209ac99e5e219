package meaning

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// object uses a named object, or that which a map has for a packet; one that the map does not have breaks the rule off
// (nft_objref_map_eval).
func (r *ruleReader) object(o *nft.ObjectRef) []packet.Step {
	if o.Key == nil {
		return r.objectNamed(o.Type, o.Name)
	}
	s := r.find(o.Map, o.Set)
	reg := r.load(o.Key)
	if s == nil || changes(s) || reg.memory != "" {
		return opaque(fmt.Sprintf("object %d of %s in @%s", o.Type, key(o.Key), o.Map))
	}
	choose := &packet.Choose{}
	for _, g := range grouped(s.Elements, func(e nft.Element) string { return e.Object }) {
		choose.Cases = append(choose.Cases, packet.Case{When: r.holds(o.Key, reg, s, g), Steps: r.objectNamed(s.Object, g[0].Object)})
	}
	return append(require(reg.needs), choose)
}

func (r *ruleReader) objectNamed(typ bytecode.ObjectType, name string) []packet.Step {
	for _, o := range r.table.Objects {
		if o.Name == name && o.Type == typ {
			return r.named(o)
		}
	}
	return opaque(fmt.Sprintf("object %d %s", typ, name))
}

// named is what a rule does with an object.
func (r *ruleReader) named(o *nft.Object) []packet.Step {
	const context = 1 // NFTA_SECMARK_CTX
	switch o.Type {
	case bytecode.ObjectCounter:
		return nil
	case bytecode.ObjectCtHelper:
		r.tracks = true
		return r.helper(o.CtHelper)
	case bytecode.ObjectSecmark:
		if b, ok := bytecode.FindAttr(o.Raw, context); ok {
			return []packet.Step{do(packet.Context(bytecode.Attr{Data: b}.String()))}
		}
	case bytecode.ObjectCtTimeout, bytecode.ObjectCtExpect:
		r.tracks = true
		return []packet.Step{packet.When(packet.Tracked, do(&packet.Note{Key: fmt.Sprintf("ct object %d %x", o.Type, o.Raw)}))}
	}
	switch v := o.Value.(type) {
	case *bytecode.Quota:
		return require(packet.Negate(packet.BelowQuota("quota "+o.Name, v.Bytes), v.Flags&1 != 0))
	case *bytecode.Limit:
		return require(packet.Negate(packet.Limited("limit "+o.Name, v.Rate, v.Unit, burst(v), v.Type == 1), v.Over))
	case *bytecode.Connlimit:
		r.tracks = true
		return require(packet.Negate(packet.MoreConnections(v.Count, "connlimit "+o.Name), v.Flags&1 == 0))
	case *bytecode.Synproxy:
		return r.synproxy(v)
	}
	return opaque(fmt.Sprintf("object %d %s", o.Type, o.Name))
}

// helper gives a helper to a connection of its protocol that is only being made (nft_ct_helper_obj_eval). Such a connection has the
// packet's own protocol.
func (r *ruleReader) helper(h *bytecode.CtHelper) []packet.Step {
	if h == nil || h.L3 != uint16(r.family()) && h.L3 != uint16(nft.Inet) {
		return nil
	}
	return []packet.Step{packet.When(packet.Eq(packet.L4Proto, packet.Num(uint64(h.L4))), packet.Helps(h.Helper))}
}

// synproxy takes TCP packets with SYN or ACK, and drops those that are not sound (nft_synproxy_do_eval, nft_synproxy_eval_v4 and _v6).
// In IPv6 it takes the checksum for IPv4's, and every packet for unsound whose checksum the network card has not checked.
func (r *ruleReader) synproxy(v *bytecode.Synproxy) []packet.Step {
	const (
		syn = 1 << 1
		ack = 1 << 4
	)
	r.tracks = true
	sound := packet.Sound
	if r.ipv6 {
		sound = &packet.Opaque{Key: "TCP header is sound, and the network card has checked it"}
	}
	with := func(flag uint64) packet.Pred { return packet.Test(packet.TCPFlags, packet.Num(flag), packet.Num(flag)) }
	takes := func(acked bool) []packet.Step {
		return []packet.Step{do(packet.Answered(acked, v.MSS, v.Wscale, v.Flags)), &packet.End{Verdict: packet.Verdict{Kind: packet.Stolen}}}
	}
	return []packet.Step{
		&packet.Require{P: packet.Eq(packet.L4Proto, packet.Num(6))},
		&packet.Choose{Cases: []packet.Case{
			{When: packet.Not{P: sound}, Steps: []packet.Step{&packet.End{Verdict: packet.Verdict{Kind: packet.Drop}}}},
			{When: with(syn), Steps: takes(false)},
			{When: with(ack), Steps: takes(true)},
			{When: packet.All{}},
		}},
	}
}
