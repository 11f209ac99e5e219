package redirect

import (
	"net/netip"
	"slices"
	"strings"
)

// Ranges that are for examples (RFC 5737, RFC 3849) and for benchmarks (RFC 2544): nobody's addresses, from which the test takes
// those that it makes up, first come first: near ones for wires, far ones for destinations in the world.
var (
	near = prefixes("192.0.2.0/24", "198.51.100.0/24", "198.18.0.0/16", "203.0.113.0/24", "2001:db8:7263::/48")
	far  = prefixes("203.0.113.0/24", "198.19.0.0/16", "198.51.100.0/24", "192.0.2.0/24", "2001:db8:7264::/48")
)

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// wire adds a wire of that name.
func (b *testBuilder) wire(name string) Wire {
	w := Wire{Name: name}
	b.addEnds(&w, true)
	if b.around.IPv6 {
		b.addEnds(&w, false)
	}
	b.wires = append(b.wires, w)
	return w
}

// addEnds gives a wire two addresses of a family: of a small prefix that is in use nowhere, and if that can be had not one of
// those that the configuration speaks of.
func (b *testBuilder) addEnds(w *Wire, v4 bool) {
	named := slices.Concat(b.Outbound, b.OutboundExclude)
	for _, s := range b.DNSServers {
		named = append(named, netip.PrefixFrom(s, s.BitLen()))
	}
	for _, avoid := range [][]netip.Prefix{append(named, b.taken()...), b.taken()} {
		for _, doc := range near {
			if doc.Addr().Is4() != v4 {
				continue
			}
			small := netip.PrefixFrom(doc.Addr(), doc.Addr().BitLen()-2)
			for range 64 {
				if !slices.ContainsFunc(avoid, small.Overlaps) {
					own := small.Addr().Next()
					w.Own, w.Far = append(w.Own, own), append(w.Far, own.Next())
					return
				}
				small = netip.PrefixFrom(small.Addr().Next().Next().Next().Next(), small.Bits())
			}
		}
	}
}

// taken are the prefixes in use, those of the test's own wires among them.
func (b *testBuilder) taken() []netip.Prefix {
	taken := slices.Clone(b.around.Taken)
	for _, w := range b.wires {
		for _, a := range w.Own {
			taken = append(taken, netip.PrefixFrom(a, a.BitLen()-2).Masked())
		}
	}
	return taken
}

// ends are a wire's addresses of the family in turn; not valid where it has none.
func (b *testBuilder) ends(w Wire) (own, far netip.Addr) {
	for i, a := range w.Own {
		if a.Is4() == b.v4 {
			own, far = a, w.Far[i]
		}
	}
	return own, far
}

// isOwn says whether an address is this host's own, so that what is sent to it goes over lo.
func (b *testBuilder) isOwn(a netip.Addr) bool {
	if a.IsLoopback() || slices.Contains(b.around.Addresses, a) {
		return true
	}
	return slices.ContainsFunc(b.wires, func(w Wire) bool { return slices.Contains(w.Own, a) })
}

// freeName is a name for an interface that is free, and that none of the configured ones matches if that can be had.
func (b *testBuilder) freeName(first string) string {
	for _, name := range []string{first, "probe0rc", "zz-rechain0", "9rc0"} {
		if !slices.Contains(b.around.Interfaces, name) && !matchInterface(slices.Concat(b.ExcludeInterfaces, b.VirtualInterfaces), name) {
			return name
		}
	}
	return first
}

// nameFor is a name for an interface that a configured one matches; "" when it is not free.
func (b *testBuilder) nameFor(pattern string) string {
	name, open := strings.CutSuffix(pattern, "+")
	if open {
		const longest = 15 // IFNAMSIZ, less the final NUL
		name += "rcprobe"[:min(len("rcprobe"), longest-len(name))]
	}
	inUse := func(w Wire) bool { return w.Name == name }
	if slices.Contains(b.around.Interfaces, name) || slices.ContainsFunc(b.wires, inUse) {
		return ""
	}
	return name
}

// destinations are addresses of the family in turn that a packet may be sent to through a wire: made-up ones, then of those that
// the configuration names.
func (b *testBuilder) destinations() []netip.Addr {
	var out []netip.Addr
	for _, p := range slices.Concat(far, b.Outbound, b.OutboundExclude) {
		out = append(out, b.within(p)...)
	}
	// A prefix may begin with one that is excluded from it.
	for _, p := range b.OutboundExclude {
		if a := last(p).Next(); a.IsValid() && a.Is4() == b.v4 && canReceive(a) && !b.isOwn(a) {
			out = append(out, a)
		}
	}
	return out
}

// last is the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// within are a few addresses of a prefix that a packet may be sent to, if they are of the family in turn.
func (b *testBuilder) within(p netip.Prefix) []netip.Addr {
	if p.Addr().Is4() != b.v4 {
		return nil
	}
	p = p.Masked()
	a := p.Addr()
	if p.Bits() < a.BitLen()-1 { // the first one of a network is not a host's
		a = a.Next()
	}
	var out []netip.Addr
	for i := 0; i < 300 && len(out) < 4 && p.Contains(a); i, a = i+1, a.Next() {
		if canReceive(a) && !b.isOwn(a) {
			out = append(out, a)
		}
	}
	return out
}

// canReceive says whether an address can be one host's and be reached without naming an interface.
func canReceive(a netip.Addr) bool {
	if a.Is4() {
		first := a.As4()[0]
		return first != 0 && first < 224 // 224/4 multicast, 240/4 reserved and broadcast
	}
	return !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}
