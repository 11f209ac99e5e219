package ext

import (
	"math"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_length.c: the length of the IP packet, which the network stack has cut to it. It may be more than 65535 where the stack leaves it to
// the device to cut a packet into segments (BIG TCP).
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "length",
		Options: []*iptables.OptionSpec{{Name: "--length", Kind: iptables.UintRange(0, 65535, ":"), Neg: true, Required: true}},
		Listing: listed("length", "!#", "--length"),
	},
	Meaning: lengthMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		return negated(hostRange(&nft.Meta{Key: bytecode.MetaLen}, o.Value.(iptables.Range), math.MaxUint32), o.Neg)
	},
})

// hostRange tests a 4-byte datum in host order, always there, against a range. It is compared in network order, since the kernel
// compares bytes. max is the highest value there is.
func hostRange(left nft.Expr, r iptables.Range, max uint64) Cond {
	switch {
	case r.Lo == r.Hi:
		return present(left, host32(uint32(r.Lo)))
	case r.Lo == 0 && r.Hi >= max:
		return All{}
	}
	ordered := &nft.Byteorder{Of: left, ToNetwork: true, Len: 4, Size: 4}
	return within(ordered, net32(uint32(r.Lo)), net32(uint32(r.Hi)))
}

// lengthMeaning is length_mt and length_mt6.
func lengthMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return optionsMeaning(m, func(o iptables.Option) packet.Pred { return rangeMeaning(packet.Length, o.Value) })
}
