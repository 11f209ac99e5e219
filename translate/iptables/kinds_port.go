package iptables

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Ports is a range of ports, both ends included.
type Ports struct{ Lo, Hi uint16 }

// anyPort is what iptables takes as no condition at all, and so does not print.
var anyPort = Ports{0, 65535}

var (
	// Port is one port, by number or service name. Value: uint16.
	Port = NewKind(
		func(w string, _ Family) (uint16, error) { return ParsePort(w) },
		func(v uint16) string { return strconv.Itoa(int(v)) })

	// PortRange is "a", "a:b", "a:" or ":b", each a number or a service name. Value: [Ports].
	PortRange Kind = portRange{NewKind(
		func(w string, _ Family) (Ports, error) { return parsePorts(w, ":") },
		func(v Ports) string { return formatPorts(v, ":") })}

	// ToPorts is "a" or "a-b", as the NAT targets take it: a service name can stand only alone. Value: [Ports].
	ToPorts = NewKind(
		func(w string, _ Family) (Ports, error) { return parseToPorts(w) },
		func(v Ports) string { return formatPorts(v, "-") })

	// PortList is a list of ports and ranges, as multiport takes it. Value: []Ports.
	PortList = NewKind(parsePortList, formatPortList)
)

// portRange is PortRange: all ports are as good as no condition.
type portRange struct{ Kind }

func (portRange) Vacuous(value any) bool { return value.(Ports) == anyPort }

// maxMultiports is XT_MULTI_PORTS (linux/netfilter/xt_multiport.h): a range takes two of them.
const maxMultiports = 15

func parsePortList(w string, _ Family) ([]Ports, error) {
	var list []Ports
	n := 0
	for part := range strings.SplitSeq(w, ",") {
		p, err := parsePorts(part, ":")
		if err != nil {
			return nil, err
		}
		if n++; p.Lo != p.Hi || strings.Contains(part, ":") {
			n++
		}
		if n > maxMultiports {
			return nil, errors.New("too many ports: 15 at most, where a range counts as two")
		}
		list = append(list, p)
	}
	return list, nil
}

func formatPortList(list []Ports) string {
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = formatPorts(p, ":")
	}
	return strings.Join(parts, ",")
}

func parsePorts(w, sep string) (Ports, error) {
	lo, hi, two := w, "", false
	if port, ok := service(w); ok { // a service name may contain the separator
		return Ports{port, port}, nil
	}
	lo, hi, two = strings.Cut(w, sep)
	p := anyPort
	var err error
	if lo != "" || !two {
		if p.Lo, err = ParsePort(lo); err != nil {
			return p, err
		}
	}
	if !two {
		p.Hi = p.Lo
		return p, nil
	}
	if hi != "" {
		if p.Hi, err = ParsePort(hi); err != nil {
			return p, err
		}
	}
	if p.Lo > p.Hi {
		return p, fmt.Errorf("%s is an empty range: %d is above %d", w, p.Lo, p.Hi)
	}
	return p, nil
}

func parseToPorts(w string) (Ports, error) {
	if _, ok := service(w); !ok && strings.Trim(w, "0123456789abcdefxABCDEFX-") != "" ||
		strings.HasPrefix(w, "-") || strings.HasSuffix(w, "-") {
		return Ports{}, fmt.Errorf("%s is not a port or a range of ports", Quote(w))
	}
	return parsePorts(w, "-")
}

func formatPorts(p Ports, sep string) string {
	if p.Lo == p.Hi {
		return strconv.Itoa(int(p.Lo))
	}
	return strconv.Itoa(int(p.Lo)) + sep + strconv.Itoa(int(p.Hi))
}

// ParsePort reads a port number or the name of a well-known service.
func ParsePort(w string) (uint16, error) {
	if port, ok := service(w); ok {
		return port, nil
	}
	if w == "" || w[0] < '0' || w[0] > '9' {
		return 0, fmt.Errorf("%s is neither a port nor a known service name", Quote(w))
	}
	v, err := ParseUint(w, 0, 65535)
	if err != nil {
		return 0, fmt.Errorf("%s is not a port: 0 to 65535", Quote(w))
	}
	return uint16(v), nil
}
