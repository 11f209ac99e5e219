package packet

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Text writes a value of a field as people write it.
func (f Field) Text(v Value) string {
	switch f.Show {
	case Address:
		if f.Bits == 32 {
			return netip.AddrFrom4([4]byte(v.Bytes(4))).String()
		}
		return netip.AddrFrom16([16]byte(v.Bytes(16))).String()
	case Ethernet:
		return net.HardwareAddr(v.Bytes(6)).String()
	case Text:
		name := strings.TrimRight(string(v.Bytes(16)), "\x00")
		if name == "" {
			return "none"
		}
		for _, c := range name {
			if c <= ' ' || c > '~' {
				return strconv.Quote(name)
			}
		}
		return name
	case Bool:
		return [...]string{"no", "yes"}[v.Lo&1]
	case Protocol:
		if name, ok := protocolNames[v.Lo]; ok {
			return name
		}
	case Flags:
		return flagText(v, tcpFlagNames)
	case State:
		return flagText(v, stateNames)
	case Status:
		return flagText(v, statusNames)
	case Owner:
		return [...]string{"none", "kernel", "process", "?"}[v.Lo&3]
	case Hex:
		if v.Hi != 0 {
			return fmt.Sprintf("0x%x%016x", v.Hi, v.Lo)
		}
		return fmt.Sprintf("0x%x", v.Lo)
	}
	return strconv.FormatUint(v.Lo, 10)
}

var protocolNames = map[uint64]string{1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 33: "dccp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 58: "icmpv6", 89: "ospf",
	108: "comp", 112: "vrrp", 132: "sctp", 136: "udplite"}

// By bit: struct tcphdr, nf_conntrack_common.h.
var (
	tcpFlagNames = []string{"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"}
	stateNames   = []string{"invalid", "established", "related", "new", "", "", "untracked"}
	statusNames  = []string{"expected", "seen-reply", "assured", "confirmed", "snat", "dnat", "seq-adjust", "snat-done", "dnat-done", "dying", "fixed-timeout",
		"template", "untracked", "helper", "offload", "hw-offload"}
)

func flagText(v Value, names []string) string {
	var out []string
	rest := v.Lo
	for i, n := range names {
		if n != "" && rest&(1<<i) != 0 {
			out = append(out, n)
			rest &^= 1 << i
		}
	}
	if rest != 0 || len(out) == 0 {
		out = append(out, fmt.Sprintf("0x%x", rest))
	}
	return strings.Join(out, "|")
}

// Text writes ranges of a field: "10.0.0.0/8, 192.168.0.1-192.168.0.9".
func (f Field) RangesText(ranges []Range) string {
	var out []string
	for _, r := range ranges {
		out = append(out, f.rangeText(r))
	}
	return strings.Join(out, ", ")
}

func (f Field) rangeText(r Range) string {
	switch {
	case r.From == r.To:
		return f.Text(r.From)
	case f.Show == Address:
		if n, ok := prefix(r, uint(f.Bits)); ok {
			return fmt.Sprintf("%s/%d", f.Text(r.From), n)
		}
	case f.Show == Text:
		if n, ok := prefix(r, 128); ok && n%8 == 0 {
			return strings.TrimRight(string(r.From.Bytes(16)[:n/8]), "\x00") + "+"
		}
		return fmt.Sprintf("%s to %s", f.Text(r.From), strconv.Quote(string(r.To.Bytes(16))))
	}
	return f.Text(r.From) + "-" + f.Text(r.To)
}

// prefix is how many leading bits all of a range share, if it is all that share them.
func prefix(r Range, bits uint) (n uint, ok bool) {
	free := r.From.Xor(r.To)
	if !free.And(free.Next()).IsZero() || !r.From.And(free).IsZero() {
		return 0, false
	}
	for n = bits; !free.IsZero(); n-- {
		free = free.Shr(1)
	}
	return n, true
}

// Names writes the packet's fields in a fixed order: "protocol=tcp dport=80". What is zero or unset says nothing and is left out.
func (p *Packet) String() string {
	var fields []Field
	for f, v := range p.Fields {
		if !v.IsZero() && f != HasTransport {
			fields = append(fields, f)
		}
	}
	slices.SortFunc(fields, func(a, b Field) int { return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Name, b.Name)) })
	var out []string
	for _, f := range fields {
		out = append(out, strings.ReplaceAll(f.Name, " ", "-")+"="+f.Text(p.Fields[f]))
	}
	return strings.Join(out, " ")
}

// place is where a field stands in a packet's line.
func place(f Field) int {
	order := []Field{Iif, Oif, L4Proto, IPv4Src, IPv6Src, SrcPort, IPv4Dst, IPv6Dst, DstPort}
	if i := slices.Index(order, f); i >= 0 {
		return i
	}
	return len(order)
}
