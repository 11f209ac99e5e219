package translate

import (
	"bytes"
	"math/bits"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// conditions says all that a rule asks, in the order in which the kernel asks it: the base options (ip_packet_match in
// ip_tables.c, ip6_packet_match in ip6_tables.c), then the matches.
func conditions(c *ext.Context) ext.All {
	r := c.Rule
	var all ext.All
	if r.Src != nil {
		all = append(all, address(r.Src, false))
	}
	if r.Dst != nil {
		all = append(all, address(r.Dst, true))
	}
	if r.In != nil {
		all = append(all, iface(r.In, bytecode.MetaIifname))
	}
	if r.Out != nil {
		all = append(all, iface(r.Out, bytecode.MetaOifname))
	}
	if r.Proto != nil {
		all = append(all, compare(protocolOf, []byte{r.Proto.Num}, r.Proto.Neg))
	}
	if r.Fragment != nil {
		all = append(all, fragment(r.Fragment))
	}
	for _, m := range r.Matches {
		all = append(all, ext.MatchFor(m, c.Family).Lower(c, m))
	}
	return all
}

// protocolOf is what -p tests.
var protocolOf = &nft.Meta{Key: bytecode.MetaL4proto}

// protocolTest returns the test of -p among a rule's conditions, or nil when it wants none or wants none of one.
func protocolTest(conds ext.All) []nft.Stmt {
	for _, cond := range conds {
		if t, ok := cond.(*ext.Test); ok {
			if m, ok := t.Stmts[0].(*nft.Match); ok && m.Left == nft.Expr(protocolOf) && m.Op == bytecode.CmpEq {
				return t.Stmts
			}
		}
	}
	return nil
}

// compare tests a datum that every packet has.
func compare(left nft.Expr, data []byte, neg bool) *ext.Test {
	eq := []nft.Stmt{&nft.Match{Op: bytecode.CmpEq, Left: left, Right: &nft.Value{Data: data}}}
	ne := []nft.Stmt{&nft.Match{Op: bytecode.CmpNeq, Left: left, Right: &nft.Value{Data: data}}}
	if neg {
		return &ext.Test{Stmts: ne, Inverse: eq}
	}
	return &ext.Test{Stmts: eq, Inverse: ne}
}

// address is -s or -d. The offsets are those of struct iphdr and struct ipv6hdr. A prefix of whole bytes is a shorter load
// instead of a mask.
func address(a *iptables.AddrMatch, dst bool) ext.Cond {
	field := nft.Payload{Base: bytecode.NetworkHeader, Offset: 12, Len: 4}
	if a.Addr.Is6() {
		field = nft.Payload{Base: bytecode.NetworkHeader, Offset: 8, Len: 16}
	}
	if dst {
		field.Offset += field.Len
	}
	data := a.Addr.AsSlice()
	n, prefix := prefixLen(a.Mask)
	switch {
	case prefix && n == 0:
		if a.Neg {
			return ext.Any{}
		}
		return ext.All{}
	case prefix && n%8 == 0:
		field.Len = uint32(n / 8)
		return compare(&field, data[:n/8], a.Neg)
	}
	masked := &nft.MaskXor{Of: &field, Mask: a.Mask, Xor: make([]byte, len(a.Mask))}
	return compare(masked, data, a.Neg)
}

// prefixLen counts the leading ones of a mask and says whether there are no others.
func prefixLen(mask []byte) (n int, ok bool) {
	for i, b := range mask {
		ones := bits.LeadingZeros8(^b)
		n += ones
		if ones < 8 {
			return n, b<<ones == 0 && allZero(mask[i+1:])
		}
	}
	return n, true
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// ifnameSize is IFNAMSIZ: the kernel compares interface names as 16 bytes padded with NUL.
const ifnameSize = 16

// iface is -i or -o. A device that is not there has the empty name on both sides. A wildcard is a comparison of the bytes before
// its "+".
func iface(i *iptables.IfaceMatch, key bytecode.MetaKey) ext.Cond {
	name, wild := strings.CutSuffix(i.Name, "+")
	switch {
	case wild && name == "":
		if i.Neg {
			return ext.Any{}
		}
		return ext.All{}
	case wild:
		return compare(&nft.Meta{Key: key}, []byte(name), i.Neg)
	}
	return compare(&nft.Meta{Key: key}, append([]byte(name), make([]byte, ifnameSize-len(name))...), i.Neg)
}

// fragment is -f: a fragment offset other than zero (the lower 13 bits of struct iphdr's frag_off).
func fragment(f *iptables.FragmentMatch) ext.Cond {
	offset := &nft.MaskXor{
		Of:   &nft.Payload{Base: bytecode.NetworkHeader, Offset: 6, Len: 2},
		Mask: []byte{0x1f, 0xff}, Xor: []byte{0, 0}}
	return compare(offset, []byte{0, 0}, !f.Neg)
}

// guard limits a rule of an inet table to one family.
func guard(f iptables.Family) []nft.Stmt {
	nfproto := []byte{byte(nft.IPv4)}
	if f == iptables.IPv6 {
		nfproto[0] = byte(nft.IPv6)
	}
	return compare(&nft.Meta{Key: bytecode.MetaNfproto}, nfproto, false).Stmts
}
