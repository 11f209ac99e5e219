package ext

import "rechain/translate/iptables"

// xt_CHECKSUM.c fills in the checksum of a packet that a virtual device would not have filled in, for DHCP clients of old.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:    "CHECKSUM",
		Options: []*iptables.OptionSpec{{Name: "--checksum-fill", Kind: iptables.Flag, Required: true}},
		Check:   onlyIn("mangle"),
		Listing: listed("CHECKSUM", "fill", "--checksum-fill"),
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, t *iptables.Target) Action {
		c.Refuse(t.Pos, "CHECKSUM", "leave it out, unless a DHCP client older than 2011 needs it", "nftables cannot fill in a checksum")
		return stmts()
	},
})
