package ipset

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"

	"rechain/translate/iptables"
)

// Print writes sets as "ipset save" does.
func Print(w io.Writer, sets Sets) error {
	b := bufio.NewWriter(w)
	for _, s := range sets {
		fmt.Fprintln(b, s)
		for _, e := range s.Entries {
			fmt.Fprintln(b, "add "+s.Name+" "+s.Text(e))
		}
	}
	return b.Flush()
}

// String is the line that creates the set.
func (s *Set) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "create %s %s", s.Name, s.Type.Name)
	switch {
	case s.Type.hash():
		if !s.Type.NoFamily {
			fmt.Fprintf(&b, " family %s", map[iptables.Family]string{iptables.IPv4: "inet", iptables.IPv6: "inet6"}[s.Family])
		}
		if s.MarkMask != 0 {
			fmt.Fprintf(&b, " markmask 0x%08x", s.MarkMask)
		}
		fmt.Fprintf(&b, " hashsize %d maxelem %d", s.HashSize, s.MaxElem)
	case s.Type.Name == "bitmap:port":
		fmt.Fprintf(&b, " range %d-%d", s.FirstPort, s.LastPort)
	case s.Type.bitmap():
		fmt.Fprintf(&b, " range %s-%s", s.First, s.Last)
	default:
		fmt.Fprintf(&b, " size %d", s.Size)
	}
	if s.Netmask != 0 {
		fmt.Fprintf(&b, " netmask %d", s.Netmask)
	}
	if s.Timeout != nil {
		fmt.Fprintf(&b, " timeout %d", *s.Timeout)
	}
	for _, flag := range []struct {
		on   bool
		name string
	}{{s.Counters, "counters"}, {s.Comment, "comment"}, {s.SKBInfo, "skbinfo"}, {s.ForceAdd, "forceadd"}} {
		if flag.on {
			b.WriteString(" " + flag.name)
		}
	}
	if s.Type.hash() {
		fmt.Fprintf(&b, " bucketsize %d", s.BucketSize)
		if s.InitVal != nil {
			fmt.Fprintf(&b, " initval 0x%08x", *s.InitVal)
		}
	}
	return b.String()
}

// Text is an entry of the set as it stands behind the set's name.
func (s *Set) Text(e *Entry) string {
	var b strings.Builder
	b.WriteString(s.element(e.Values))
	if e.NoMatch {
		b.WriteString(" nomatch")
	}
	if s.Timeout != nil {
		fmt.Fprintf(&b, " timeout %d", e.Timeout)
	}
	if s.Counters {
		fmt.Fprintf(&b, " packets %d bytes %d", e.Packets, e.Bytes)
	}
	if e.Comment != "" {
		b.WriteString(` comment "` + e.Comment + `"`)
	}
	for _, w := range e.SKB {
		b.WriteString(" " + w)
	}
	return b.String()
}

// element is an element alone.
func (s *Set) element(values []Value) string {
	var parts []string
	wildcard := ""
	for i, v := range values {
		switch s.Type.Dims[i] {
		case IP, Net:
			if v.Net.IsSingleIP() {
				parts = append(parts, v.Net.Addr().String())
			} else {
				parts = append(parts, v.Net.String())
			}
		case Port:
			parts = append(parts, s.port(v))
		case MAC:
			if !v.AnyMAC {
				parts = append(parts, strings.ToUpper(net.HardwareAddr(v.MAC[:]).String()))
			}
		case Iface:
			name := v.Name
			if v.Physdev {
				name = "physdev:" + name
			}
			if v.Wildcard {
				wildcard = " wildcard"
			}
			parts = append(parts, name)
		case Mark:
			parts = append(parts, fmt.Sprintf("0x%08x", v.Mark))
		case SetName:
			parts = append(parts, v.Name)
		}
	}
	return strings.Join(parts, ",") + wildcard
}

func (s *Set) port(v Value) string {
	if s.Type.bitmap() {
		return fmt.Sprint(v.Port)
	}
	proto := iptables.ProtocolName(v.Proto)
	names := map[uint8]map[uint16]string{protoICMP: icmpNames, protoICMPv6: icmp6Names}[v.Proto]
	switch name, ok := names[v.Port]; {
	case ok:
		return proto + ":" + name
	case names != nil:
		return fmt.Sprintf("%s:%d/%d", proto, v.Port>>8, v.Port&0xff)
	}
	return fmt.Sprintf("%s:%d", proto, v.Port)
}
