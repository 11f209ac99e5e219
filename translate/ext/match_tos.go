package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_dscp.c, tos_mt.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "tos",
		Options: []*iptables.OptionSpec{{Name: "--tos", Kind: tosKind, Neg: true, Required: true}},
		// iptables 1.8.9 forgets the blank before a number.
		Listing: listed("tos", "match!*", "--tos", "match !*", "--tos"),
	},
	Meaning: tosMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		t := o.Value.(tosMask)
		switch {
		case t.Value&^t.Mask != 0:
			return negated(Any{}, o.Neg)
		case t.Mask == 0:
			return negated(All{}, o.Neg)
		}
		// nft lists one comparison of the whole field as one of each of its parts, and its negation as "neither".
		var all All
		for _, bits := range []uint8{dscpBits, ecnBits} {
			if t.Mask&bits != 0 {
				all = append(all, tosBits(c.Family, t.Mask&bits, t.Value&bits))
			}
		}
		return negated(all, o.Neg)
	},
})

// tosBits tests some bits of the field.
func tosBits(f iptables.Family, mask, v uint8) Cond {
	if f == iptables.IPv4 {
		field := &nft.Payload{Base: bytecode.NetworkHeader, Offset: 1, Len: 1}
		return present(&nft.MaskXor{Of: field, Mask: []byte{mask}, Xor: []byte{0}}, []byte{v})
	}
	field := &nft.Payload{Base: bytecode.NetworkHeader, Len: 2}
	return present(&nft.MaskXor{Of: field, Mask: trafficClass(f, mask), Xor: []byte{0, 0}}, trafficClass(f, v))
}

// tosMeaning is tos_mt: the byte under the mask is the value, of which no bits beyond the mask are.
func tosMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return optionsMeaning(m, func(o iptables.Option) packet.Pred {
		t := o.Value.(tosMask)
		if t.Value&^t.Mask != 0 {
			return packet.Any{}
		}
		byte := []packet.Part{{Field: packet.DSCP, Bits: 6}, {Field: packet.ECN, Bits: 2}}
		return packet.PartsTest(byte, packet.Num(uint64(t.Mask)), packet.Num(uint64(t.Value)))
	})
}
