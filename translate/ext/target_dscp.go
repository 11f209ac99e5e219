package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_DSCP.c, dscp_tg.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "DSCP",
		Options: []*iptables.OptionSpec{
			{Name: "--set-dscp", Kind: iptables.Hex(0, 63, 2)},
			{Name: "--set-dscp-class", Kind: dscpClassKind},
		},
		Canonical: canonicalDSCP("--set-dscp-class", "--set-dscp"),
		Check:     both(onlyIn("mangle"), oneOption("DSCP", "--set-dscp or --set-dscp-class")),
		Listing:   listed("DSCP set", "*", "--set-dscp"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		return stmts(setTOS(c, dscpBits, uint8(t.Options[0].Value.(uint64))<<2)...)
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		return do(packet.Assign(packet.DSCP, packet.Num(t.Options[0].Value.(uint64))))
	},
})
