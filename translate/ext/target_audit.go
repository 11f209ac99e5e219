package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// logAudit is NFT_LOGLEVEL_AUDIT.
const logAudit = 8

// xt_AUDIT.c, audit_tg: a record in the audit log, the same as nft_log_eval_audit writes. Since Linux 4.12 it does not say what
// happens to the packet, so that the type says nothing.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:    "AUDIT",
		Options: []*iptables.OptionSpec{{Name: "--type", Kind: iptables.Enum("accept", "drop", "reject"), Required: true}},
		Listing: listed("AUDIT", "*", "--type"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		level := uint32(logAudit)
		return stmts(&nft.Plain{Op: &bytecode.Log{Level: &level}})
	},
	Meaning: func(*Context, *iptables.Target) []packet.Step { return do(packet.Audited()) },
})
