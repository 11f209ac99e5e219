package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_connmark.c, connmark_mt. A packet without a connection fails before the match inverts, and so does nft's load.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "connmark",
		Options: []*iptables.OptionSpec{{Name: "--mark", Kind: iptables.Mark, Neg: true, Required: true}},
		Listing: listed("connmark match", "! !*", "--mark"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		v := m.Options[0].Value.(iptables.MarkMask)
		mark := negated(masked(&nft.CT{Key: bytecode.CtMark}, v.Mask, v.Value), m.Options[0].Neg)
		if v.Mask == 0 || v.Value&^v.Mask != 0 { // which does not look at the mark
			return All{tracked(), mark}
		}
		return mark
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		return packet.All{packet.Tracked, packet.Negate(markMeaning(packet.CTMark, m.Options[0].Value.(iptables.MarkMask)), m.Options[0].Neg)}
	},
})
