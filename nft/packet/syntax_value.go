package packet

import (
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// routeTypes are the values of the fields of [fibTypes]: RTN_* of rtnetlink.h.
var routeTypes = []string{"unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw", "nat"}

func isFibType(f Field) bool {
	return strings.HasPrefix(f.Name, "fib ") && strings.HasSuffix(f.Name, " type")
}

// valueText is a field's value in a line; [Field.Text] but for what a line could not have or would not say as well.
func valueText(f Field, v Value) string {
	if f.Show == Text && !v.IsZero() {
		name := string(v.Bytes(16))
		name = strings.TrimRight(name, "\x00")
		if q := strconv.Quote(name); name == "none" || strings.ContainsAny(name, `"' `+"\\") || q != `"`+name+`"` {
			return q
		}
		return name
	}
	if isFibType(f) && v.Hi == 0 && v.Lo < uint64(len(routeTypes)) {
		return routeTypes[v.Lo]
	}
	if f == TCPFlags && v.IsZero() {
		return "none"
	}
	return f.Text(v)
}

// parseValue reads a field's value, as valueText writes it; or says what is wrong.
func parseValue(f Field, s string) (v Value, msg string) {
	if f.Show != Text && s == "" {
		return v, "has no value"
	}
	switch f.Show {
	case Address:
		a, err := netip.ParseAddr(s)
		if err != nil || a.BitLen() != int(f.Bits) || a.Zone() != "" {
			return v, fmt.Sprintf("%q is not an address of IPv%d", s, map[uint8]int{32: 4, 128: 6}[f.Bits])
		}
		return FromBytes(a.AsSlice()), ""
	case Ethernet:
		mac, err := net.ParseMAC(s)
		if err != nil || len(mac) != 6 {
			return v, fmt.Sprintf("%q is not a hardware address", s)
		}
		return FromBytes(mac), ""
	case Text:
		return parseName(s)
	case Bool:
		i := slices.Index([]string{"no", "yes"}, s)
		if i < 0 {
			return v, "is yes or no"
		}
		return Num(uint64(i)), ""
	case Protocol:
		if v, ok := protocolNumber(s); ok {
			return v, ""
		}
	case Flags:
		return parseFlags(f, s, tcpFlagNames)
	case State:
		if v, msg = parseFlags(f, s, stateNames); msg == "" && !Contains(Domain(f), v) {
			msg = "is one of new, established, related, invalid and untracked"
		}
		return v, msg
	case Status:
		return parseFlags(f, s, statusNames)
	case Owner:
		i := slices.Index([]string{"none", "kernel", "process"}, s)
		if i < 0 {
			return v, "is none, kernel or process"
		}
		return Num(uint64(i)), ""
	}
	if i := slices.Index(routeTypes, s); isFibType(f) && i >= 0 {
		return Num(uint64(i)), ""
	}
	return parseNumber(f, s)
}

func parseName(s string) (v Value, msg string) {
	name, wasQuoted := unquote(s)
	switch {
	case !wasQuoted && (s == "none" || s == ""):
		return v, ""
	case len(name) > 15:
		return v, fmt.Sprintf("%q is longer than 15 characters", name)
	case strings.Contains(name, "\x00"):
		return v, "has a NUL"
	}
	return Name(name), ""
}

// parseFlags reads names between "|" or ",".
func parseFlags(f Field, s string, names []string) (v Value, msg string) {
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '|' || r == ',' }) {
		i := slices.Index(names, part)
		switch {
		case part == "none":
		case i >= 0:
			v.Lo |= 1 << i
		default:
			n, msg := parseNumber(f, part)
			if msg != "" {
				return v, fmt.Sprintf("%q is none of %s", part, strings.Join(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" }), ", "))
			}
			v = v.Or(n)
		}
	}
	return v, ""
}

func parseNumber(f Field, s string) (v Value, msg string) {
	n, ok := new(big.Int).SetString(s, 0)
	switch {
	case !ok || n.Sign() < 0 || strings.ContainsAny(s, "+_"):
		return v, fmt.Sprintf("%q is not a number", s)
	case n.BitLen() > int(f.Bits):
		return v, fmt.Sprintf("%s does not fit: the field has %d bits", s, f.Bits)
	}
	return FromBytes(n.FillBytes(make([]byte, 16))), ""
}
