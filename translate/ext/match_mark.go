package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_mark.c, mark_mt. Every packet has a mark.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "mark",
		Options: []*iptables.OptionSpec{{Name: "--mark", Kind: iptables.Mark, Neg: true, Required: true}},
		Listing: listed("mark match", "! !*", "--mark"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		v := m.Options[0].Value.(iptables.MarkMask)
		return negated(masked(&nft.Meta{Key: bytecode.MetaMark}, v.Mask, v.Value), m.Options[0].Neg)
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		return packet.Negate(markMeaning(packet.Mark, m.Options[0].Value.(iptables.MarkMask)), m.Options[0].Neg)
	},
})
