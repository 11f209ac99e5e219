package ext

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"rechain/translate/iptables"
)

// xt_HMARK.c: a mark from a hash of the packet's addresses and ports, the same for both directions of a connection (hmark_hash puts
// these into order).
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "HMARK",
		Options: []*iptables.OptionSpec{
			{Name: "--hmark-src-prefix", Kind: prefixLength},
			{Name: "--hmark-dst-prefix", Kind: prefixLength},
			{Name: "--hmark-sport-mask", Kind: iptables.Hex(0, math.MaxUint16, 4)},
			{Name: "--hmark-dport-mask", Kind: iptables.Hex(0, math.MaxUint16, 4)},
			{Name: "--hmark-spi-mask", Kind: iptables.Hex(0, math.MaxUint32, 8)},
			{Name: "--hmark-sport", Kind: iptables.Hex(0, math.MaxUint16, 4)},
			{Name: "--hmark-dport", Kind: iptables.Hex(0, math.MaxUint16, 4)},
			{Name: "--hmark-spi", Kind: iptables.Hex(0, math.MaxUint32, 8)},
			{Name: "--hmark-proto-mask", Kind: iptables.Hex(0, math.MaxUint16, 2)},
			{Name: "--hmark-rnd", Kind: iptables.Hex(0, math.MaxUint32, 8), Required: true},
			{Name: "--hmark-mod", Kind: iptables.Uint(1, math.MaxUint32), Required: true},
			{Name: "--hmark-offset", Kind: iptables.Uint(0, math.MaxUint32)},
			{Name: "--hmark-tuple", Kind: hmarkTuple},
		},
		Canonical: canonicalHMARK,
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			t := iptables.Target{Options: options}
			_, spi := t.Get("--hmark-spi-mask")
			_, sport := t.Get("--hmark-sport-mask")
			if _, dport := t.Get("--hmark-dport-mask"); spi && (sport || dport) {
				return &iptables.Problem{Pos: r.Target.Pos, Ext: "HMARK", Msg: "--hmark-spi-mask excludes masks of ports"}
			}
			if !slices.ContainsFunc(options, func(o iptables.Option) bool { return !slices.Contains(hmarkNumbers, o.Spec.Name) }) {
				return &iptables.Problem{Pos: r.Target.Pos, Ext: "HMARK", Msg: "needs something to hash", Hint: "add --hmark-tuple"}
			}
			return nil
		},
		Listing: listed("HMARK", "mod *", "--hmark-mod", "+ *", "--hmark-offset", "ct,", "--hmark-tuple ct",
			"src-prefix #", "--hmark-src-prefix", "src-prefix /*", "--hmark-src-prefix", "src-prefix", "--hmark-src-prefix 128",
			"dst-prefix #", "--hmark-dst-prefix", "dst-prefix /*", "--hmark-dst-prefix", "dst-prefix", "--hmark-dst-prefix 128",
			"sport-mask *", "--hmark-sport-mask", "dport-mask *", "--hmark-dport-mask", "spi-mask *", "--hmark-spi-mask",
			"sport *", "--hmark-sport", "dport *", "--hmark-dport", "spi *", "--hmark-spi", "proto-mask *", "--hmark-proto-mask", "rnd *", "--hmark-rnd"),
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, t *iptables.Target) Action {
		c.Refuse(t.Pos, "HMARK", "write an nft rule with jhash or symhash, if any even spread of marks will do",
			"nftables hashes to other numbers, and not alike in both directions")
		return Action{}
	},
})

// hmarkNumbers are the options that add nothing to what is hashed.
var hmarkNumbers = []string{"--hmark-rnd", "--hmark-mod", "--hmark-offset"}

// hmarkParts are the parts of a tuple, and the options with the value of each that say the same. ct says that the parts come from
// connection tracking.
var hmarkParts = map[string]struct {
	option string
	all    [2]uint64 // for IPv4 and IPv6
}{
	"src":   {"--hmark-src-prefix", [2]uint64{32, 128}},
	"dst":   {"--hmark-dst-prefix", [2]uint64{32, 128}},
	"sport": {"--hmark-sport-mask", [2]uint64{math.MaxUint16, math.MaxUint16}},
	"dport": {"--hmark-dport-mask", [2]uint64{math.MaxUint16, math.MaxUint16}},
	"proto": {"--hmark-proto-mask", [2]uint64{math.MaxUint16, math.MaxUint16}},
	"spi":   {"--hmark-spi-mask", [2]uint64{math.MaxUint32, math.MaxUint32}},
	"ct":    {},
}

// hmarkTuple is a list of parts. Value: []string.
var hmarkTuple = iptables.NewKind(
	func(w string, _ iptables.Family) ([]string, error) {
		parts := strings.Split(strings.ToLower(w), ",")
		for _, p := range parts {
			if _, ok := hmarkParts[p]; !ok {
				return nil, fmt.Errorf("%s is no part of a packet that is hashed: src, dst, sport, dport, spi, proto or ct", iptables.Quote(p))
			}
		}
		return parts, nil
	},
	func(parts []string) string { return strings.Join(parts, ",") })

// canonicalHMARK says the parts of a tuple by the masks that they stand for, but for ct (HMARK_save).
func canonicalHMARK(e *iptables.Extension, options []iptables.Option, family iptables.Family) []iptables.Option {
	given := map[string]iptables.Option{}
	for _, o := range options {
		parts, tuple := o.Value.([]string)
		if !tuple {
			given[o.Spec.Name] = o
			continue
		}
		for _, p := range parts {
			if p == "ct" {
				o.Value = []string{"ct"}
				given[o.Spec.Name] = o
				continue
			}
			name := hmarkParts[p].option
			given[name] = iptables.Option{Pos: o.Pos, Spec: e.Option(name), Value: hmarkParts[p].all[family/6]}
		}
	}
	var out []iptables.Option
	for _, spec := range e.Options {
		if o, ok := given[spec.Name]; ok {
			out = append(out, o)
		}
	}
	return out
}
