package packet

import (
	"fmt"
	"net/netip"
	"strings"
)

// ParseWhere reads which packets are meant: conditions that all hold, "dport=22 src=10.0.0.0/8". A condition is a field's name as in
// [ParseLine], "=" or "!=", and values between commas: single ones, ranges FROM-TO, networks, interface names that end in "+". src, dst
// and ct are short names; ipv6 says whose addresses they are. A field of the other family only makes ok false: no packet of this family
// is meant.
func ParseWhere(text string, ipv6 bool) (where Pred, ok bool, err error) {
	words, err := scan(text)
	if err != nil {
		return nil, false, err
	}
	all := All{}
	for _, w := range words {
		name, value, found := w.assignment()
		if !found {
			return nil, false, w.errorf("should be a condition, FIELD=VALUE or FIELD!=VALUE")
		}
		name, neg := strings.CutSuffix(name, "!")
		if name, found = strings.CutPrefix(name, "!"); found {
			neg = !neg
		}
		p, other, msg := condition(name, value, ipv6)
		switch {
		case msg != "":
			return nil, false, w.errorf("%s", msg)
		case other && !neg:
			return nil, false, nil
		case !other:
			all = append(all, Negate(p, neg))
		}
	}
	return all, true, nil
}

// condition is one condition; other says that it is about a field of the other family.
func condition(name, value string, ipv6 bool) (p Pred, other bool, msg string) {
	switch {
	case name == "src" && ipv6:
		name = "ip6-saddr"
	case name == "src":
		name = "ip-saddr"
	case name == "dst" && ipv6:
		name = "ip6-daddr"
	case name == "dst":
		name = "ip-daddr"
	}
	f, ok := findField(name, nil)
	if !ok {
		return nil, false, fmt.Sprintf("there is no field %s", name)
	}
	var ranges []Range
	for part := range strings.SplitSeq(value, ",") {
		r, of, msg := parseRange(f, part)
		if msg != "" {
			return nil, false, msg
		}
		if of != 0 && of != f.Bits {
			other = true
			continue
		}
		ranges = append(ranges, r)
	}
	if ofOtherFamily(f, ipv6) || other && ranges == nil {
		return nil, true, ""
	}
	p = Within(f, ranges)
	if f == UID || f == GID {
		p = All{Eq(HasSocket, Num(2)), p}
	}
	if f == SrcPort || f == DstPort {
		p = All{OneOf(L4Proto, Num(6), Num(17), Num(33), Num(132), Num(136)), p}
	}
	return p, false, ""
}

// parseRange reads a value, a range or a network. of is the width of an address, which the field may not have.
func parseRange(f Field, s string) (r Range, of uint8, msg string) {
	if f.Show == Address {
		return parseAddresses(s)
	}
	if f.Show == Text {
		if prefix, ok := strings.CutSuffix(s, "+"); ok && len(prefix) < 16 {
			from := Name(prefix)
			return Range{from, from.Or(Ones(uint(128 - 8*len(prefix))))}, 0, ""
		}
	}
	from, to, ranged := strings.Cut(s, "-")
	if f.Show == Text || !ranged {
		from, to = s, s
	}
	if r.From, msg = parseValue(f, from); msg == "" {
		r.To, msg = parseValue(f, to)
	}
	if msg == "" && r.From.Cmp(r.To) > 0 {
		msg = fmt.Sprintf("%q is an empty range", s)
	}
	return r, 0, msg
}

func parseAddresses(s string) (r Range, of uint8, msg string) {
	if net, err := netip.ParsePrefix(s); err == nil {
		first := FromBytes(net.Masked().Addr().AsSlice())
		free := Ones(uint(net.Addr().BitLen() - net.Bits()))
		return Range{first, first.Or(free)}, uint8(net.Addr().BitLen()), ""
	}
	from, to, ranged := strings.Cut(s, "-")
	if !ranged {
		to = from
	}
	a, err := netip.ParseAddr(from)
	b, err2 := netip.ParseAddr(to)
	if err != nil || err2 != nil || a.BitLen() != b.BitLen() || a.Zone() != "" || b.Zone() != "" {
		return r, 0, fmt.Sprintf("%q is no address, network or range of addresses", s)
	}
	if b.Less(a) {
		return r, 0, fmt.Sprintf("%q is an empty range", s)
	}
	return Range{FromBytes(a.AsSlice()), FromBytes(b.AsSlice())}, uint8(a.BitLen()), ""
}
