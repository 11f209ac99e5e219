package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// state is the older name of conntrack's --ctstate (xt_state.c, and its alias in xt_conntrack).
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "state",
		Options: []*iptables.OptionSpec{
			{Name: "--state", Kind: iptables.EnumList("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED"), Neg: true, Required: true},
		},
		Listing: listed("", "! state *", "--state"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		return negated(inStates(m.Options[0].Value.([]string)), m.Options[0].Neg)
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		return packet.Negate(statesMeaning(m.Options[0].Value.([]string)), m.Options[0].Neg)
	},
})
