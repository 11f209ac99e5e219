package redirect

import (
	"net/netip"
	"slices"
)

// inbound tries what comes from outside.
func (b *testBuilder) inbound() {
	from := func(what string, protocol Protocol, port uint16) {
		b.fromOutside(b.wires[0], what, protocol, netip.AddrPortFrom(b.own, port))
	}
	if !b.v4 && !b.IPv6 {
		from("inbound, IPv6 not captured", TCP, b.anyPort())
		return
	}
	if port, ok := b.inboundPort(true); ok && b.AllInbound {
		from("inbound", TCP, port)
	}
	for _, r := range b.InboundPorts {
		for _, port := range ends(r) {
			from("inbound, listed port", TCP, port)
		}
	}
	if port, ok := b.inboundPort(false); ok && !b.AllInbound {
		from("inbound, port not listed", TCP, port)
	}
	if b.AllInbound {
		for _, r := range b.InboundExclude {
			for _, port := range ends(r) {
				from("inbound, excluded port", TCP, port)
			}
		}
	}
	from("inbound, tunnel port", TCP, b.TunnelPort)
	from("inbound, udp", UDP, b.anyPort())
	port, captures := b.inboundPort(true)
	if b.TProxy && captures {
		b.add(Trial{What: "inbound, no proxy there", Outside: true, From: b.far, To: netip.AddrPortFrom(b.own, port), Unheard: true},
			b.wires[0].Name)
	}
	if b.DropInvalid {
		from("inbound, invalid packet", Invalid, b.unusedPort(25000))
	}
}

// fromOutside tries something that comes in over a wire.
func (b *testBuilder) fromOutside(w Wire, what string, protocol Protocol, to netip.AddrPort) {
	_, far := b.ends(w)
	b.add(Trial{What: what, Protocol: protocol, Outside: true, From: far, To: to}, w.Name)
}

// ends are the first and the last port of a range.
func ends(r PortRange) []uint16 { return slices.Compact([]uint16{r.From, r.To}) }

// outbound tries what applications and the proxy send to others.
func (b *testBuilder) outbound() {
	if !b.v4 && !b.IPv6 {
		b.send("outbound, IPv6 not captured", TCP, b.app, b.anyDestination())
		return
	}
	to, captures := b.destination(b.app, true)
	switch {
	case captures && b.AllOutbound:
		b.send("outbound", TCP, b.app, to)
	case !b.AllOutbound:
		for _, c := range family(b.Outbound, b.family()) {
			b.sendInto("outbound, listed destination", c, true)
		}
		if to := b.anyDestination(); !contains(b.Outbound, to.Addr()) {
			b.send("outbound, destination not listed", TCP, b.app, to)
		}
	}
	for _, c := range family(b.OutboundExclude, b.family()) {
		b.sendInto("outbound, excluded destination", c, false)
	}
	for _, r := range b.OutboundPorts {
		for _, port := range ends(r) {
			b.send("outbound, listed port", TCP, b.app, netip.AddrPortFrom(b.anyDestination().Addr(), port))
		}
	}
	for _, r := range b.OutboundPortsExclude {
		for _, port := range ends(r) {
			b.send("outbound, excluded port", TCP, b.app, netip.AddrPortFrom(to.Addr(), port))
			b.send("outbound, excluded port", UDP, b.app, netip.AddrPortFrom(to.Addr(), port))
		}
	}
	for _, id := range b.UIDs {
		b.send("outbound, proxy's uid", TCP, b.proxyUID(id), to)
	}
	for _, id := range b.GIDs {
		b.send("outbound, proxy's gid", TCP, b.proxyGID(id), to)
	}
	b.groups(to)
	if !b.RedirectDNS {
		b.send("outbound, udp", UDP, b.app, netip.AddrPortFrom(to.Addr(), 53))
	}
}

// groups tries what members of groups send.
func (b *testBuilder) groups(to netip.AddrPort) {
	if b.AllGroups {
		for _, g := range b.GroupsExclude {
			b.send("outbound, excluded group "+g.Given, TCP, owns{b.app.uid, g.GID}, to)
		}
		return
	}
	for _, g := range b.Groups {
		b.send("outbound, group "+g.Given, TCP, owns{b.app.uid, g.GID}, to)
	}
	b.send("outbound, other group", TCP, owns{b.app.uid, b.otherGID()}, to)
}

// send tries something that goes out through the first wire, or over lo if that is where it goes.
func (b *testBuilder) send(what string, protocol Protocol, by owns, to netip.AddrPort) {
	t := Trial{What: what, Protocol: protocol, From: b.own, To: to, UID: by.uid, GID: by.gid}
	if to.Addr().IsLoopback() {
		t.From = b.loopback()
	}
	b.add(t, b.wires[0].Name)
}

// sendInto tries a connection to some address of a prefix, one that is captured or not, if there is such a one.
func (b *testBuilder) sendInto(what string, c netip.Prefix, captured bool) {
	if !c.IsSingleIP() {
		what += " " + c.Masked().String()
	}
	inside := slices.DeleteFunc(b.destinations(), func(a netip.Addr) bool { return !c.Contains(a) })
	if c.Addr().IsLoopback() || b.isOwn(c.Addr()) {
		inside = append(inside, c.Addr())
	}
	if len(inside) == 0 {
		b.skip(what, c.String()+" has no address that could be used")
		return
	}
	to := netip.AddrPortFrom(inside[0], b.anyPort())
	for _, a := range inside {
		if x := netip.AddrPortFrom(a, to.Port()); b.captures(b.app, x) == captured {
			to = x
			break
		}
	}
	b.send(what, TCP, b.app, to)
}

