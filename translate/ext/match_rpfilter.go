package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// enum nft_fib_flags and enum nft_fib_result; RTN_LOCAL and RTN_BROADCAST of rtnetlink.h.
const (
	reverseSaddr   = 1
	reverseMark    = 4
	reverseIif     = 8
	reversePresent = 32
	reverseOif     = 1
	reverseType    = 3
	routeLocal     = 2
	routeBroadcast = 3
)

// ipt_rpfilter.c, rpfilter_mt, and ip6t_rpfilter.c, rpfilter_mt: whether an answer would leave by the device that the packet came in
// by. nft's lookup of the same says so too, but takes the broadcast address of a network for one of a host (nft_fib_ipv4.c), and has no
// exception for the unspecified address of IPv6 (nft_fib_ipv6.c).
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "rpfilter",
		Options: []*iptables.OptionSpec{
			{Name: "--loose", Kind: iptables.Flag},
			{Name: "--validmark", Kind: iptables.Flag},
			{Name: "--accept-local", Kind: iptables.Flag},
			{Name: "--invert", Kind: iptables.Flag},
		},
		Check:   checkRpfilter,
		Listing: listed("rpfilter", "loose", "--loose", "validmark", "--validmark", "accept-local", "--accept-local", "invert", "--invert"),
	},
	Meaning: rpfilterMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		_, loose := m.Get("--loose")
		_, mark := m.Get("--validmark")
		_, local := m.Get("--accept-local")
		_, invert := m.Get("--invert")
		flags := uint32(reverseSaddr)
		if mark {
			flags |= reverseMark
		}
		if !loose {
			flags |= reverseIif
		}
		same := routed(flags)
		var cond Any
		if c.Family == iptables.IPv6 {
			nobody := make([]byte, addrLen(c.Family))
			cond = Any{same, present(sourceAddress(c.Family), nobody)}
			flags &^= reverseIif // there, a local address may be any device's
		} else {
			cond = Any{All{same, Not{broadcaster()}}}
		}
		if local {
			cond = append(cond, present(&nft.Fib{Flags: flags &^ reverseMark, Result: reverseType}, host32(routeLocal)))
		}
		return negated(cond, invert)
	},
})

// routed tests for a route back.
func routed(flags uint32) *Test {
	route := &nft.Fib{Flags: flags | reversePresent, Result: reverseOif}
	return &Test{Stmts: present(route, host32(1)).Stmts, Inverse: present(route, host32(0)).Stmts}
}

// broadcaster tests for the broadcast address of a network as the source. The kernel calls 0.0.0.0/8 and 255.255.255.255 broadcast
// as well, but routes them like others.
func broadcaster() *Test {
	ordinary := &nft.Set{
		Type:  []nft.Datatype{nft.TypeIPAddr},
		Flags: bytecode.SetAnonymous | bytecode.SetConstant | bytecode.SetInterval,
		Elements: []nft.Element{
			{Key: []byte{0, 0, 0, 0}, KeyEnd: []byte{0, 255, 255, 255}},
			{Key: []byte{255, 255, 255, 255}},
		},
	}
	kind := &nft.Fib{Flags: reverseSaddr, Result: reverseType}
	return &Test{Stmts: append(present(kind, host32(routeBroadcast)).Stmts,
		&nft.InSet{Key: sourceAddress(iptables.IPv4), Set: ordinary, Not: true})}
}

func checkRpfilter(r *iptables.Rule, _ []iptables.Option, table, chain string) *iptables.Problem {
	switch {
	case table != "raw" && table != "mangle":
		return &iptables.Problem{Pos: r.Pos, Ext: "rpfilter", Msg: "stands in table " + table + ", but works only in raw or mangle"}
	case iptables.IsBuiltin(table, chain) && chain != "PREROUTING":
		return &iptables.Problem{Pos: r.Pos, Ext: "rpfilter", Msg: "works only in PREROUTING, and chains that it leads to"}
	}
	return nil
}

// rpfilterMeaning is rpfilter_mt: a lookup of the way back, which must lead to a unicast address and leave by the device; or with --loose
// by any. nft's lookup is the same, and takes every answer but a local one. One that is neither is that of a network's broadcast address:
// inet_addr_type calls 0.0.0.0/8 and 255.255.255.255 so too, to which there is a route like others. A local address counts with
// --accept-local; in IPv6 whichever device it is of.
func rpfilterMeaning(c *Context, m *iptables.Match) packet.Pred {
	_, loose := m.Get("--loose")
	_, mark := m.Get("--validmark")
	_, local := m.Get("--accept-local")
	_, invert := m.Get("--invert")
	by := "saddr"
	if mark {
		by += " . mark"
	}
	device := ""
	if !loose {
		device = " . iif"
	}
	back := packet.Set(packet.Named("fib "+by+device+" oif exists", 1, packet.Bool))
	var answer packet.Any
	if c.Family == iptables.IPv6 {
		answer = packet.Any{back, packet.Eq(packet.IPv6Src, packet.Value{})}
		device = ""
	} else {
		ordinary := packet.Any{packet.Test(packet.IPv4Src, packet.Num(0xff000000), packet.Value{}), packet.Eq(packet.IPv4Src, packet.Ones(32))}
		broadcast := packet.All{packet.Eq(typeField("saddr"), packet.Num(routeBroadcast)), packet.Not{P: ordinary}}
		answer = packet.Any{packet.All{back, packet.Not{P: broadcast}}}
	}
	if local {
		answer = append(answer, packet.Eq(typeField("saddr"+device), packet.Num(routeLocal)))
	}
	return packet.Negate(answer, invert)
}
