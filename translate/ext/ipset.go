package ext

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// setRef is what --match-set, --add-set and --del-set name: a set, and for each dimension whether it is looked at in the source.
type setRef struct {
	Name string
	Src  []bool
	// returned asks for what elements with nomatch decide (--return-nomatch).
	returned bool
}

// setKind reads "NAME src,dst". Value: setRef.
type setKind struct{}

func (setKind) Args() int { return 2 }

func (setKind) Parse(words []string, _ iptables.Family) (any, error) {
	ref := setRef{Name: words[0]}
	if len(ref.Name) == 0 || len(ref.Name) > 31 { // IPSET_MAXNAMELEN and its NUL
		return nil, fmt.Errorf("%s is not a name of 1 to 31 bytes", iptables.Quote(ref.Name))
	}
	for w := range strings.SplitSeq(words[1], ",") {
		if w != "src" && w != "dst" {
			return nil, fmt.Errorf("%s is neither src nor dst", iptables.Quote(w))
		}
		ref.Src = append(ref.Src, w == "src")
	}
	if len(ref.Src) > 6 { // IPSET_DIM_MAX
		return nil, fmt.Errorf("more than 6 of src and dst")
	}
	return ref, nil
}

func (setKind) Format(v any) string {
	ref := v.(setRef)
	sides := make([]string, len(ref.Src))
	for i, src := range ref.Src {
		sides[i] = "dst"
		if src {
			sides[i] = "src"
		}
	}
	return ref.Name + " " + strings.Join(sides, ",")
}

// portClass is how a packet's protocol gives what ipset calls a port (get_port in ip_set_getport.c).
type portClass int

const (
	withPorts portClass = iota // TCP, UDP, UDP-Lite, SCTP
	messages                   // ICMP: type and code, wherever the rule looks
	portless                   // the others: always 0
)

var classSuffix = map[portClass]string{withPorts: "", messages: "-icmp", portless: "-proto"}

func classOf(proto uint8) portClass {
	switch proto {
	case protoTCP, protoUDP, protoSCTP, protoUDPLite:
		return withPorts
	case 1, 58: // ICMP, ICMPv6
		return messages
	}
	return portless
}

