package ext

import (
	"fmt"
	"math"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_cgroup.c, cgroup_mt_v2: the net_cls class of the sending socket. A packet without a full socket never matches, and nft_meta.c
// breaks off for it. The nft rule that the hint for --path gives cannot stand in POSTROUTING, and for a packet that came in it looks for a
// socket where iptables wants it to have one.
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
			hint := ""
			if path := strings.Trim(o.Value.(string), "/"); path != "" {
				hint = fmt.Sprintf("let nft look it up, in a rule of the host's own: socket cgroupv2 level %d %q", 1+strings.Count(path, "/"), path)
			}
			c.Refuse(o.Pos, "cgroup", hint, "nftables knows a cgroup by a number that only the running host can tell")
			return All{}
		}
		class := present(&nft.Meta{Key: bytecode.MetaCgroup}, host32(uint32(o.Value.(uint64))))
		if o.Neg {
			return &Test{Stmts: class.Inverse}
		}
		return &Test{Stmts: class.Stmts}
	},
})
