package ext

import "rechain/translate/iptables"

// ip6t_eui64.c, eui64_mt6: whether the source address is made of the sender's Ethernet address.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{Name: "eui64", Families: []iptables.Family{iptables.IPv6}, Listing: listed("eui64")},
	Limits:    Limits{Refused: Always},
	Lower: func(c *Context, m *iptables.Match) Cond {
		c.Refuse(m.Pos, "eui64", "match the pairs of addresses", "nftables cannot compare two parts of a packet with each other")
		return All{}
	},
})
