package ext

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"rechain/translate/iptables"
)

// xt_rateest.c, xt_rateest_mt: what RATEEST has estimated, against a rate or another estimate.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "rateest",
		Options: []*iptables.OptionSpec{
			{Name: "--rateest-delta", Kind: iptables.Flag},
			{Name: "--rateest", Kind: iptables.Name(15), Excludes: []string{"--rateest1"}},
			{Name: "--rateest1", Kind: iptables.Name(15)},
			{Name: "--rateest-bps1", Kind: optionalRate},
			{Name: "--rateest-pps1", Kind: optionalCount},
			{Name: "--rateest-lt", Kind: iptables.Flag, Neg: true, Excludes: []string{"--rateest-gt", "--rateest-eq"}},
			{Name: "--rateest-gt", Kind: iptables.Flag, Neg: true, Excludes: []string{"--rateest-eq"}},
			{Name: "--rateest-eq", Kind: iptables.Flag, Neg: true},
			{Name: "--rateest-bps", Kind: optionalRate, Excludes: []string{"--rateest-bps2"}},
			{Name: "--rateest-bps2", Kind: optionalRate},
			{Name: "--rateest-pps", Kind: optionalCount, Excludes: []string{"--rateest-pps2"}},
			{Name: "--rateest-pps2", Kind: optionalCount},
			{Name: "--rateest2", Kind: iptables.Name(15)},
		},
		Canonical: canonicalRates,
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			m := iptables.Match{Options: options}
			has := func(names ...string) bool {
				return slices.ContainsFunc(names, func(n string) bool { _, ok := m.Get(n); return ok })
			}
			switch {
			case !has("--rateest", "--rateest1"):
				return &iptables.Problem{Pos: r.Pos, Ext: "rateest", Msg: "needs --rateest"}
			case !has("--rateest-lt", "--rateest-gt", "--rateest-eq"):
				return &iptables.Problem{Pos: r.Pos, Ext: "rateest", Msg: "needs --rateest-lt, --rateest-gt or --rateest-eq"}
			case !has("--rateest-bps", "--rateest-bps2", "--rateest-pps", "--rateest-pps2"):
				return &iptables.Problem{Pos: r.Pos, Ext: "rateest", Msg: "needs --rateest-bps or --rateest-pps"}
			}
			return nil
		},
		Listing:  listed("rateest match"),
		Unlisted: func([]string) string { return "the unit of a rate" }, // with -n they are bytes, else rounded
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, m *iptables.Match) Cond {
		c.Refuse(m.Pos, "rateest", "use limit, which measures a rate too", "nftables does not estimate rates")
		return All{}
	},
})

// canonicalRates names options as iptables-save does: the first rate is one of a difference alone, and the second has its number only
// there; an estimate has its number only beside another.
func canonicalRates(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
	m := iptables.Match{Options: options}
	_, delta := m.Get("--rateest-delta")
	_, two := m.Get("--rateest2")
	value := map[string]any{}
	given := map[string]bool{}
	var out []iptables.Option
	for _, o := range options {
		name := strings.TrimPrefix(o.Spec.Name, "--rateest-")
		switch name {
		case "--rateest", "--rateest1":
			o.Spec = e.Option("--rateest")
			if two {
				o.Spec = e.Option("--rateest1")
			}
		case "bps1", "pps1", "bps2", "pps2", "bps", "pps":
			given[name[:3]] = true
			if len(name) == 3 {
				name += "2"
			}
			value[name] = o.Value
			continue
		}
		out = append(out, o)
	}
	for _, unit := range []string{"bps", "pps"} {
		number := func(name string) any {
			if v, ok := value[name].(uint32); ok {
				return v
			}
			return uint32(0)
		}
		switch {
		case !given[unit]:
		case delta:
			out = append(out, iptables.Option{Spec: e.Option("--rateest-" + unit + "1"), Value: number(unit + "1")},
				iptables.Option{Spec: e.Option("--rateest-" + unit + "2"), Value: number(unit + "2")})
		case two:
			out = append(out, iptables.Option{Spec: e.Option("--rateest-" + unit)})
		default:
			out = append(out, iptables.Option{Spec: e.Option("--rateest-" + unit), Value: number(unit + "2")})
		}
	}
	return out
}

// optional is a kind whose word may be missing. Its value is then nil.
type optional struct{ iptables.Kind }

func (optional) Missing() any { return nil }

// rateUnits are units of rates, in bits a second.
var rateUnits = map[string]float64{
	"bit": 1, "kibit": 1 << 10, "kbit": 1e3, "mibit": 1 << 20, "mbit": 1e6, "gibit": 1 << 30, "gbit": 1e9, "tibit": 1 << 40, "tbit": 1e12,
	"bps": 8, "kibps": 8 << 10, "kbps": 8e3, "mibps": 8 << 20, "mbps": 8e6, "gibps": 8 << 30, "gbps": 8e9, "tibps": 8 << 40, "tbps": 8e12,
}

// optionalRate is a rate with a unit, bits without one, printed in bits of the unit that rateest_print_rate chooses. Value: uint32, bytes a
// second.
var optionalRate = optional{iptables.NewKind(
	func(w string, _ iptables.Family) (uint32, error) {
		number := strings.TrimRight(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		scale, ok := rateUnits[strings.ToLower(w[len(number):])]
		if len(number) == len(w) {
			scale, ok = 1, true
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !ok || v < 0 || v*scale/8 > math.MaxUint32 {
			return 0, fmt.Errorf("%s is not a rate, such as 2.5mbit", iptables.Quote(w))
		}
		return uint32(v * scale / 8), nil
	},
	func(v uint32) string {
		switch bits := float64(v) * 8; {
		case bits >= 1e9:
			return fmt.Sprintf("%.0fMbit", bits/1e6)
		case bits >= 1e6:
			return fmt.Sprintf("%.0fKbit", bits/1e3)
		default:
			return fmt.Sprintf("%.0fbit", bits)
		}
	})}

// optionalCount is a number of packets a second. Value: uint32.
var optionalCount = optional{iptables.NewKind(
	func(w string, _ iptables.Family) (uint32, error) {
		n, err := iptables.ParseUint(w, 0, math.MaxUint32)
		return uint32(n), err
	},
	func(v uint32) string { return strconv.FormatUint(uint64(v), 10) })}
