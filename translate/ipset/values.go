package ipset

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"rechain/translate/iptables"
)

// IP protocol numbers (IANA).
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// maxRange is how many elements one line adds at most (IPSET_MAX_RANGE of Linux' ip_set.h).
const maxRange = 1 << 20

// limit is how many elements one line may add to the set.
func (s *Set) limit() int { return min(s.capacity(), maxRange) }

func (s *Set) tooMany(w string) error {
	return fmt.Errorf("%s is more than %d elements", w, s.limit())
}

// expand reads an element, and returns all those that it stands for.
func (s *Set) expand(word string) ([][]Value, error) {
	parts := strings.Split(word, ",")
	if len(parts) != len(s.Type.Dims) && !(s.Type.Name == "bitmap:ip,mac" && len(parts) == 1) {
		return nil, fmt.Errorf("%s has %d parts, where %s has %d", iptables.Quote(word), len(parts), s.Type.Name, len(s.Type.Dims))
	}
	all := [][]Value{nil}
	for i, dim := range s.Type.Dims {
		values := []Value{{AnyMAC: true}}
		if i < len(parts) {
			var err error
			if values, err = s.value(dim, parts[i]); err != nil {
				return nil, err
			}
		}
		if len(all)*len(values) > s.limit() {
			return nil, s.tooMany(word)
		}
		var longer [][]Value
		for _, v := range values {
			for _, head := range all {
				longer = append(longer, append(append(make([]Value, 0, len(s.Type.Dims)), head...), v))
			}
		}
		all = longer
	}
	return all, nil
}

// value reads one dimension of an element.
func (s *Set) value(dim Dim, w string) ([]Value, error) {
	switch dim {
	case IP:
		return s.addresses(w)
	case Net:
		return s.networks(w)
	case Port:
		return s.ports(w)
	case MAC:
		mac, err := net.ParseMAC(padMAC(w))
		if err != nil || len(mac) != 6 {
			return nil, fmt.Errorf("%s is not an Ethernet address", iptables.Quote(w))
		}
		return []Value{{MAC: [6]byte(mac)}}, nil
	case Iface:
		name, physdev := strings.CutPrefix(w, "physdev:")
		if name == "" || len(name) > 15 { // IFNAMSIZ and its NUL
			return nil, fmt.Errorf("%s is not the name of a device", iptables.Quote(name))
		}
		return []Value{{Name: name, Physdev: physdev}}, nil
	case Mark:
		n, err := iptables.ParseUint(w, 0, 1<<32-1)
		return []Value{{Mark: uint32(n) & s.MarkMask}}, err
	}
	return []Value{{Name: w}}, checkName(w)
}

// padMAC gives each byte of an Ethernet address two digits.
func padMAC(w string) string {
	parts := strings.Split(w, ":")
	for i, p := range parts {
		if len(p) == 1 {
			parts[i] = "0" + p
		}
	}
	return strings.Join(parts, ":")
}

func (s *Set) bits() int {
	if s.Family == iptables.IPv6 {
		return 128
	}
	return 32
}

func (s *Set) address(w string) (netip.Addr, error) {
	a, err := netip.ParseAddr(w)
	switch {
	case err != nil || a.Zone() != "":
		return a, fmt.Errorf("%s is not an address", iptables.Quote(w))
	case a.BitLen() != s.bits():
		return a, fmt.Errorf("%s is not of the set's family", w)
	}
	return a, nil
}

// span reads "ADDRESS", "ADDRESS/BITS" or "ADDRESS-ADDRESS".
func (s *Set) span(w string) (first, last netip.Addr, err error) {
	if from, to, ok := strings.Cut(w, "-"); ok {
		if first, err = s.address(from); err == nil {
			last, err = s.address(to)
		}
		if err == nil && last.Less(first) {
			first, last = last, first
		}
		return first, last, err
	}
	addr, bits, masked := strings.Cut(w, "/")
	if first, err = s.address(addr); err != nil || !masked {
		return first, first, err
	}
	n, err := iptables.ParseUint(bits, 0, uint64(s.bits()))
	if err != nil {
		return first, first, err
	}
	p := netip.PrefixFrom(first, int(n)).Masked()
	return p.Addr(), lastOf(p), nil
}

