package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// dscpClasses are the names of RFC 2474, RFC 2597 and RFC 3246.
var dscpClasses = map[string]uint64{
	"CS0": 0, "CS1": 8, "CS2": 16, "CS3": 24, "CS4": 32, "CS5": 40, "CS6": 48, "CS7": 56, "BE": 0, "EF": 46,
	"AF11": 10, "AF12": 12, "AF13": 14, "AF21": 18, "AF22": 20, "AF23": 22, "AF31": 26, "AF32": 28, "AF33": 30, "AF41": 34, "AF42": 36, "AF43": 38,
}

// dscpClassKind is a name of dscpClasses. Value: uint64.
var dscpClassKind = iptables.NewKind(
	func(w string, _ iptables.Family) (uint64, error) { return lookupName(w, dscpClasses, "DSCP class") },
	func(v uint64) string { return iptables.Hex(0, 63, 2).Format(v) })

// canonicalDSCP says a class as its number.
func canonicalDSCP(class, number string) func(*iptables.Extension, []iptables.Option, iptables.Family) []iptables.Option {
	return func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
		for i, o := range options {
			if o.Spec.Name == class {
				options[i].Spec = e.Option(number)
			}
		}
		return options
	}
}

func oneOption(name, hint string) func(*iptables.Rule, []iptables.Option, string, string) *iptables.Problem {
	return func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
		if len(options) == 1 {
			return nil
		}
		return &iptables.Problem{Pos: r.Pos, Ext: name, Msg: "needs one option: " + hint}
	}
}

// xt_dscp.c: the upper six bits of the second byte of struct iphdr, or of the traffic class, which follows the version.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "dscp",
		Options: []*iptables.OptionSpec{
			{Name: "--dscp", Kind: iptables.Hex(0, 63, 2), Neg: true},
			{Name: "--dscp-class", Kind: dscpClassKind, Neg: true},
		},
		Canonical: canonicalDSCP("--dscp-class", "--dscp"),
		Check:     oneOption("dscp", "--dscp or --dscp-class"),
		Listing:   listed("DSCP match", "!*", "--dscp"),
	},
	Meaning: dscpMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		return negated(tosBits(c.Family, dscpBits, uint8(o.Value.(uint64))<<2), o.Neg)
	},
})

// dscpMeaning is dscp_mt and dscp_mt6.
func dscpMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return optionsMeaning(m, func(o iptables.Option) packet.Pred { return packet.Eq(packet.DSCP, packet.Num(o.Value.(uint64))) })
}
