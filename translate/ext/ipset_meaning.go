package ext

import (
	"fmt"
	"slices"

	"rechain/nft/packet"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// ipsetMeaning is ip_set_test: whether the packet's values are in the set. It has none where the set is of another family, or has more
// dimensions than the rule names.
func ipsetMeaning(c *Context, s *ipset.Set, ref setRef) packet.Pred {
	if s.Type.Name == "list:set" { // one set after the other (list_set_ktest)
		var any packet.Any
		for _, e := range s.Entries {
			if member := c.Sets.Get(e.Values[0].Name); member != nil {
				any = append(any, ipsetMeaning(c, member, ref))
			}
		}
		return any
	}
	if len(ref.Src) < len(s.Type.Dims) || s.Family != 0 && s.Family != c.Family {
		return packet.Any{}
	}
	if s.Timeout != nil || len(c.changing(s.Name)) > 0 {
		return changingMeaning(c, s, ref)
	}
	var holds packet.Pred = packet.Any{}
	for _, group := range ipsetGroups(s) {
		var these, others []*ipset.Entry
		for _, e := range group {
			if e.NoMatch == (ref.returned && hasNet(s)) {
				these = append(these, e)
			} else {
				others = append(others, e)
			}
		}
		decided := entriesMeaning(c, s, ref, others)
		if slices.Contains(s.Type.Dims, ipset.Iface) { // a network that is there for other devices decides too ("multi" of mtype_test_cidrs)
			nets := *s
			nets.Type = &ipset.Type{Name: s.Type.Name, Dims: s.Type.Dims[:1]}
			decided = entriesMeaning(c, &nets, ref, group)
		}
		holds = packet.Any{entriesMeaning(c, s, ref, these), packet.All{packet.Not{P: decided}, holds}}
	}
	return packet.All{ipsetNeeds(c, s, ref), holds}
}

// ipsetGroups are a set's entries, those of the same width together, the widest first, since the narrowest decides (mtype_test_cidrs): by the
// first network, and then by the second.
func ipsetGroups(s *ipset.Set) [][]*ipset.Entry {
	width := func(e *ipset.Entry) (w int) {
		for i, d := range s.Type.Dims {
			if d == ipset.Net {
				w = w<<8 + e.Values[i].Net.Bits()
			}
		}
		return w
	}
	entries := slices.Clone(s.Entries)
	slices.SortStableFunc(entries, func(a, b *ipset.Entry) int { return width(a) - width(b) })
	var groups [][]*ipset.Entry
	for i, e := range entries {
		if i == 0 || width(e) != width(entries[i-1]) {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], e)
	}
	return groups
}

// entriesMeaning says that the packet is as one of the entries is. Those of one address are ranges.
func entriesMeaning(c *Context, s *ipset.Set, ref setRef, entries []*ipset.Entry) packet.Pred {
	if d := s.Type.Dims[0]; len(s.Type.Dims) == 1 && (d == ipset.IP || d == ipset.Net) {
		var ranges []packet.Range
		for _, e := range entries {
			ranges = append(ranges, netRange(s, e.Values[0]))
		}
		return packet.Within(addressField(c.Family, !ref.Src[0]), ranges)
	}
	var any packet.Any
	for _, e := range entries {
		var all packet.All
		for i, d := range s.Type.Dims {
			all = append(all, valueMeaning(c, s, d, ref.Src[i], e.Values[i]))
		}
		any = append(any, all)
	}
	return any
}

// netRange is the addresses that are an element's: those of its network, and of its own where the set has a netmask.
func netRange(s *ipset.Set, v ipset.Value) packet.Range {
	from := packet.FromBytes(v.Net.Addr().AsSlice())
	ones := v.Net.Bits()
	if s.Netmask != 0 {
		ones = s.Netmask
	}
	return packet.Range{From: from, To: from.Or(packet.Ones(uint(v.Net.Addr().BitLen() - ones)))}
}

