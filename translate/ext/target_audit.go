package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// logAudit is NFT_LOGLEVEL_AUDIT.
const logAudit = 8

// xt_AUDIT.c, audit_tg: a record in the audit log.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:    "AUDIT",
		Options: []*iptables.OptionSpec{{Name: "--type", Kind: iptables.Enum("accept", "drop", "reject"), Required: true}},
		Listing: listed("AUDIT", "*", "--type"),
	},
	Limits: Limits{Lossy: Always},
	Lower: func(c *Context, t *iptables.Target) Action {
		c.Lossy(t.Options[0].Pos, "AUDIT", "", "the record does not say what happens to the packet")
		level := uint32(logAudit)
		return stmts(&nft.Plain{Op: &bytecode.Log{Level: &level}})
	},
})
