package ext

import (
	"errors"
	"math"
	"strconv"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_connlimit.c, connlimit_mt: how many connections the address of a packet has, or those that share its prefix. Each rule counts by
// itself. Here a set of the rule's own holds the counts.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "connlimit",
		Options: []*iptables.OptionSpec{
			{Name: "--connlimit-upto", Kind: iptables.Uint(0, math.MaxUint32), Neg: true, Excludes: []string{"--connlimit-above"}},
			{Name: "--connlimit-above", Kind: iptables.Uint(0, math.MaxUint32), Neg: true},
			{Name: "--connlimit-mask", Kind: prefixLength},
			{Name: "--connlimit-saddr", Kind: iptables.Flag, Excludes: []string{"--connlimit-daddr"}},
			{Name: "--connlimit-daddr", Kind: iptables.Flag},
		},
		Canonical: canonicalConnlimit,
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			m := iptables.Match{Options: options}
			_, upto := m.Get("--connlimit-upto")
			if _, above := m.Get("--connlimit-above"); !upto && !above {
				return &iptables.Problem{Pos: r.Pos, Ext: "connlimit", Msg: "needs --connlimit-upto or --connlimit-above"}
			}
			return nil
		},
		Listing: either(
			listed("", "#conn src/* > *", "--connlimit-above $2 --connlimit-mask $1 --connlimit-saddr"),
			listed("", "#conn src/* <= *", "--connlimit-upto $2 --connlimit-mask $1 --connlimit-saddr"),
			listed("", "#conn dst/* > *", "--connlimit-above $2 --connlimit-mask $1 --connlimit-daddr"),
			listed("", "#conn dst/* <= *", "--connlimit-upto $2 --connlimit-mask $1 --connlimit-daddr")),
	},
	Meaning: connlimitMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		limit, above := m.Get("--connlimit-above")
		if !above {
			limit, _ = m.Get("--connlimit-upto")
		}
		ones, _ := m.Get("--connlimit-mask")
		_, destination := m.Get("--connlimit-daddr")
		counts := func(over bool) nft.Stmt {
			op := &bytecode.Connlimit{Count: uint32(limit.Value.(uint64))}
			if over {
				op.Flags = 1 // NFT_CONNLIMIT_F_INV
			}
			return &nft.Plain{Op: op}
		}
		if ones.Value.(uint64) == 0 { // all addresses together
			return &Test{Stmts: []nft.Stmt{counts(above)}, Inverse: []nft.Stmt{counts(!above)}, Stateful: true}
		}
		key, typ := addressKey(c.Family, destination, prefixMask(c.Family, ones.Value.(uint64)))
		set := &nft.Set{Type: []nft.Datatype{typ}, Flags: bytecode.SetEval, Size: dynamicSize}
		c.AddSet("connlimit-"+c.Chain, set)
		update := func(over bool) []nft.Stmt {
			return []nft.Stmt{&nft.UpdateSet{Op: bytecode.DynsetAdd, Name: set.Name, Key: key, Stmts: []nft.Stmt{counts(over)}}}
		}
		return &Test{Stmts: update(above), Inverse: update(!above), Stateful: true}
	},
})

// prefixLength is the length of a prefix of the rule's family. Value: uint64.
var prefixLength = iptables.NewKind(
	func(w string, f iptables.Family) (uint64, error) {
		any := map[iptables.Family]string{iptables.IPv4: "0.0.0.0/", iptables.IPv6: "::/"}[f]
		n, err := iptables.ParseNet(any+w, f)
		if err != nil {
			return 0, err
		}
		ones, ok := n.Ones()
		if !ok {
			return 0, errNoPrefix
		}
		return uint64(ones), nil
	},
	func(v uint64) string { return strconv.FormatUint(v, 10) })

var errNoPrefix = errors.New("is not the mask of a prefix")

// canonicalConnlimit says "not above" as "up to", and adds the defaults that iptables-save prints.
func canonicalConnlimit(e *iptables.Extension, options []iptables.Option, f iptables.Family) []iptables.Option {
	other := map[string]string{"--connlimit-upto": "--connlimit-above", "--connlimit-above": "--connlimit-upto"}
	daddr := false
	for i, o := range options {
		daddr = daddr || o.Spec.Name == "--connlimit-daddr"
		if o.Neg {
			options[i].Spec, options[i].Neg = e.Option(other[o.Spec.Name]), false
		}
	}
	options = withDefault(e, options, "--connlimit-mask", uint64(addrLen(f)*8))
	if daddr {
		return options
	}
	return withDefault(e, options, "--connlimit-saddr", nil)
}

// connlimitMeaning is connlimit_mt. The connections are counted for an address under the mask.
func connlimitMeaning(c *Context, m *iptables.Match) packet.Pred {
	limit, above := m.Get("--connlimit-above")
	if !above {
		limit, _ = m.Get("--connlimit-upto")
	}
	_, destination := m.Get("--connlimit-daddr")
	ones, _ := m.Get("--connlimit-mask")
	by := "all"
	if n := ones.Value.(uint64); n > 0 {
		by = packet.Bits(addressField(c.Family, destination), prefixValue(c.Family, n))
	}
	return packet.Negate(packet.MoreConnections(uint32(limit.Value.(uint64)), by), !above)
}