// valueMeaning is one dimension of an element.
func valueMeaning(c *Context, s *ipset.Set, d ipset.Dim, src bool, v ipset.Value) packet.Pred {
	switch d {
	case ipset.IP, ipset.Net:
		r := netRange(s, v)
		return packet.Between(addressField(c.Family, !src), r.From, r.To)
	case ipset.Port:
		if s.Type.Name == "bitmap:port" {
			return packet.Eq(ipsetPort(src), packet.Num(uint64(v.Port)))
		}
		proto := packet.Eq(packet.L4Proto, packet.Num(uint64(v.Proto)))
		switch classOf(v.Proto) {
		case messages:
			return packet.All{proto, packet.Eq(packet.ICMPType, packet.Num(uint64(v.Port>>8))), packet.Eq(packet.ICMPCode, packet.Num(uint64(v.Port&0xff)))}
		case withPorts:
			return packet.All{proto, packet.Eq(ipsetPort(src), packet.Num(uint64(v.Port)))}
		}
		return proto // whose port is 0, as the element's is
	case ipset.MAC:
		if src {
			return packet.Eq(packet.EtherSrc, packet.FromBytes(v.MAC[:]))
		}
		return packet.Eq(packet.EtherDst, packet.FromBytes(v.MAC[:]))
	case ipset.Iface:
		name := packet.Name(v.Name)
		if v.Wildcard {
			return packet.Between(ipsetDevice(src), name, name.Or(packet.Ones(uint(128-8*len(v.Name)))))
		}
		return packet.Eq(ipsetDevice(src), name)
	}
	return packet.Test(packet.Mark, packet.Num(uint64(s.MarkMask)), packet.Num(uint64(v.Mark)))
}

func ipsetPort(src bool) packet.Field {
	if src {
		return packet.SrcPort
	}
	return packet.DstPort
}

func ipsetDevice(src bool) packet.Field {
	if src {
		return packet.Iif
	}
	return packet.Oif
}

// ipsetNeeds is what a packet must have to be looked for at all. A port has none in a later fragment, but in IPv4 one of a protocol without
// ports (ip_set_get_ip4_port, ip_set_get_ip6_port); those of TCP and UDP alone have one for bitmap:port (ip_set_get_ip_port).
func ipsetNeeds(c *Context, s *ipset.Set, ref setRef) packet.Pred {
	var all packet.All
	for i, d := range s.Type.Dims {
		switch d {
		case ipset.Port:
			var portless packet.Any
			if s.Type.Name == "bitmap:port" {
				all = append(all, packet.OneOf(packet.L4Proto, packet.Num(protoTCP), packet.Num(protoUDP)))
			} else if c.Family == iptables.IPv4 {
				portless = packet.Any{packet.Not{P: packet.OneOf(packet.L4Proto, packet.Num(protoTCP), packet.Num(protoUDP),
					packet.Num(protoSCTP), packet.Num(protoUDPLite), packet.Num(1))}}
			}
			all = append(all, append(portless, firstFragment))
		case ipset.MAC: // only frames of Ethernet have these addresses
			all = append(all, packet.Not{P: packet.Eq(packet.Iif, packet.Value{})}, packet.Eq(packet.IifType, packet.Num(1)), packet.Set(packet.HasEther))
		case ipset.Iface:
			all = append(all, packet.Not{P: packet.Eq(ipsetDevice(ref.Src[i]), packet.Value{})})
		}
	}
	return all
}

// changingMeaning is a set that packets or time change: nobody knows what it holds. It goes by what is looked for in it.
func changingMeaning(c *Context, s *ipset.Set, ref setRef) packet.Pred {
	words := ""
	for i, d := range s.Type.Dims {
		if i > 0 {
			words += " . "
		}
		switch d {
		case ipset.IP, ipset.Net:
			ones := uint64(addrLen(c.Family) * 8)
			if s.Netmask != 0 {
				ones = uint64(s.Netmask)
			}
			words += packet.Bits(addressField(c.Family, !ref.Src[i]), prefixValue(c.Family, ones))
		case ipset.Port:
			if s.Type.Name != "bitmap:port" {
				words += packet.L4Proto.Name + " . "
			}
			words += ipsetPort(ref.Src[i]).Name
		case ipset.Iface:
			words += ipsetDevice(ref.Src[i]).Name
		case ipset.Mark:
			words += packet.Bits(packet.Mark, packet.Num(uint64(s.MarkMask)))
		default:
			words += fmt.Sprintf("ether %v", ref.Src[i])
		}
	}
	held := packet.Remembered(nftName(s.Name), words, 0)
	if needs := ipsetNeeds(c, s, ref).(packet.All); len(needs) > 0 {
		return append(needs, held)
	}
	return held
}
