package ext

import (
	"net/netip"
	"slices"

	"rechain/translate/ipset"
)

// disjoint turns entries whose networks may overlap, of which the narrowest decides, into entries that do not and that are all in
// the set. Entries without a network are as they are. It works for types of one network, and leaves others alone.
func disjoint(s *ipset.Set, entries []*ipset.Entry) []*ipset.Entry {
	dim := slices.Index(s.Type.Dims, ipset.Net)
	if dim < 0 {
		return entries
	}
	if slices.Contains(s.Type.Dims, ipset.Iface) {
		return byDevice(entries, dim)
	}
	groups := map[string][]*ipset.Entry{}
	var order []string
	for _, e := range entries {
		key := groupKey(s, e, dim)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], e)
	}
	var out []*ipset.Entry
	for _, key := range order {
		group := groups[key]
		sortNetworks(group, dim)
		out = append(out, nested(group, dim, s.Counters)...)
	}
	return out
}

// byDevice is disjoint for networks and devices: the kernel looks no further once it knows a network of the packet's address, whatever
// its devices are (mtype_test_cidrs, IP_SET_HASH_WITH_MULTI).
func byDevice(entries []*ipset.Entry, dim int) []*ipset.Entry {
	sorted := slices.Clone(entries)
	sortNetworks(sorted, dim)
	var out []*ipset.Entry
	for i, e := range sorted {
		if e.NoMatch {
			continue
		}
		inside := slices.Clone(sorted[i : i+span(sorted[i:], dim)])
		inside = slices.DeleteFunc(inside, func(o *ipset.Entry) bool { return o.Values[dim].Net == e.Values[dim].Net })
		out = append(out, without(e, inside, dim)...)
	}
	return out
}

// sortNetworks puts networks before those that are in them.
func sortNetworks(entries []*ipset.Entry, dim int) {
	slices.SortStableFunc(entries, func(a, b *ipset.Entry) int {
		x, y := a.Values[dim].Net, b.Values[dim].Net
		if c := x.Addr().Compare(y.Addr()); c != 0 {
			return c
		}
		return x.Bits() - y.Bits()
	})
}

// groupKey is all of an entry but the network.
func groupKey(s *ipset.Set, e *ipset.Entry, dim int) string {
	values := slices.Clone(e.Values)
	values[dim] = ipset.Value{Net: netip.PrefixFrom(e.Values[dim].Net.Addr(), 0).Masked()}
	return s.Text(&ipset.Entry{Values: values})
}

// nested takes the sorted networks of a group: an entry, those inside of it, the next. Without counters to keep apart, a network
// inside of one that is in the set too says nothing.
func nested(group []*ipset.Entry, dim int, apart bool) []*ipset.Entry {
	var out []*ipset.Entry
	for len(group) > 0 {
		e, n := group[0], span(group, dim)
		inside := group[1:n]
		group = group[n:]
		if e.NoMatch {
			out = append(out, nested(inside, dim, apart)...)
			continue
		}
		var holes []*ipset.Entry
		var in []*ipset.Entry
		for len(inside) > 0 {
			n := span(inside, dim)
			if apart || slices.ContainsFunc(inside[:n], func(e *ipset.Entry) bool { return e.NoMatch }) {
				holes = append(holes, inside[0])
				in = append(in, inside[:n]...)
			}
			inside = inside[n:]
		}
		out = append(out, without(e, holes, dim)...)
		out = append(out, nested(in, dim, apart)...)
	}
	return out
}

// span is how many entries at the start of a sorted list are the first one and those in its network.
func span(list []*ipset.Entry, dim int) int {
	n := 1
	for n < len(list) && list[0].Values[dim].Net.Contains(list[n].Values[dim].Net.Addr()) {
		n++
	}
	return n
}

// without is an entry less the networks in it, as networks. What it has counted stays with the first.
func without(e *ipset.Entry, holes []*ipset.Entry, dim int) []*ipset.Entry {
	var out []*ipset.Entry
	for _, p := range subtract(e.Values[dim].Net, holes, dim) {
		piece := *e
		piece.Values = slices.Clone(e.Values)
		piece.Values[dim].Net = p
		if len(out) > 0 {
			piece.Packets, piece.Bytes = 0, 0
		}
		out = append(out, &piece)
	}
	return out
}

func subtract(p netip.Prefix, holes []*ipset.Entry, dim int) []netip.Prefix {
	var in []*ipset.Entry
	for _, h := range holes {
		switch n := h.Values[dim].Net; {
		case n.Bits() <= p.Bits() && n.Contains(p.Addr()):
			return nil
		case p.Contains(n.Addr()):
			in = append(in, h)
		}
	}
	if in == nil {
		return []netip.Prefix{p}
	}
	low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	b := p.Addr().AsSlice()
	b[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	half, _ := netip.AddrFromSlice(b)
	return append(subtract(low, in, dim), subtract(netip.PrefixFrom(half, p.Bits()+1), in, dim)...)
}
