package ext

import (
	"math"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_cgroup.c, cgroup_mt_v2: the net_cls class of the sending socket. A packet without a full socket never matches, and nft_meta.c
// breaks off for it.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "cgroup",
		Options: []*iptables.OptionSpec{
			{Name: "--path", Kind: iptables.String(511), Neg: true, Excludes: []string{"--cgroup"}},
			{Name: "--cgroup", Kind: iptables.Uint(0, math.MaxUint32), Neg: true},
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if len(options) == 0 {
				return &iptables.Problem{Pos: r.Pos, Ext: "cgroup", Msg: "needs --path or --cgroup"}
			}
			return nil
		},
		Listing: either(listed("", "cgroup ! #", "--cgroup"), listed("", "cgroup ! *", "--path")),
	},
	Limits: Limits{Refused: "--path"},
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		if o.Spec.Name == "--path" {
			c.Refuse(o.Pos, "cgroup", "write socket cgroupv2 in a rule of the host's own",
				"nftables knows a cgroup by a number that only the running host can tell")
			return All{}
		}
		class := present(&nft.Meta{Key: bytecode.MetaCgroup}, host32(uint32(o.Value.(uint64))))
		if o.Neg {
			return &Test{Stmts: class.Inverse}
		}
		return &Test{Stmts: class.Stmts}
	},
})
