package ext

import "rechain/translate/iptables"

// ip6t_eui64.c, eui64_mt6: whether the source address is made of the sender's Ethernet address. Since Linux 6.13 the kernel could compare
// the two, by their exclusive or, but nft 1.0 aborts where it has to list such a rule.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{Name: "eui64", Families: []iptables.Family{iptables.IPv6}, Listing: listed("eui64")},
	Limits:    Limits{Refused: Always},
	Lower: func(c *Context, m *iptables.Match) Cond {
		c.Refuse(m.Pos, "eui64", "match the pairs of addresses", "nft cannot compare two parts of a packet with each other")
		return All{}
	},
})
