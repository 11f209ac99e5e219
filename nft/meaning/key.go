package meaning

import (
	"fmt"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
)

// key names an expression of which only the name is known, in a spelling of its own: equal expressions have equal keys.
func key(x nft.Expr) string {
	switch v := x.(type) {
	case *nft.Value:
		return fmt.Sprintf("%x", v.Data)
	case *nft.Meta:
		return "meta " + v.Key.Keyword()
	case *nft.Payload:
		return fmt.Sprintf("@%d,%d,%d", v.Base, 8*v.Offset, 8*v.Len)
	case *nft.CT:
		s := "ct "
		if v.HasDir {
			s += [...]string{"original ", "reply "}[v.Dir&1]
		}
		return s + v.Key.Keyword()
	case *nft.Socket:
		s := "socket " + v.Key.String()
		if v.Key == bytecode.SocketCgroupV2 {
			s += fmt.Sprintf(" level %d", v.Level)
		}
		return s
	case *nft.Fib:
		return fibKey(v)
	case *nft.Rt:
		return fmt.Sprintf("rt %d", v.Key)
	case *nft.Numgen:
		return fmt.Sprintf("numgen %s mod %d offset %d", [...]string{"inc", "random"}[v.Type&1], v.Modulus, v.Offset)
	case *nft.Hash:
		if v.Of == nil {
			return fmt.Sprintf("symhash mod %d offset %d", v.Modulus, v.Offset)
		}
		return fmt.Sprintf("jhash %s mod %d seed %d offset %d", key(v.Of), v.Modulus, v.Seed, v.Offset)
	case *nft.Exthdr:
		s := fmt.Sprintf("%s %d", [...]string{"exthdr", "tcp option", "ip option", "sctp chunk", "dccp option"}[min(v.Op, 4)], v.Type)
		if v.Flags&1 == 0 {
			s += fmt.Sprintf(" @%d,%d", v.Offset, v.Len)
		}
		return s
	case *nft.Osf:
		return fmt.Sprintf("osf ttl %d", v.TTL)
	case *nft.Xfrm:
		return fmt.Sprintf("ipsec %s spnum %d %d", [...]string{"in", "out"}[v.Dir&1], v.Spnr, v.Key)
	case *nft.MaskXor:
		return fmt.Sprintf("(%s & %x ^ %x)", key(v.Of), v.Mask, v.Xor)
	case *nft.Shift:
		return fmt.Sprintf("(%s shift %v %d)", key(v.Of), v.Right, v.Bits)
	case *nft.Binary:
		return fmt.Sprintf("(%s %d %s)", key(v.A), v.Op, key(v.B))
	case *nft.Byteorder:
		return fmt.Sprintf("order(%s)", key(v.Of))
	case *nft.Concat:
		var parts []string
		for _, p := range v.Parts {
			parts = append(parts, key(p))
		}
		return strings.Join(parts, " . ")
	}
	return fmt.Sprintf("%T%v", x, x)
}

// fibKey is as nft writes it: "fib saddr . iif oif".
func fibKey(f *nft.Fib) string {
	const present = 32 // NFTA_FIB_F_PRESENT
	var of []string
	for i, name := range []string{"saddr", "daddr", "mark", "iif", "oif"} {
		if f.Flags&(1<<i) != 0 {
			of = append(of, name)
		}
	}
	s := fmt.Sprintf("fib %s %s", strings.Join(of, " . "), [...]string{"", "oif", "oifname", "type"}[f.Result&3])
	if f.Flags&present != 0 {
		s += " exists"
	}
	return s
}
