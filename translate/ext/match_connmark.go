package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_connmark.c, connmark_mt. A packet without a connection fails before the match inverts, and so does nft's load.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "connmark",
		Options: []*iptables.OptionSpec{{Name: "--mark", Kind: iptables.Mark, Neg: true, Required: true}},
		Listing: listMark("connmark"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		return negated(marked(&nft.CT{Key: bytecode.CtMark}, m.Options[0].Value.(iptables.MarkMask)), m.Options[0].Neg)
	},
})
