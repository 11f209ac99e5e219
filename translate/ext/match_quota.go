package ext

import (
	"math"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_quota.c, quota_mt: a number of bytes that this rule may match. What is left of it is not in a dump.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:     "quota",
		Options:  []*iptables.OptionSpec{{Name: "--quota", Kind: iptables.Uint(0, math.MaxUint64), Neg: true, Required: true}},
		Listing:  listed("quota:", "! * bytes", "--quota"),
		Unlisted: func([]string) string { return "whether the quota is inverted" },
	},
	Meaning: quotaMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		bytes := m.Options[0].Value.(uint64)
		if bytes > math.MaxInt64 { // more than nft can count to (nft_quota_do_init), or any host
			return negated(All{}, m.Options[0].Neg)
		}
		return negated(&Test{
			Stmts:    []nft.Stmt{&nft.Plain{Op: &bytecode.Quota{Bytes: bytes}}},
			Inverse:  []nft.Stmt{&nft.Plain{Op: &bytecode.Quota{Bytes: bytes, Flags: 1}}}, // NFT_QUOTA_F_INV
			Stateful: true,
		}, m.Options[0].Neg)
	},
})

// quotaMeaning is quota_mt.
func quotaMeaning(_ *Context, m *iptables.Match) packet.Pred {
	o := m.Options[0]
	if o.Value.(uint64) > math.MaxInt64 { // which no host uses up
		return packet.Negate(packet.All{}, o.Neg)
	}
	return packet.Negate(packet.BelowQuota("", o.Value.(uint64)), o.Neg)
}
