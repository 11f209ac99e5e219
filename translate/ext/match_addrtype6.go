package ext

import (
	"fmt"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_addrtype.c, match_type6. UNSPEC, UNICAST and MULTICAST are what an address is by itself (ipv6_addr_type), and all that are listed
// must hold. Of the others, which the routes say, one must hold.
var _ = registerMatch(&Match{
	Extension: addrtypeIn(iptables.IPv6, checkAddrtype6),
	Limits:    Limits{Refused: "ANYCAST, UNREACHABLE"},
	Meaning:   addrtype6Meaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		return addrtypeSides(m, func(o iptables.Option, fib *nft.Fib) Cond {
			var all All
			for _, t := range o.Value.([]string) {
				switch t {
				case "LOCAL":
					all = append(all, hasType(fib, []string{t}))
				case "ANYCAST", "UNREACHABLE":
					c.Refuse(o.Pos, "addrtype", "use the addresses", "the routes that iptables and nftables ask for %s are not the same", t)
				default:
					all = append(all, addrIs(fib.Flags&fibDaddr != 0, t))
				}
			}
			return all
		})
	},
})

// addrIs tests for a type that an address is by itself.
func addrIs(dst bool, typ string) Cond {
	in := func(prefix ...byte) *Test {
		field := &nft.Payload{Base: bytecode.NetworkHeader, Offset: 8, Len: uint32(len(prefix))}
		if dst {
			field.Offset = 24
		}
		return present(field, prefix)
	}
	unspecified := in(make([]byte, 16)...)
	switch typ {
	case "MULTICAST":
		return in(0xff)
	case "UNSPEC":
		return unspecified
	}
	mapped := in(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff) // IPv4-mapped addresses, which are no type at all
	return Not{Any{in(0xff), unspecified, mapped}}
}

// foreignTypes are those that the kernel takes for IPv4 alone (addrtype_mt_checkentry_v1).
var foreignTypes = []string{"BROADCAST", "BLACKHOLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE"}

func checkAddrtype6(r *iptables.Rule, options []iptables.Option, table, chain string) *iptables.Problem {
	for _, o := range options {
		types, _ := o.Value.([]string)
		for _, t := range types {
			if slices.Contains(foreignTypes, t) {
				return &iptables.Problem{Pos: o.Pos, Msg: fmt.Sprintf("%s: %s is a type of IPv4 addresses alone", o.Spec.Name, t)}
			}
		}
	}
	return checkAddrtype(r, options, table, chain)
}

// addrtype6Meaning is match_type6: every type that an address is by itself must hold (ipv6_addr_type, which calls all unicast but
// multicast addresses, the unspecified one and IPv4-mapped ones), and then one of those that the routes say.
func addrtype6Meaning(_ *Context, m *iptables.Match) packet.Pred {
	route := routeOf(m)
	return optionsMeaning(m, func(o iptables.Option) packet.Pred {
		field, side := packet.IPv6Src, "saddr"
		switch o.Spec.Name {
		case "--dst-type":
			field, side = packet.IPv6Dst, "daddr"
		case "--src-type":
		default:
			return nil
		}
		multicast := packet.Test(field, packet.Ones(8).Shl(120), packet.Num(0xff).Shl(120))
		unspecified := packet.Eq(field, packet.Value{})
		mapped := packet.Test(field, packet.Ones(96).Shl(32), packet.Num(0xffff).Shl(32))
		var all packet.All
		var routes packet.Any
		for _, t := range o.Value.([]string) {
			switch t {
			case "MULTICAST":
				all = append(all, multicast)
			case "UNSPEC":
				all = append(all, unspecified)
			case "UNICAST":
				all = append(all, packet.Not{P: packet.Any{multicast, unspecified, mapped}})
			default:
				routes = append(routes, packet.Eq(typeField(side+route), packet.Num(uint64(slices.Index(addrTypes, t)))))
			}
		}
		if routes != nil {
			all = append(all, routes)
		}
		return all
	})
}
