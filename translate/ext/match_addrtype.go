package ext

import (
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// addrTypes are iptables' names, by their number in the kernel (RTN_* in linux/rtnetlink.h).
var addrTypes = []string{"UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW",
	"NAT", "XRESOLVE"}

// xt_addrtype.c, addrtype_mt_v1.
var _ = registerMatch(&Match{
	Extension: addrtypeIn(iptables.IPv4, checkAddrtype),
	Lower: func(c *Context, m *iptables.Match) Cond {
		return addrtypeSides(m, func(o iptables.Option, fib *nft.Fib) Cond { return hasType(fib, o.Value.([]string)) })
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		route := routeOf(m)
		return optionsMeaning(m, func(o iptables.Option) packet.Pred {
			side, ok := map[string]string{"--src-type": "saddr", "--dst-type": "daddr"}[o.Spec.Name]
			if !ok {
				return nil
			}
			var types []packet.Value
			for _, t := range o.Value.([]string) {
				types = append(types, packet.Num(uint64(slices.Index(addrTypes, t))))
			}
			return packet.OneOf(typeField(side+route), types...)
		})
	},
})

// addrtypeIn is the extension of a family.
func addrtypeIn(f iptables.Family, check func(*iptables.Rule, []iptables.Option, string, string) *iptables.Problem) iptables.Extension {
	return iptables.Extension{
		Name:     "addrtype",
		Families: []iptables.Family{f},
		Options: []*iptables.OptionSpec{
			{Name: "--src-type", Kind: iptables.EnumList(addrTypes...), Neg: true},
			{Name: "--dst-type", Kind: iptables.EnumList(addrTypes...), Neg: true},
			{Name: "--limit-iface-in", Kind: iptables.Flag, Excludes: []string{"--limit-iface-out"}},
			{Name: "--limit-iface-out", Kind: iptables.Flag, Excludes: []string{"--limit-iface-in"}},
		},
		Check: check,
		Listing: listed("ADDRTYPE match", "src-type !*", "--src-type", "dst-type !*", "--dst-type", "limit-in", "--limit-iface-in",
			"limit-out", "--limit-iface-out"),
	}
}

// addrtypeSides says what a rule asks of the source and the destination. one is given an option and the lookup of its side.
func addrtypeSides(m *iptables.Match, one func(iptables.Option, *nft.Fib) Cond) (all All) {
	flags := uint32(0)
	if _, in := m.Get("--limit-iface-in"); in {
		flags = fibIif
	}
	if _, out := m.Get("--limit-iface-out"); out {
		flags = fibOif
	}
	for _, o := range m.Options {
		switch o.Spec.Name {
		case "--src-type":
			all = append(all, negated(one(o, &nft.Fib{Flags: fibSaddr | flags, Result: fibAddrtype}), o.Neg))
		case "--dst-type":
			all = append(all, negated(one(o, &nft.Fib{Flags: fibDaddr | flags, Result: fibAddrtype}), o.Neg))
		}
	}
	return all
}

// Flags and results of a fib lookup (linux/netfilter/nf_tables.h).
const (
	fibSaddr    = 1
	fibDaddr    = 2
	fibMark     = 4
	fibIif      = 8
	fibOif      = 16
	fibOifIndex = 1
	fibAddrtype = 3
)

func hasType(fib *nft.Fib, types []string) Cond {
	number := func(name string) []byte { return host32(uint32(slices.Index(addrTypes, name))) }
	if len(types) == 1 {
		return present(fib, number(types[0]))
	}
	s := &nft.Set{Type: []nft.Datatype{nft.TypeFibAddr}, Flags: bytecode.SetAnonymous | bytecode.SetConstant}
	for _, t := range types {
		s.Elements = append(s.Elements, nft.Element{Key: number(t)})
	}
	return &Test{Stmts: []nft.Stmt{&nft.InSet{Key: fib, Set: s}}, Inverse: []nft.Stmt{&nft.InSet{Key: fib, Set: s, Not: true}}}
}

func checkAddrtype(r *iptables.Rule, options []iptables.Option, _, chain string) *iptables.Problem {
	typed := false
	for _, o := range options {
		switch o.Spec.Name {
		case "--src-type", "--dst-type":
			typed = true
		case "--limit-iface-in":
			if chain == "POSTROUTING" || chain == "OUTPUT" {
				return &iptables.Problem{Pos: o.Pos, Ext: "addrtype", Msg: "--limit-iface-in has no meaning in " + chain}
			}
		case "--limit-iface-out":
			if chain == "PREROUTING" || chain == "INPUT" {
				return &iptables.Problem{Pos: o.Pos, Ext: "addrtype", Msg: "--limit-iface-out has no meaning in " + chain}
			}
		}
	}
	if !typed {
		return &iptables.Problem{Pos: r.Pos, Ext: "addrtype", Msg: "needs --src-type or --dst-type"}
	}
	return nil
}

// routeOf is the device that a lookup is restricted to, as a word behind the address.
func routeOf(m *iptables.Match) string {
	if _, in := m.Get("--limit-iface-in"); in {
		return " . iif"
	}
	if _, out := m.Get("--limit-iface-out"); out {
		return " . oif"
	}
	return ""
}

// typeField is what type of address the routes say that one is (RTN_*).
func typeField(of string) packet.Field { return packet.Named("fib "+of+" type", 32, packet.Hex) }
