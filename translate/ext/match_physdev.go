package ext

import "rechain/translate/iptables"

// xt_physdev.c looks at the bridge's ports of a packet that crosses a bridge.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "physdev",
		Options: []*iptables.OptionSpec{
			{Name: "--physdev-is-in", Kind: iptables.Flag, Neg: true},
			{Name: "--physdev-in", Kind: iptables.String(15), Neg: true},
			{Name: "--physdev-is-out", Kind: iptables.Flag, Neg: true},
			{Name: "--physdev-out", Kind: iptables.String(15), Neg: true},
			{Name: "--physdev-is-bridged", Kind: iptables.Flag, Neg: true},
		},
		Listing: listed("PHYSDEV match", "! --physdev-is-in", "--physdev-is-in", "! --physdev-in *", "--physdev-in",
			"! --physdev-is-out", "--physdev-is-out", "! --physdev-out *", "--physdev-out",
			"! --physdev-is-bridged", "--physdev-is-bridged"),
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, m *iptables.Match) Cond {
		c.Refuse(m.Pos, "physdev", "write the rule in a table of family bridge", "nftables knows a bridge's ports only in its bridge family")
		return All{}
	},
})