// ipsetKey is the key of a set's elements of one class, for packets as ref looks at them.
func ipsetKey(f iptables.Family, s *ipset.Set, class portClass, ref setRef) nft.Expr {
	var parts []nft.Expr
	for i, dim := range s.Type.Dims {
		src := ref.Src[i]
		switch dim {
		case ipset.IP, ipset.Net:
			ones := uint64(addrLen(f) * 8)
			if s.Netmask != 0 {
				ones = uint64(s.Netmask)
			}
			addr, _ := addressKey(f, !src, prefixMask(f, ones))
			parts = append(parts, addr)
		case ipset.Port:
			if s.Type.Name != "bitmap:port" {
				parts = append(parts, &nft.Meta{Key: bytecode.MetaL4proto})
			}
			switch {
			case class == portless:
			case class == messages || src:
				parts = append(parts, transport(sourcePort, 2))
			default:
				parts = append(parts, transport(destinationPort, 2))
			}
		case ipset.MAC:
			offset := uint32(0) // struct ethhdr: destination, source
			if src {
				offset = 6
			}
			parts = append(parts, &nft.Payload{Base: bytecode.LinkHeader, Offset: offset, Len: 6})
		case ipset.Iface:
			key := bytecode.MetaOifname
			if src {
				key = bytecode.MetaIifname
			}
			parts = append(parts, &nft.Meta{Key: key})
		case ipset.Mark:
			parts = append(parts, packetMark(s.MarkMask))
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &nft.Concat{Parts: parts}
}

func packetMark(mask uint32) nft.Expr {
	mark := &nft.Meta{Key: bytecode.MetaMark}
	if mask == 1<<32-1 {
		return mark
	}
	return &nft.MaskXor{Of: mark, Mask: host32(mask), Xor: host32(0)}
}

// ipsetType is the datatypes of ipsetKey.
func ipsetType(f iptables.Family, s *ipset.Set, class portClass) []nft.Datatype {
	var types []nft.Datatype
	for _, dim := range s.Type.Dims {
		switch dim {
		case ipset.IP, ipset.Net:
			_, t := addressKey(f, false, prefixMask(f, uint64(addrLen(f)*8)))
			types = append(types, t)
		case ipset.Port:
			if s.Type.Name != "bitmap:port" {
				types = append(types, nft.TypeInetProto)
			}
			if class != portless {
				types = append(types, nft.TypeInetService)
			}
		case ipset.MAC:
			types = append(types, nft.TypeEtherAddr)
		case ipset.Iface:
			types = append(types, nft.TypeIfname)
		case ipset.Mark:
			types = append(types, nft.TypeMark)
		}
	}
	return types
}

// ipsetElement is an entry as an element: the key of the first and of the last packet that it matches.
func ipsetElement(s *ipset.Set, class portClass, e *ipset.Entry) (first, last []byte) {
	put := func(lo, hi []byte) {
		pad := make([]byte, -len(lo)&3)
		if len(s.Type.Dims) == 1 {
			pad = nil
		}
		first = append(append(first, lo...), pad...)
		last = append(append(last, hi...), pad...)
	}
	for i, v := range e.Values {
		switch s.Type.Dims[i] {
		case ipset.IP, ipset.Net:
			put(v.Net.Addr().AsSlice(), lastAddress(v.Net))
		case ipset.Port:
			if s.Type.Name != "bitmap:port" {
				put([]byte{v.Proto}, []byte{v.Proto})
			}
			if class != portless {
				put(net16(v.Port), net16(v.Port))
			}
		case ipset.MAC:
			put(v.MAC[:], v.MAC[:])
		case ipset.Iface:
			rest := 16 - len(v.Name) // IFNAMSIZ
			filler := byte(0)
			if v.Wildcard {
				filler = 0xff
			}
			put(append([]byte(v.Name), make([]byte, rest)...), append([]byte(v.Name), bytes.Repeat([]byte{filler}, rest)...))
		case ipset.Mark:
			put(host32(v.Mark), host32(v.Mark))
		}
	}
	return first, last
}

func lastAddress(p netip.Prefix) []byte {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return b
}

func hasNet(s *ipset.Set) bool { return slices.Contains(s.Type.Dims, ipset.Net) }

func hasPort(s *ipset.Set) bool { return slices.Contains(s.Type.Dims, ipset.Port) }

// classes are those that a set's entries are of. A set without ports is of one class.
func classes(s *ipset.Set) []portClass {
	out := []portClass{withPorts}
	port := slices.Index(s.Type.Dims, ipset.Port)
	if !hasPort(s) || s.Type.Name == "bitmap:port" {
		return out
	}
	for _, e := range s.Entries {
		if c := classOf(e.Values[port].Proto); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

// unmatched is a set whose elements have nomatch where those of s have not: a packet is in it where --return-nomatch takes it, since
// the narrowest element decides (ip_set_test).
func unmatched(s *ipset.Set) *ipset.Set {
	out := *s
	out.Entries = make([]*ipset.Entry, len(s.Entries))
	for i, e := range s.Entries {
		o := *e
		o.NoMatch = !e.NoMatch
		out.Entries[i] = &o
	}
	return &out
}

// ipsetAs makes the table's set for an ipset's entries of one class.
func (c *Context) ipsetAs(s *ipset.Set, class portClass, returned bool) *nft.Set {
	suffix := classSuffix[class]
	if returned {
		suffix += "-nomatch"
	}
	return c.namedSet(s.Name, suffix, func() *nft.Set {
		if returned {
			s = unmatched(s)
		}
		out := &nft.Set{Type: ipsetType(c.Family, s, class)}
		if len(out.Type) > 1 {
			out.Flags |= bytecode.SetConcat
		}
		if s.Timeout != nil {
			out.Flags |= bytecode.SetTimeout
		}
		if s.Counters {
			out.Stmts = []nft.Stmt{&nft.Counter{}}
		}
		if hasNet(s) {
			out.Flags |= bytecode.SetInterval
		} else if s.MaxElem != 0 {
			out.Size = s.MaxElem
		}
		if len(c.changing(s.Name)) > 0 {
			out.Flags |= bytecode.SetEval
		}
		port := slices.Index(s.Type.Dims, ipset.Port)
		var entries []*ipset.Entry
		for _, e := range s.Entries {
			if port < 0 || s.Type.Name == "bitmap:port" || classOf(e.Values[port].Proto) == class {
				entries = append(entries, e)
			}
		}
		for _, piece := range disjoint(s, entries) {
			first, last := ipsetElement(s, class, piece)
			e := nft.Element{Key: first, Comment: piece.Comment, Timeout: uint64(piece.Timeout) * 1000}
			if !bytes.Equal(first, last) {
				e.KeyEnd = last
			}
			if s.Counters {
				e.Stmts = []nft.Stmt{&nft.Counter{Packets: piece.Packets, Bytes: piece.Bytes}}
			}
			out.Elements = append(out.Elements, e)
		}
		return out
	})
}

// changing are the tables of the source with SET targets that add to an ipset or delete from it.
func (c *Context) changing(name string) (tables []string) {
	c.eachChange(name, func(table string, _ *iptables.Target) {
		if !slices.Contains(tables, table) {
			tables = append(tables, table)
		}
	})
	return tables
}

// changes are the SET targets of the source that add to an ipset or delete from it.
func (c *Context) changes(name string) (targets []*iptables.Target) {
	c.eachChange(name, func(_ string, t *iptables.Target) { targets = append(targets, t) })
	return targets
}

func (c *Context) eachChange(name string, do func(table string, t *iptables.Target)) {
	if c.Source == nil {
		return
	}
	for _, t := range c.Source.Tables {
		for _, ch := range t.Chains {
			for _, r := range ch.Rules {
				if r.Target == nil || r.Target.Ext == nil || r.Target.Ext.Name != "SET" {
					continue
				}
				if slices.ContainsFunc(r.Target.Options, func(o iptables.Option) bool { ref, ok := o.Value.(setRef); return ok && ref.Name == name }) {
					do(t.Name, r.Target)
				}
			}
		}
	}
}
