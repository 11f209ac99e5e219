package redirect

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// The parsers of single values. Their errors say what is wrong and, after a semicolon, what to do; the caller adds the place.

// decimal reads a decimal number without sign or leading zeros, which iptables (strtoul with base 0) would take for octal.
func decimal(s string, limit uint64) (uint64, bool) {
	v, err := strconv.ParseUint(s, 10, 64)
	return v, err == nil && v <= limit && strconv.FormatUint(v, 10) == s
}

func parsePort(s string) (uint16, error) {
	v, ok := decimal(s, math.MaxUint16)
	if !ok || v == 0 {
		return 0, fmt.Errorf("%q is not a port (1 to 65535)", s)
	}
	return uint16(v), nil
}

func parsePortRange(s string) (PortRange, error) {
	from, to, isRange := strings.Cut(strings.Replace(s, "-", ":", 1), ":")
	if !isRange {
		to = from
	}
	a, errA := parsePort(from)
	b, errB := parsePort(to)
	switch {
	case errA != nil || errB != nil:
		return PortRange{}, fmt.Errorf("%q is not a port (1 to 65535) or a range of ports; write 80 or 8000:9000", s)
	case a > b:
		return PortRange{}, fmt.Errorf("the range %q ends before it starts; write %d:%d", s, b, a)
	}
	return PortRange{a, b}, nil
}

// parseID reads a user or group id. The highest number means "no id" to the kernel, and libxt_owner takes none above
// UINT32_MAX-1 (owner_mt_parse).
func parseID(s string) (uint32, error) {
	v, ok := decimal(s, math.MaxUint32-1)
	if !ok {
		return 0, fmt.Errorf("%q is not an id (0 to 4294967294)", s)
	}
	return uint32(v), nil
}

// parseCIDR reads a prefix, with its host bits, or an address, which is a prefix of full length.
func parseCIDR(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p, nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.Prefix{}, fmt.Errorf("%q is not an address or a prefix; write 10.0.0.0/8 or 2001:db8::/32", s)
}

// parseLoopback reads what counts as localhost, with the bounds that Istio sets (ValidateIPv4LoopbackCidr).
func parseLoopback(s string) (netip.Prefix, error) {
	p, err := parseCIDR(s)
	if err == nil && (!p.Addr().Is4() || !p.Addr().IsLoopback() || p.Bits() < 8) {
		err = fmt.Errorf("%q is not inside 127.0.0.0/8", s)
	}
	return p, err
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return a, fmt.Errorf("%q is not an address", s)
	case a.Zone() != "":
		return a, fmt.Errorf("%q has a zone, which no rule can ask for; leave out %%%s", s, a.Zone())
	}
	return a, nil
}

// interfaceName checks a name by what the kernel allows (dev_valid_name in net/core/dev.c: fewer than IFNAMSIZ, 16, bytes, no
// space, no slash, no colon), and by what stays one word of an iptables rule: no quotes, no leading "-" or "!".
func interfaceName(s string) (string, error) {
	const ifnamsiz = 16
	odd := func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`/:"'\`, r)
	}
	switch {
	case len(s) >= ifnamsiz:
		return "", fmt.Errorf("%q is too long for an interface, which has at most 15 bytes", s)
	case s == "." || s == ".." || strings.ContainsFunc(s, odd) || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "!"):
		return "", fmt.Errorf("%q is not the name of an interface", s)
	}
	return s, nil
}

// parseMark reads a mark other than 0, which is that of all packets without one.
func parseMark(s string) (uint32, error) {
	v, ok := decimal(s, math.MaxUint32)
	if hex, isHex := strings.CutPrefix(s, "0x"); isHex {
		var err error
		v, err = strconv.ParseUint(hex, 16, 32)
		ok = err == nil
	}
	if !ok || v == 0 {
		return 0, fmt.Errorf("%q is not a mark (1 to 4294967295, decimal or 0x…)", s)
	}
	return uint32(v), nil
}

// parseRouteTable reads the number of a routing table. 253 to 255 are the kernel's default, main and local (RT_TABLE_* in
// linux/rtnetlink.h), where a local default route would take the host off the network.
func parseRouteTable(s string) (uint32, error) {
	v, ok := decimal(s, math.MaxUint32)
	switch {
	case !ok || v == 0:
		return 0, fmt.Errorf("%q is not the number of a routing table (1 to 4294967295)", s)
	case v >= 253 && v <= 255:
		return 0, fmt.Errorf("%s is a routing table of the kernel; take another number", s)
	}
	return uint32(v), nil
}

// maxPrefix is how long a table's name can start: the longest name has 255 bytes (NFT_NAME_MAXLEN in linux/netfilter/nf_tables.h,
// less the final NUL), and the longest that follows is "-mangle".
const maxPrefix = 255 - len("-mangle")

// parseTablePrefix takes what nft takes as the start of a name without quotes.
func parseTablePrefix(s string) (string, error) {
	if s == "" || len(s) > maxPrefix || strings.Trim(s[:1], letters) != "" || strings.Trim(s, nameStart+"-") != "" {
		return "", fmt.Errorf("%q cannot start the name of a table; take a letter, then letters, digits, _ . or -", s)
	}
	return s, nil
}