// self tries what this host sends to itself.
func (b *testBuilder) self() {
	if !b.v4 && !b.IPv6 {
		return
	}
	own := netip.AddrPortFrom(b.own, b.selfPort())
	b.send("self-call, application", TCP, b.app, own)
	for _, id := range b.UIDs {
		b.send("self-call, proxy's uid", TCP, b.proxyUID(id), own)
	}
	for _, id := range b.GIDs {
		b.send("self-call, proxy's gid", TCP, b.proxyGID(id), own)
	}
	b.send("self-call, tunnel port", TCP, b.proxyUID(b.UIDs[0]), netip.AddrPortFrom(b.own, b.TunnelPort))
	proxy := b.proxyUID(b.UIDs[0])
	b.add(Trial{What: "proxy to application", From: passthrough(b.own), To: own, UID: proxy.uid, GID: proxy.gid}, "lo")
	local := netip.AddrPortFrom(b.loopback(), b.selfPort())
	b.send("loopback, application", TCP, b.app, local)
	b.send("loopback, proxy's uid", TCP, proxy, local)
	b.add(Trial{What: "packet without a socket", Protocol: Orphan, From: b.own, To: netip.AddrPortFrom(b.own, b.unusedPort(20000)),
		UID: b.app.uid, GID: b.app.gid}, "lo")
}

// dns tries questions to name servers.
func (b *testBuilder) dns() {
	if !b.RedirectDNS || !b.v4 && !b.IPv6 {
		return
	}
	other := b.anyDestination().Addr()
	servers := []netip.Addr{other}
	if !b.CaptureAllDNS {
		servers = slices.DeleteFunc(slices.Clone(b.DNSServers), func(a netip.Addr) bool { return a.Is4() != b.v4 })
	}
	for _, s := range servers {
		if !canReceive(s) {
			b.skip("dns", s.String()+" cannot be reached without naming an interface")
			continue
		}
		b.ask("dns", b.app, s)
	}
	if len(servers) > 0 {
		b.ask("dns, proxy's uid", b.proxyUID(b.UIDs[0]), servers[0])
		b.ask("dns, proxy's gid", b.proxyGID(b.GIDs[0]), servers[0])
	}
	if !b.CaptureAllDNS {
		b.ask("dns, other server", b.app, other)
	}
}

func (b *testBuilder) ask(what string, by owns, server netip.Addr) {
	for _, protocol := range []Protocol{UDP, TCP} {
		b.send(what, protocol, by, netip.AddrPortFrom(server, 53))
	}
}

// interfaces tries what goes over interfaces that the configuration names. One that is there is in use; for one that is not, the
// test lays a wire of that name.
func (b *testBuilder) interfaces() {
	if !b.v4 && !b.IPv6 {
		return
	}
	port, _ := b.inboundPort(true)
	for _, name := range b.ExcludeInterfaces {
		if w, ok := b.named("excluded interface", name); ok {
			own, _ := b.ends(w)
			b.fromOutside(w, "inbound, excluded interface "+w.Name, TCP, netip.AddrPortFrom(own, port))
			to, _ := b.destination(b.app, true)
			b.add(Trial{What: "outbound, excluded interface " + w.Name, From: own, To: to, UID: b.app.uid, GID: b.app.gid}, w.Name)
		}
	}
	for _, name := range b.VirtualInterfaces {
		if b.TProxy {
			b.skip("virtual interface "+name, "TPROXY comes first")
			continue
		}
		if w, ok := b.named("virtual interface", name); ok {
			if to, ok := b.unusedDestination(w, b.anyPort()); ok {
				b.through(w, to.Addr())
				b.fromOutside(w, "outbound, virtual interface "+w.Name, TCP, to)
			}
			own, _ := b.ends(w)
			b.fromOutside(w, "inbound, virtual interface "+w.Name, TCP, netip.AddrPortFrom(own, b.anyPort()))
		}
	}
}

// routed tries what TPROXY takes although it is for an address that is not this host's: the policy rule and the route do that.
func (b *testBuilder) routed() {
	port, _ := b.inboundPort(true)
	if to, ok := b.unusedDestination(b.wires[0], port); ok && b.TProxy {
		b.through(b.wires[0], to.Addr())
		b.fromOutside(b.wires[0], "inbound, to another address", TCP, to)
	}
}

// named returns the wire for an interface that the configuration names.
func (b *testBuilder) named(what, pattern string) (Wire, bool) {
	for _, w := range b.wires[1:] {
		if matchInterface([]string{pattern}, w.Name) {
			return w, true
		}
	}
	name := b.nameFor(pattern)
	if name == "" {
		b.skip(what+" "+pattern, "it is in use")
		return Wire{}, false
	}
	return b.wire(name), true
}

// through lets the far end of a wire reach an address through it.
func (b *testBuilder) through(w Wire, a netip.Addr) {
	for i := range b.wires {
		if b.wires[i].Name == w.Name && !slices.Contains(b.wires[i].Through, a) {
			b.wires[i].Through = append(b.wires[i].Through, a)
		}
	}
}
