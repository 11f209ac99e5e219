package ext

import "rechain/translate/iptables"

// The hop limit is at offset 7 of struct ipv6hdr.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{Name: "hl", Families: []iptables.Family{iptables.IPv6}, Options: ttlOptions("--hl-"), Check: checkTTL("hl"),
		Listing: listed("HL match HL", "== *", "--hl-eq", "!= *", "! --hl-eq", "< *", "--hl-lt", "> *", "--hl-gt")},
	Lower: func(c *Context, m *iptables.Match) Cond { return comparesTTL(7, m.Options[0]) },
})
