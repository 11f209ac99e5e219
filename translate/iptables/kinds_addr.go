package iptables

import (
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// Net is an address under a mask. Addr is masked; Mask is 4 or 16 bytes long and need not be contiguous.
type Net struct {
	Addr netip.Addr
	Mask []byte
}

// Addrs is a range of addresses of one family, both ends included.
type Addrs struct{ Lo, Hi netip.Addr }

// NATRange is where an address translation goes. Addresses are invalid when only ports were given; Ports is zero when no ports
// were given.
type NATRange struct {
	Addrs
	Ports Ports
	// Base is the port that stands for the first of the original ports, as in ":1000-1100/8000"; 0 when not given.
	Base uint16
}

var (
	// Address is one address of the rule's family. Value: netip.Addr.
	Address = NewKind(ParseAddr, addrString)

	// Network is "address", "address/length" or "address/mask". It prints without a length when that covers the whole address.
	// Value: [Net].
	Network = NewKind(ParseNet, func(n Net) string {
		if ones, ok := n.Ones(); ok && ones == len(n.Mask)*8 {
			return addrString(n.Addr)
		}
		return n.String()
	})

	// MaskedNetwork is Network, but printed always with its length or mask. Value: [Net].
	MaskedNetwork = NewKind(ParseNet, Net.String)

	// AddressRange is "a" or "a-b". Value: [Addrs].
	AddressRange = NewKind(parseAddrs, func(r Addrs) string {
		if r.Lo == r.Hi {
			return addrString(r.Lo)
		}
		return addrString(r.Lo) + "-" + addrString(r.Hi)
	})

	// ToAddress is "a", "a-b", "a-b:port", ":port-port/base" and so on, as DNAT and SNAT take it, with brackets around an IPv6
	// address that ports follow. Value: [NATRange].
	ToAddress = NewKind(parseNAT, NATRange.String)
)

// ParseAddr reads an address of the family. Names are not resolved.
func ParseAddr(w string, family Family) (netip.Addr, error) {
	a, err := netip.ParseAddr(w)
	switch {
	case err != nil && looksLikeName(w):
		return a, fmt.Errorf("%s is a host name, which only the host that it was written on can resolve", Quote(w))
	case err != nil || a.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%s is not an address", Quote(w))
	case a.Is4() != (family == IPv4):
		return a, fmt.Errorf("%s is not an IPv%d address", w, family)
	}
	return a, nil
}

func looksLikeName(w string) bool {
	return w != "" && strings.Trim(w, "0123456789./:") != "" && !strings.ContainsAny(w, ":/ ")
}

// ParseNet reads an address with a prefix length or a mask, if any, and masks it.
func ParseNet(w string, family Family) (Net, error) {
	host, m, masked := strings.Cut(w, "/")
	addr, err := ParseAddr(host, family)
	if err != nil {
		return Net{}, err
	}
	n := addr.BitLen()
	mask := prefixMask(n, n)
	if masked {
		if mask, err = parseMask(m, family); err != nil {
			return Net{}, err
		}
	}
	return Net{maskAddr(addr, mask), mask}, nil
}

func parseMask(m string, family Family) ([]byte, error) {
	size := 32
	if family == IPv6 {
		size = 128
	}
	if n, ok := plainNumber(m); ok && n <= size {
		return prefixMask(n, size), nil
	}
	if m != "" && strings.Trim(m, "0123456789abcdefxABCDEFX") == "" {
		n, err := ParseUint(m, 0, uint64(size))
		if err != nil {
			return nil, fmt.Errorf("prefix length: %w", err)
		}
		return prefixMask(int(n), size), nil
	}
	a, err := netip.ParseAddr(m)
	if err != nil || a.BitLen() != size || a.Zone() != "" {
		return nil, fmt.Errorf("%s is neither a prefix length nor a mask", Quote(m))
	}
	return a.AsSlice(), nil
}

// plainNumber reads a number of one to three decimal digits.
func plainNumber(w string) (n int, ok bool) {
	if len(w) == 0 || len(w) > 3 || w[0] == '0' && len(w) > 1 {
		return 0, false
	}
	for i := range len(w) {
		if w[i] < '0' || w[i] > '9' {
			return 0, false
		}
		n = n*10 + int(w[i]-'0')
	}
	return n, true
}

// prefixMask is a mask of so many ones, which nobody may change.
func prefixMask(ones, size int) []byte {
	if size == 32 {
		return prefixMasks4[ones]
	}
	return prefixMasks6[ones]
}

var prefixMasks4, prefixMasks6 = prefixMasks(4), prefixMasks(16)

func prefixMasks(size int) [][]byte {
	all, masks := make([]byte, (8*size+1)*size), make([][]byte, 8*size+1)
	for ones := range masks {
		masks[ones], all = all[:size:size], all[size:]
		for i := range ones {
			masks[ones][i/8] |= 0x80 >> (i % 8)
		}
	}
	return masks
}

func maskAddr(a netip.Addr, mask []byte) netip.Addr {
	if a.Is4() {
		b := a.As4()
		for i := range b {
			b[i] &= mask[i]
		}
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	for i := range b {
		b[i] &= mask[i]
	}
	return netip.AddrFrom16(b)
}

// addrString is the address as inet_ntop of the GNU C library prints it: it writes IPv4-compatible addresses with dots, which
// netip does not.
func addrString(a netip.Addr) string {
	if a.Is6() {
		b := a.As16()
		if [12]byte(b[:12]) == ([12]byte{}) && (b[12] != 0 || b[13] != 0) {
			return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
		}
	}
	return a.String()
}

func unspecified(family Family) netip.Addr {
	if family == IPv6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// Ones is the prefix length that the mask stands for, if it stands for one.
func (n Net) Ones() (ones int, ok bool) {
	for i, b := range n.Mask {
		ones += bits.LeadingZeros8(^b)
		if b != 0xff {
			ok = b<<bits.LeadingZeros8(^b) == 0
			for _, rest := range n.Mask[i+1:] {
				ok = ok && rest == 0
			}
			return ones, ok
		}
	}
	return ones, true
}

// String prints address/length, or address/mask when the mask is not contiguous.
func (n Net) String() string {
	if ones, ok := n.Ones(); ok {
		return addrString(n.Addr) + "/" + strconv.Itoa(ones)
	}
	m, _ := netip.AddrFromSlice(n.Mask)
	return addrString(n.Addr) + "/" + addrString(m)
}

func parseAddrs(w string, family Family) (Addrs, error) {
	lo, hi, two := strings.Cut(w, "-")
	var r Addrs
	var err error
	if r.Lo, err = ParseAddr(lo, family); err != nil {
		return r, err
	}
	if r.Hi = r.Lo; two {
		if r.Hi, err = ParseAddr(hi, family); err != nil {
			return r, err
		}
	}
	if r.Hi.Less(r.Lo) {
		return r, fmt.Errorf("%s is an empty range: the first address is above the second", w)
	}
	return r, nil
}

func parseNAT(w string, family Family) (r NATRange, err error) {
	addrs, ports := splitNAT(w, family)
	if addrs == "" && ports == "" {
		return r, errors.New("names neither an address nor a port")
	}
	if addrs != "" {
		if r.Addrs, err = parseAddrs(addrs, family); err != nil {
			return r, err
		}
	}
	if ports == "" {
		return r, nil
	}
	ports, base, shifted := strings.Cut(ports, "/")
	if r.Ports, err = parseToPorts(ports); err != nil {
		return r, err
	}
	if r.Ports.Lo == 0 {
		return r, errors.New("port 0 cannot be translated to")
	}
	if shifted {
		if r.Base, err = ParsePort(base); err == nil && r.Base == 0 {
			err = errors.New("port 0 cannot stand for the first of the original ports")
		}
	}
	return r, err
}

// splitNAT parts addresses and ports. An IPv6 address has colons of its own, so that ports need brackets around it.
func splitNAT(w string, family Family) (addrs, ports string) {
	if family == IPv4 {
		addrs, ports, _ = strings.Cut(w, ":")
		return addrs, ports
	}
	if strings.HasPrefix(w, ":") && !strings.HasPrefix(w, "::") {
		return "", w[1:]
	}
	if strings.HasPrefix(w, "[") {
		if end := strings.LastIndex(w, "]"); end > 0 {
			addrs = strings.NewReplacer("[", "", "]", "").Replace(w[:end])
			return addrs, strings.TrimPrefix(w[end+1:], ":")
		}
	}
	return w, ""
}

// String prints the range as iptables-save does.
func (r NATRange) String() string {
	var b strings.Builder
	ported := r.Ports != Ports{}
	if r.Lo.IsValid() {
		open, end := "", ""
		if r.Lo.Is6() && ported {
			open, end = "[", "]"
		}
		b.WriteString(open + addrString(r.Lo))
		if r.Hi != r.Lo {
			b.WriteString("-" + addrString(r.Hi))
		}
		b.WriteString(end)
	}
	if ported {
		b.WriteString(":" + formatPorts(r.Ports, "-"))
		if r.Base != 0 {
			b.WriteString("/" + strconv.Itoa(int(r.Base)))
		}
	}
	return b.String()
}
