package ext

import "rechain/translate/iptables"

// xt_bpf.c, bpf_mt: a program that looks at the packet.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "bpf",
		Options: []*iptables.OptionSpec{
			{Name: "--bytecode", Kind: iptables.String(4095), Excludes: []string{"--object-pinned"}},
			{Name: "--object-pinned", Kind: iptables.String(511)},
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if len(options) == 0 {
				return &iptables.Problem{Pos: r.Pos, Ext: "bpf", Msg: "needs --bytecode or --object-pinned"}
			}
			return nil
		},
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, m *iptables.Match) Cond {
		c.Refuse(m.Pos, "bpf", "write what the program looks for as matches", "nftables runs no programs")
		return All{}
	},
})
