package ext

import (
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// addrTypes are iptables' names, by their number in the kernel (RTN_* in linux/rtnetlink.h).
var addrTypes = []string{"UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW",
	"NAT", "XRESOLVE"}

// xt_addrtype.c, addrtype_mt_v1.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "addrtype",
		Options: []*iptables.OptionSpec{
			{Name: "--src-type", Kind: iptables.EnumList(addrTypes...), Neg: true},
			{Name: "--dst-type", Kind: iptables.EnumList(addrTypes...), Neg: true},
			{Name: "--limit-iface-in", Kind: iptables.Flag, Excludes: []string{"--limit-iface-out"}},
			{Name: "--limit-iface-out", Kind: iptables.Flag, Excludes: []string{"--limit-iface-in"}},
		},
		Check:   checkAddrtype,
		Listing: listed("ADDRTYPE match", "src-type !*", "--src-type", "dst-type !*", "--dst-type", "limit-in", "--limit-iface-in", "limit-out", "--limit-iface-out"),
	},
	Limits: Limits{Refused: "types of ip6tables other than LOCAL or MULTICAST alone"},
	Lower: func(c *Context, m *iptables.Match) Cond {
		flags := uint32(0)
		if _, in := m.Get("--limit-iface-in"); in {
			flags = fibIif
		}
		if _, out := m.Get("--limit-iface-out"); out {
			flags = fibOif
		}
		var all All
		for _, o := range m.Options {
			side := uint32(fibSaddr)
			switch o.Spec.Name {
			case "--dst-type":
				side = fibDaddr
			case "--src-type":
			default:
				continue
			}
			types := o.Value.([]string)
			if c.Family == iptables.IPv6 && !sameInIPv6(types) {
				c.Refuse(o.Pos, "addrtype", "use -s or -d, or LOCAL or MULTICAST alone",
					"ip6tables has its own idea of these types, which nftables does not share")
			}
			all = append(all, negated(hasType(&nft.Fib{Flags: side | flags, Result: fibAddrtype}, types), o.Neg))
		}
		return all
	},
})

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

// sameInIPv6 says whether match_type6 in xt_addrtype.c asks what nft_fib_ipv6.c answers.
func sameInIPv6(types []string) bool {
	return len(types) == 1 && (types[0] == "LOCAL" || types[0] == "MULTICAST")
}

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
