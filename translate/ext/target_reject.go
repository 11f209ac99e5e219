package ext

import (
	"fmt"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// answer is what a rejected sender gets: a TCP reset, or an ICMP error with a code.
type answer struct {
	name  string
	short string
	reset bool
	code  uint8
}

// rejects are the answers of each family, the default first (ipt_reject_table in libipt_REJECT.c and libip6t_REJECT.c).
var rejects = map[iptables.Family][]answer{
	iptables.IPv4: {
		{"icmp-port-unreachable", "port-unreach", false, 3},
		{"icmp-net-unreachable", "net-unreach", false, 0},
		{"icmp-host-unreachable", "host-unreach", false, 1},
		{"icmp-proto-unreachable", "proto-unreach", false, 2},
		{"icmp-net-prohibited", "net-prohib", false, 9},
		{"icmp-host-prohibited", "host-prohib", false, 10},
		{"tcp-reset", "tcp-rst", true, 0},
		{"icmp-admin-prohibited", "admin-prohib", false, 13},
	},
	iptables.IPv6: {
		{"icmp6-port-unreachable", "port-unreach", false, 4},
		{"icmp6-no-route", "no-route", false, 0},
		{"icmp6-adm-prohibited", "adm-prohibited", false, 1},
		{"icmp6-addr-unreachable", "addr-unreach", false, 3},
		{"tcp-reset", "tcp-reset", true, 0},
		{"icmp6-policy-fail", "policy-fail", false, 5},
		{"icmp6-reject-route", "reject-route", false, 6},
	},
}

// answerKind is the name of an answer, which may be cut short. Value: answer.
var answerKind = iptables.NewKind(
	func(w string, f iptables.Family) (answer, error) {
		for _, a := range rejects[f] {
			if w != "" && (strings.HasPrefix(strings.ToUpper(a.name), strings.ToUpper(w)) || strings.HasPrefix(strings.ToUpper(a.short), strings.ToUpper(w))) {
				return a, nil
			}
		}
		return answer{}, fmt.Errorf("%s is not an answer that IPv%d has", iptables.Quote(w), f)
	},
	func(a answer) string { return a.name })

// ipt_REJECT.c and ip6t_REJECT.c.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:    "REJECT",
		Options: []*iptables.OptionSpec{{Name: "--reject-with", Kind: answerKind}},
		Canonical: func(e *iptables.Extension, options []iptables.Option, f iptables.Family) []iptables.Option {
			return withDefault(e, options, "--reject-with", rejects[f][0])
		},
		Check: both(onlyIn("filter"), func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if options[0].Value.(answer).reset && (r.Proto == nil || r.Proto.Neg || r.Proto.Num != protoTCP) {
				return &iptables.Problem{Pos: options[0].Pos, Ext: "REJECT", Msg: "a TCP reset answers only TCP", Hint: "add -p tcp"}
			}
			return nil
		}),
		Listing: listed("", "reject-with *", "--reject-with"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		a := t.Options[0].Value.(answer)
		op := &bytecode.Reject{Code: a.code}
		if a.reset {
			op.Type = rejectReset
		}
		action := stmts(&nft.Plain{Op: op})
		action.Ends, action.Proto = true, a.reset
		return action
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		a := t.Options[0].Value.(answer)
		if a.reset {
			return ends(packet.Reset())
		}
		return ends(packet.Unreachable(a.code))
	},
})

// rejectReset is NFT_REJECT_TCP_RST.
const rejectReset = 1
