package ext

import (
	"strconv"

	"rechain/translate/iptables"
)

// xt_ipvs.c, ipvs_mt: connections that the kernel's load balancer has.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "ipvs",
		Options: []*iptables.OptionSpec{
			{Name: "--ipvs", Kind: iptables.Flag, Neg: true},
			{Name: "--vproto", Kind: protocolNumber, Neg: true},
			{Name: "--vaddr", Kind: hostMaskKind(func(n iptables.Net) string { return iptables.Network.Format(n) }), Neg: true},
			{Name: "--vport", Kind: iptables.Port, Neg: true},
			{Name: "--vdir", Kind: iptables.Enum("ORIGINAL", "REPLY")},
			{Name: "--vmethod", Kind: iptables.Enum("GATE", "IPIP", "MASQ"), Neg: true},
			{Name: "--vportctl", Kind: iptables.Port, Neg: true},
		},
		// The others imply --ipvs, which iptables-save then leaves out.
		Canonical: func(_ *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			var others []iptables.Option
			for _, o := range options {
				if o.Spec.Name != "--ipvs" || o.Neg {
					others = append(others, o)
				}
			}
			if len(others) == 0 {
				return options
			}
			return others
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			m := iptables.Match{Options: options}
			switch o, ok := m.Get("--ipvs"); {
			case len(options) == 0:
				return &iptables.Problem{Pos: r.Pos, Ext: "ipvs", Msg: "needs an option", Hint: "--ipvs"}
			case ok && len(options) > 1:
				return &iptables.Problem{Pos: o.Pos, Msg: "! --ipvs cannot stand with other options"}
			}
			return nil
		},
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, m *iptables.Match) Cond {
		c.Refuse(m.Pos, "ipvs", "match the address and port of the virtual server", "nftables does not see the connections of the load balancer")
		return All{}
	},
})

// protocolNumber is a protocol, printed by its number. Value: uint8.
var protocolNumber = iptables.NewKind(
	func(w string, _ iptables.Family) (uint8, error) { return iptables.ParseProtocol(w) },
	func(n uint8) string { return strconv.Itoa(int(n)) })
