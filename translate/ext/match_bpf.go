package ext

import (
	"fmt"
	"strings"

	"rechain/translate/iptables"
)

// xt_bpf.c, bpf_mt: a program that looks at the packet.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "bpf",
		Options: []*iptables.OptionSpec{
			{Name: "--bytecode", Kind: iptables.String(4095), Excludes: []string{"--object-pinned"}},
			{Name: "--object-pinned", Kind: iptables.String(511)},
		},
		Listing: listProgram,
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

var pinnedListing = listed("match bpf pinned", "*", "--object-pinned")

// listProgram reads "match bpf 48 0 0 9,21 0 1 6,…", the instructions of a program without their number.
func listProgram(words []string) ([]string, int) {
	if args, taken := pinnedListing(words); len(args) > 0 {
		return args, taken
	}
	if len(words) < 2 || words[0] != "match" || words[1] != "bpf" {
		return nil, 0
	}
	end, commas := 2, 0
	for end < len(words) && words[end] != "" && strings.Trim(words[end], "0123456789,") == "" {
		commas += strings.Count(words[end], ",")
		if end++; end-2 == 3*(commas+1)+1 { // an instruction has four numbers, and a comma stands between its last and the next
			break
		}
	}
	return []string{"--bytecode", fmt.Sprintf("%d,%s", commas+1, strings.Join(words[2:end], " "))}, end
}
