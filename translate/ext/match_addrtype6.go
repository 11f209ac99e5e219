package ext

import (
	"fmt"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_addrtype.c, match_type6. UNSPEC, UNICAST and MULTICAST are what an address is by itself (ipv6_addr_type), and all that are listed
// must hold. Of the others, which the routes say, one must hold.
var _ = registerMatch(&Match{
	Extension: addrtypeIn(iptables.IPv6, checkAddrtype6),
	Limits:    Limits{Refused: "ANYCAST, UNREACHABLE"},
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
