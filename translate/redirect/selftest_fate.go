package redirect

import (
	"net/netip"
	"slices"
	"strings"
)

// packet is the first packet of a connection, as far as the decision depends on it.
type packet struct {
	protocol Protocol
	inbound  bool   // it comes in over the interface, else it goes out
	over     string // interface
	from     netip.Addr
	to       netip.AddrPort
	owned    bool // it comes from a socket of a process: uid and gid count
	uid, gid uint32
	unheard  bool // nobody listens on the proxy's inbound port
}

// fate says what the plan promises of a packet. It is derived from what the options mean, in the order in which they come before
// each other, and not from the rules that [Plan.Lines] makes of them: so it can judge those.
func (p *Plan) fate(q packet) Fate {
	switch {
	case q.protocol == Invalid:
		// In TPROXY mode an excluded interface comes before. For REDIRECT an invalid packet is none of a connection.
		drop := p.DropInvalid && q.inbound && !(p.TProxy && matchInterface(p.ExcludeInterfaces, q.over))
		return Fate{Dropped: drop && (p.IPv6 || q.to.Addr().Is4())}
	case q.to.Addr().Is6() && !p.IPv6:
		return Fate{}
	case q.inbound:
		return p.fateInbound(q)
	}
	f := p.fateOutbound(q)
	if f == (Fate{}) && p.TProxy && q.over == "lo" && !p.isLoopback(q.to.Addr()) && q.from != passthrough(q.to.Addr()) && p.isProxy(q) {
		// What the proxy sends to this host's own address is marked, and so taken when it comes back in.
		return p.fateTProxy(q)
	}
	return f
}

// fateInbound is for what comes in over an interface other than lo.
func (p *Plan) fateInbound(q packet) Fate {
	if p.TProxy {
		if f := p.fateTProxy(q); f != (Fate{}) {
			return f
		}
	}
	tcp := q.protocol != UDP
	switch {
	case matchInterface(p.VirtualInterfaces, q.over):
		if tcp && (p.AllOutbound || contains(p.Outbound, q.to.Addr())) {
			return Fate{Port: p.ProxyPort}
		}
		return Fate{}
	case p.TProxy || !tcp || matchInterface(p.ExcludeInterfaces, q.over) || q.to.Port() == p.TunnelPort || !p.takesInbound(q.to.Port()):
		return Fate{}
	}
	return Fate{Port: p.CapturePort}
}

// fateTProxy is for what TPROXY may take. Unlike REDIRECT it takes the tunnel port too, as in Istio.
func (p *Plan) fateTProxy(q packet) Fate {
	if q.protocol == UDP || matchInterface(p.ExcludeInterfaces, q.over) || !p.takesInbound(q.to.Port()) {
		return Fate{}
	}
	if q.unheard {
		return Fate{Dropped: true}
	}
	return Fate{Port: p.CapturePort, TProxy: true}
}

// takesInbound says whether a port is to be captured inbound.
func (p *Plan) takesInbound(port uint16) bool {
	if p.AllInbound {
		return !inRanges(p.InboundExclude, port)
	}
	return inRanges(p.InboundPorts, port)
}

func (p *Plan) fateOutbound(q packet) Fate {
	tcp, lo, addr, port := q.protocol != UDP, q.over == "lo", q.to.Addr(), q.to.Port()
	local := p.isLoopback(addr)
	switch {
	case matchInterface(p.ExcludeInterfaces, q.over),
		inRanges(p.OutboundPortsExclude, port),
		lo && q.from == passthrough(addr):
		return Fate{}
	}
	// Each id of the proxy has a say, in order: it may be the sender's, or the sender's not being it may settle the matter.
	decide := func(id, of uint32, alsoNot uint16) (Fate, bool) {
		mine := q.owned && id == of
		switch {
		case mine && lo && tcp && !local && port != p.TunnelPort && port != alsoNot:
			return Fate{Port: p.CapturePort}, true // to itself: this is inbound
		case mine:
			return Fate{}, true
		case lo && !p.takesLoopback() && (!p.RedirectDNS || tcp && port != 53):
			return Fate{}, true
		}
		return Fate{}, false
	}
	var dns uint16 // a question of the proxy's to a name server on this host is none to itself
	if p.RedirectDNS {
		dns = 53
	}
	for _, id := range p.UIDs {
		if f, ok := decide(id, q.uid, dns); ok {
			return f
		}
	}
	for _, id := range p.GIDs {
		if f, ok := decide(id, q.gid, 0); ok {
			return f
		}
	}
	switch {
	case !p.takesGroup(q):
		return Fate{}
	case p.RedirectDNS && port == 53 && (p.CaptureAllDNS || slices.Contains(p.DNSServers, addr)):
		return Fate{Port: dnsPort}
	case local, contains(p.OutboundExclude, addr), !tcp:
		return Fate{}
	case inRanges(p.OutboundPorts, port), p.AllOutbound, contains(p.Outbound, addr):
		return Fate{Port: p.ProxyPort}
	}
	return Fate{}
}

// takesGroup says whether what the sender's group sends is to be captured. A packet without an owner is of no group.
func (p *Plan) takesGroup(q packet) bool {
	listed := func(groups []Group) bool {
		return q.owned && slices.ContainsFunc(groups, func(g Group) bool { return g.GID == q.gid })
	}
	if p.AllGroups {
		return !listed(p.GroupsExclude)
	}
	return listed(p.Groups)
}

func (p *Plan) isProxy(q packet) bool {
	return q.owned && (slices.Contains(p.UIDs, q.uid) || slices.Contains(p.GIDs, q.gid))
}

func (p *Plan) isLoopback(a netip.Addr) bool {
	return a == netip.IPv6Loopback() || p.Loopback.Contains(a)
}

// takesLoopback says whether a loopback address is named as a destination to capture. Then applications' own traffic over lo is
// not let go early.
func (p *Plan) takesLoopback() bool {
	return slices.ContainsFunc(p.Outbound, func(c netip.Prefix) bool { return c.Addr().IsLoopback() })
}

// passthrough is the address from which the proxy talks to the application, of the family of a.
func passthrough(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 6})
	}
	return netip.MustParseAddr("::6")
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

func inRanges(ranges []PortRange, port uint16) bool {
	return slices.ContainsFunc(ranges, func(r PortRange) bool { return r.From <= port && port <= r.To })
}

// matchInterface says whether a name is one of a list in which + at the end stands for anything.
func matchInterface(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		prefix, open := strings.CutSuffix(n, "+")
		return n == name || open && strings.HasPrefix(name, prefix)
	})
}
