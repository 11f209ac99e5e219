package redirect

import (
	"net/netip"
	"slices"

	"rechain/translate/iptables"
)

// The choices of a self-test: values that the configuration leaves open, such that it says what the trial is about and nothing
// else. Where there are none, the promise is still that of the values chosen.

// ports are what applications are imagined to listen on.
var ports = []uint16{8080, 9080, 80, 3000, 5000, 7070, 6543, 27017}

// special are ports that have a meaning of their own, which is not to be mixed up with that of others.
func (b *testBuilder) special(port uint16) bool {
	return port == 53 || slices.Contains([]uint16{b.ProxyPort, b.CapturePort, b.TunnelPort, dnsPort}, port) ||
		inRanges(b.OutboundPorts, port) || inRanges(b.OutboundPortsExclude, port)
}

// choose returns the first port that is not special and fits: the one that the configuration has for probes, one of those that
// are imagined, then any.
func (b *testBuilder) choose(fits func(uint16) bool) (uint16, bool) {
	for _, p := range append([]uint16{b.ProbePort}, ports...) {
		if !b.special(p) && fits(p) {
			return p, true
		}
	}
	for p := uint16(1024); p != 0; p++ {
		if !b.special(p) && fits(p) {
			return p, true
		}
	}
	return b.ProbePort, false
}

// inboundPort is a port that is captured inbound, or one that is not.
func (b *testBuilder) inboundPort(captured bool) (uint16, bool) {
	return b.choose(func(p uint16) bool { return b.takesInbound(p) == captured })
}

// anyPort is a port without any meaning.
func (b *testBuilder) anyPort() uint16 {
	p, _ := b.choose(func(uint16) bool { return true })
	return p
}

// unusedPort is one on which nobody is imagined to listen, above a number, and below those that the kernel gives to clients
// (net.ipv4.ip_local_port_range).
func (b *testBuilder) unusedPort(above uint16) uint16 {
	p, _ := b.choose(func(p uint16) bool { return p > above && p < 32768 && !slices.Contains(ports, p) })
	return p
}

// selfPort is a port that is captured inbound, if there is one: then that a call from this host is not, is not because of the port.
func (b *testBuilder) selfPort() uint16 {
	if p, ok := b.inboundPort(true); ok {
		return p
	}
	return b.anyPort()
}

// destination is a destination for which an owner's connection is captured outbound, or is not.
func (b *testBuilder) destination(by owns, captured bool) (netip.AddrPort, bool) {
	for _, a := range b.destinations() {
		if to := netip.AddrPortFrom(a, b.anyPort()); b.captures(by, to) == captured {
			return to, true
		}
	}
	return b.anyDestination(), false
}

// captures says whether an owner's connection through the first wire is captured outbound.
func (b *testBuilder) captures(by owns, to netip.AddrPort) bool {
	q := packet{over: b.wires[0].Name, from: b.own, to: to, owned: true, uid: by.uid, gid: by.gid}
	return b.fate(q).Port == b.ProxyPort
}

// unusedDestination is a destination that is captured when it comes in over a wire, and that no trial has used: the far end has
// to send to it, and so cannot be it.
func (b *testBuilder) unusedDestination(w Wire, port uint16) (netip.AddrPort, bool) {
	for _, a := range b.destinations() {
		to := netip.AddrPortFrom(a, port)
		used := slices.ContainsFunc(b.trials, func(t Trial) bool { return t.To.Addr() == a })
		if !used && b.fate(packet{inbound: true, over: w.Name, to: to}).Port != 0 {
			return to, true
		}
	}
	return netip.AddrPort{}, false
}

// anyDestination is a destination that the configuration does not speak of, if there is one.
func (b *testBuilder) anyDestination() netip.AddrPort {
	all := b.destinations()
	named := slices.Concat(b.Outbound, b.OutboundExclude)
	for _, a := range all {
		if !contains(named, a) && !slices.Contains(b.DNSServers, a) {
			return netip.AddrPortFrom(a, b.anyPort())
		}
	}
	return netip.AddrPortFrom(all[0], b.anyPort())
}

// appOwner is an application: nobody of the proxy's, and of a group that is captured if any is. Root is known everywhere.
func (p *Plan) appOwner() owns {
	app := owns{uid: free(p.UIDs)}
	app.gid = free(append(gids(p.GroupsExclude), p.GIDs...))
	if !p.AllGroups {
		for _, g := range p.Groups {
			if !slices.Contains(p.GIDs, g.GID) {
				app.gid = g.GID
				break
			}
		}
	}
	return app
}

// proxyUID is the proxy, known by its user only, and proxyGID by its group only.
func (b *testBuilder) proxyUID(id uint32) owns { return owns{id, b.app.gid} }
func (b *testBuilder) proxyGID(id uint32) owns { return owns{b.app.uid, id} }

// otherGID is a group that is none of those the configuration speaks of.
func (b *testBuilder) otherGID() uint32 {
	return free(slices.Concat(gids(b.Groups), gids(b.GroupsExclude), b.GIDs))
}

func gids(groups []Group) []uint32 {
	var ids []uint32
	for _, g := range groups {
		ids = append(ids, g.GID)
	}
	return ids
}

// free is the smallest id that is not taken.
func free(taken []uint32) uint32 {
	id := uint32(0)
	for slices.Contains(taken, id) {
		id++
	}
	return id
}

func (b *testBuilder) family() iptables.Family {
	if b.v4 {
		return iptables.IPv4
	}
	return iptables.IPv6
}

func (b *testBuilder) loopback() netip.Addr {
	switch {
	case !b.v4:
		return netip.IPv6Loopback()
	case b.Loopback.Bits() == 32:
		return b.Loopback.Addr()
	}
	return b.Loopback.Masked().Addr().Next()
}
