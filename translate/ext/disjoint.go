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
		slices.SortFunc(group, func(a, b *ipset.Entry) int {
			x, y := a.Values[dim].Net, b.Values[dim].Net
			if c := x.Addr().Compare(y.Addr()); c != 0 {
				return c
			}
			return x.Bits() - y.Bits()
		})
		out = append(out, nested(group, dim, s.Counters)...)
	}
	return out
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
	for i := 0; i < len(group); {
		e := group[i]
		end := i + 1
		for end < len(group) && e.Values[dim].Net.Contains(group[end].Values[dim].Net.Addr()) {
			end++
		}
		inside := group[i+1 : end]
		if !e.NoMatch {
			// Only what is not in the set, and does not lie in something that is, takes from the outer network.
			holes := outermost(inside, dim)
			if !apart {
				holes = slices.DeleteFunc(holes, func(h *ipset.Entry) bool { return !h.NoMatch && !holds(inside, h, dim) })
			}
			out = append(out, without(e, holes, dim)...)
			for _, h := range holes {
				out = append(out, nested(within1(inside, h, dim), dim, apart)...)
			}
		} else {
			out = append(out, nested(inside, dim, apart)...)
		}
		i = end
	}
	return out
}

// outermost are the networks that lie in no other of the list.
func outermost(list []*ipset.Entry, dim int) []*ipset.Entry {
	var out []*ipset.Entry
	for _, e := range list {
		if n := len(out); n == 0 || !out[n-1].Values[dim].Net.Contains(e.Values[dim].Net.Addr()) {
			out = append(out, e)
		}
	}
	return out
}

// within1 are those of a list that are h or lie in it.
func within1(list []*ipset.Entry, h *ipset.Entry, dim int) []*ipset.Entry {
	var out []*ipset.Entry
	for _, e := range list {
		if h.Values[dim].Net.Contains(e.Values[dim].Net.Addr()) {
			out = append(out, e)
		}
	}
	return out
}

// holds says whether something in h is not in the set.
func holds(list []*ipset.Entry, h *ipset.Entry, dim int) bool {
	return slices.ContainsFunc(within1(list, h, dim), func(e *ipset.Entry) bool { return e.NoMatch })
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