// lastOf is the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func (s *Set) addresses(w string) ([]Value, error) {
	first, last, err := s.span(w)
	if err != nil {
		return nil, err
	}
	if s.Type.bitmap() && (first.Less(s.First) || s.Last.Less(last)) {
		return nil, fmt.Errorf("%s is out of the set's range", w)
	}
	keep := s.bits()
	if s.Netmask != 0 {
		keep = s.Netmask
	}
	var out []Value
	for a := first; a.IsValid() && !last.Less(a); {
		if len(out) == s.limit() {
			return nil, s.tooMany(w)
		}
		p := netip.PrefixFrom(a, keep).Masked()
		out = append(out, Value{Net: netip.PrefixFrom(p.Addr(), s.bits())})
		a = lastOf(p).Next()
	}
	return out, nil
}

func (s *Set) networks(w string) ([]Value, error) {
	first, last, err := s.span(w)
	if err != nil {
		return nil, err
	}
	var out []Value
	for a := first; a.IsValid() && !last.Less(a); {
		p := netip.PrefixFrom(a, s.bits())
		for p.Bits() > 0 {
			wider := netip.PrefixFrom(a, p.Bits()-1)
			if wider.Masked().Addr() != a || last.Less(lastOf(wider)) {
				break
			}
			p = wider
		}
		if p.Bits() == 0 && !s.Type.Zero {
			return nil, errors.New("a network of this type cannot be all addresses; give its two halves")
		}
		out = append(out, Value{Net: p})
		a = lastOf(p).Next()
	}
	return out, nil
}

// ports reads "[PROTOCOL:]PORT[-PORT]", where PORT is a message for ICMP. The protocol is TCP where none is given.
func (s *Set) ports(w string) ([]Value, error) {
	proto := uint8(protoTCP)
	if name, port, ok := strings.Cut(w, ":"); ok {
		n, err := iptables.ParseProtocol(name)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, errors.New("a protocol cannot be 0 here")
		}
		proto, w = n, port
	}
	switch proto {
	case protoICMP, protoICMPv6:
		if (proto == protoICMP) != (s.Family == iptables.IPv4) {
			return nil, fmt.Errorf("%s is not of the set's family", iptables.ProtocolName(proto))
		}
		code, err := message(proto, w)
		return []Value{{Proto: proto, Port: code}}, err
	case protoTCP, protoUDP, protoSCTP, protoUDPLite:
	default:
		if w != "0" {
			return nil, fmt.Errorf("%s has no ports; write %[1]s:0", iptables.ProtocolName(proto))
		}
		return []Value{{Proto: proto}}, nil
	}
	from, to, err := portSpan(w)
	if err != nil {
		return nil, err
	}
	if s.Type.bitmap() {
		proto = 0
		if from < s.FirstPort || to > s.LastPort {
			return nil, fmt.Errorf("%s is out of the set's range", w)
		}
	}
	var out []Value
	for p := int(from); p <= int(to); p++ {
		out = append(out, Value{Proto: proto, Port: uint16(p)})
	}
	return out, nil
}

func portSpan(w string) (from, to uint16, err error) {
	if p, err := iptables.ParsePort(w); err == nil { // some services have "-" in their names
		return p, p, nil
	}
	a, b, ranged := strings.Cut(w, "-")
	if from, err = iptables.ParsePort(a); err != nil || !ranged {
		return from, from, err
	}
	to, err = iptables.ParsePort(b)
	return min(from, to), max(from, to), err
}

// message reads the name or the numbers of an ICMP message.
func message(proto uint8, w string) (uint16, error) {
	names := icmpNames
	if proto == protoICMPv6 {
		names = icmp6Names
	}
	if name, ok := icmpAliases[w]; ok {
		w = name
	}
	for code, name := range names {
		if name == w {
			return code, nil
		}
	}
	typ, code, ok := strings.Cut(w, "/")
	t, err1 := iptables.ParseUint(typ, 0, 255)
	c, err2 := iptables.ParseUint(code, 0, 255)
	if !ok || err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%s is neither TYPE/CODE nor the name of an ICMP message", iptables.Quote(w))
	}
	return uint16(t<<8 | c), nil
}

func checkName(w string) error {
	if w == "" || len(w) > 31 { // IPSET_MAXNAMELEN and its NUL
		return fmt.Errorf("%s is not a name of 1 to 31 bytes", iptables.Quote(w))
	}
	return nil
}
