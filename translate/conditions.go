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
	all := make(ext.All, 0, 5+len(r.Matches))
	if r.Src != nil {
		all = append(all, address(r.Src, false))
	}
	if r.Dst != nil {
		all = append(all, address(r.Dst, true))
	}
	if r.In != nil {
		all = append(all, iface(r.In, inName))
	}
	if r.Out != nil {
		all = append(all, iface(r.Out, outName))
	}
	if r.Proto != nil {
		if d := c.DemandChain(); d != nil {
			all = append(all, d)
		}
		all = append(all, protocol(r.Proto, c.Family))
	}
	if r.Fragment != nil {
		all = append(all, fragment(r.Fragment))
	}
	whole := false
	for _, m := range r.Matches {
		match := ext.MatchFor(m, c.Family)
		all = append(all, c.Insist(match.Header, whole)...)
		whole = whole || match.Header.Size > 0
		all = append(all, match.Lower(c, m))
	}
	return all
}

// protocolOf is what -p tests.
var protocolOf = &nft.Meta{Key: bytecode.MetaL4proto}

// protocolAH is the number of the authentication header (IANA).
const protocolAH = 51

// protocol is -p. Nearly all rules ask for one of a few: they share their tests. In IPv6 an authentication header is not the last, which
// -p is about, but nftables stops there.
func protocol(p *iptables.ProtoMatch, f iptables.Family) ext.Cond {
	switch {
	case f != iptables.IPv6 || p.Num != protocolAH:
	case p.Neg:
		return ext.All{}
	default:
		return ext.Any{}
	}
	if t := protocols[p.Num]; t != nil && !p.Neg {
		return t
	}
	return compare(protocolOf, []byte{p.Num}, p.Neg)
}

var protocols = func() map[uint8]*ext.Test {
	tests := map[uint8]*ext.Test{}
	for _, n := range []uint8{1, 6, 17, 58} { // ICMP, TCP, UDP, ICMPv6 (IANA)
		tests[n] = compare(protocolOf, []byte{n}, false)
	}
	return tests
}()

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

// compare tests a datum that every packet has. No one asks for the inverse: neg says it.
func compare(left nft.Expr, data []byte, neg bool) *ext.Test {
	c := &struct {
		match nft.Match
		value nft.Value
	}{nft.Match{Op: bytecode.CmpEq, Left: left}, nft.Value{Data: data}}
	c.match.Right = &c.value
	if neg {
		c.match.Op = bytecode.CmpNeq
	}
	return &ext.Test{Stmts: []nft.Stmt{&c.match}}
}

// address is -s or -d. The offsets are those of struct iphdr and struct ipv6hdr. A prefix of whole bytes is a shorter load
// instead of a mask.
func address(a *iptables.AddrMatch, dst bool) ext.Cond {
	fields := addressFields[a.Addr.Is6()][dst]
	data := a.Addr.AsSlice()
	n, prefix := prefixLen(a.Mask)
	switch {
	case prefix && n == 0:
		if a.Neg {
			return ext.Any{}
		}
		return ext.All{}
	case prefix && n%8 == 0:
		return compare(fields[n/8], data[:n/8], a.Neg)
	}
	masked := &nft.MaskXor{Of: fields[len(data)], Mask: a.Mask, Xor: zeros[:len(data):len(data)]}
	return compare(masked, data, a.Neg)
}

// zeros is a mask that changes nothing, for addresses of both families.
var zeros [16]byte

// addressFields are the loads of an address, by whether it is of IPv6, whether it is the destination, and how many of its bytes are
// loaded.
var addressFields = map[bool]map[bool][]*nft.Payload{
	false: {false: firstBytes(12, 4), true: firstBytes(16, 4)},
	true:  {false: firstBytes(8, 16), true: firstBytes(24, 16)},
}

// firstBytes are the loads of the first bytes of a field of the network header, by how many these are.
func firstBytes(offset uint32, length int) []*nft.Payload {
	var loads []*nft.Payload
	for n := range length + 1 {
		loads = append(loads, &nft.Payload{Base: bytecode.NetworkHeader, Offset: offset, Len: uint32(n)})
	}
	return loads
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

// What -i and -o test.
var (
	inName  = &nft.Meta{Key: bytecode.MetaIifname}
	outName = &nft.Meta{Key: bytecode.MetaOifname}
)

// ifnameSize is IFNAMSIZ: the kernel compares interface names as 16 bytes padded with NUL.
const ifnameSize = 16

// iface is -i or -o. A device that is not there has the empty name on both sides. A wildcard is a comparison of the bytes before
// its "+".
func iface(i *iptables.IfaceMatch, device *nft.Meta) ext.Cond {
	name, wild := strings.CutSuffix(i.Name, "+")
	switch {
	case wild && name == "":
		if i.Neg {
			return ext.Any{}
		}
		return ext.All{}
	case wild:
		return compare(device, []byte(name), i.Neg)
	}
	padded := [ifnameSize]byte{}
	copy(padded[:], name)
	return compare(device, padded[:], i.Neg)
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
