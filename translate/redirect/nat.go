package redirect

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// nat makes the rules that redirect: all of outbound, and inbound in REDIRECT mode.
func (b *builder) nat() {
	b.table = "nat"
	for _, i := range b.ExcludeInterfaces {
		k := key("istio-exclude-interfaces", i)
		b.add("PREROUTING", k, "-i %s -j RETURN", i)
		b.add("OUTPUT", k, "-o %s -j RETURN", i)
	}
	for _, i := range b.VirtualInterfaces {
		b.insert(1, "PREROUTING", key("kube-virt-interfaces", i), "-i %s -j RETURN", i)
	}
	b.add(chainInbound, key("inbound-tunnel-port", b.TunnelPort), "-p tcp --dport %d -j RETURN", b.TunnelPort)
	b.add(chainRedirect, key("envoy-port", b.ProxyPort), "-p tcp -j REDIRECT --to-ports %d", b.ProxyPort)
	b.add(chainInRedirect, key("inbound-capture-port", b.CapturePort), "-p tcp -j REDIRECT --to-ports %d", b.CapturePort)
	if !b.TProxy {
		b.natInbound()
	}
	b.add("OUTPUT", keyOutbound, "-j %s", chainOutput)
	for _, p := range b.OutboundPortsExclude {
		for _, proto := range []string{"tcp", "udp"} {
			b.add(chainOutput, key("istio-local-outbound-ports-exclude", p), "-p %s --dport %s -j RETURN", proto, p)
		}
	}
	b.add(chainOutput, keyPassthrough, "-o lo -s %s -j RETURN", b.passthrough)
	b.natProxy()
	b.natGroups()
	b.natDNS()
	b.add(chainOutput, b.loopbackKey, "-d %s -j RETURN", b.loopback)
	for _, c := range b.exclude {
		b.add(chainOutput, key("istio-service-exclude-cidr", c), "-d %s -j RETURN", c)
	}
	for _, p := range b.OutboundPorts {
		b.add(chainOutput, key("istio-outbound-ports", p), "-p tcp --dport %s -j %s", p, chainRedirect)
	}
	b.natOutbound()
}

// natInbound captures inbound ports.
func (b *builder) natInbound() {
	if !b.CapturesInbound() {
		return
	}
	b.add("PREROUTING", "istio-inbound-ports", "-p tcp -j %s", chainInbound)
	if b.AllInbound {
		for _, p := range b.InboundExclude {
			b.add(chainInbound, key("istio-local-exclude-ports", p), "-p tcp --dport %s -j RETURN", p)
		}
		b.add(chainInbound, key("istio-inbound-ports", "*"), "-p tcp -j %s", chainInRedirect)
	}
	for _, p := range b.InboundPorts {
		b.add(chainInbound, key("istio-inbound-ports", p), "-p tcp --dport %s -j %s", p, chainInRedirect)
	}
}

// natProxy keeps the proxy's own traffic from being captured again, except what it sends to this host's own service address: that
// is inbound.
func (b *builder) natProxy() {
	local, notProxy := "-p tcp ! --dport %d", "-o lo"
	localUID := local
	if b.RedirectDNS {
		// The proxy's own questions go to the name server, not around through its inbound side. Istio makes this exception for
		// user ids only.
		localUID = "-p tcp -m multiport ! --dports 53,%d"
		// A name server on this host may be asked over TCP, which is to be captured.
		notProxy = "-o lo -p tcp ! --dport 53"
	}
	add := func(o owner, local string) {
		b.add(chainOutput, o.key, "-o lo ! -d %s "+local+" -m owner %s -j %s", b.loopback, b.TunnelPort, o.match, chainInRedirect)
		if !b.capturesLoopback() {
			b.add(chainOutput, o.key, notProxy+" -m owner ! %s -j RETURN", o.match)
		}
		b.add(chainOutput, o.key, "-m owner %s -j RETURN", o.match)
	}
	for _, o := range b.uids() {
		add(o, localUID)
	}
	for _, o := range b.gids() {
		add(o, local)
	}
}

// capturesLoopback reports whether a loopback destination of either family is to be captured by name.
func (b *builder) capturesLoopback() bool {
	return slices.ContainsFunc(b.Outbound, func(p netip.Prefix) bool { return p.Addr().IsLoopback() })
}

// natGroups leaves alone what other groups send.
func (b *builder) natGroups() {
	if b.AllGroups {
		for _, g := range b.GroupsExclude {
			b.add(chainOutput, key("outbound-owner-groups-exclude", g.Given), "-m owner --gid-owner %s -j RETURN", b.spell(g))
		}
		return
	}
	var none strings.Builder // of the groups; for no group at all, everybody
	for _, g := range b.Groups {
		fmt.Fprintf(&none, "-m owner ! --gid-owner %s ", b.spell(g))
	}
	b.add(chainOutput, "outbound-owner-groups", "%s -j RETURN", none.String())
}

// natDNS captures DNS.
func (b *builder) natDNS() {
	if !b.capturesDNS() {
		return
	}
	b.add(chainOutput, "redirect-dns", "-j %s", chainOutputDNS)
	// iptables takes --to-port for --to-ports; Istio writes the one for UDP and the other for TCP.
	for _, how := range []struct{ proto, to string }{{"tcp", "--to-ports"}, {"udp", "--to-port"}} {
		if b.CaptureAllDNS {
			b.add(chainOutputDNS, "capture-all-dns", "-p %s --dport 53 -j REDIRECT %s %d", how.proto, how.to, dnsPort)
		}
		for _, s := range b.servers {
			b.add(chainOutputDNS, key("dns-server", s.Addr()), "-p %s --dport 53 -d %s -j REDIRECT %s %d", how.proto, s, how.to, dnsPort)
		}
	}
}

// natOutbound captures outbound destinations, also those of virtual machines.
func (b *builder) natOutbound() {
	if b.AllOutbound {
		b.add(chainOutput, key("istio-service-cidr", "*"), "-j %s", chainRedirect)
		for _, i := range b.VirtualInterfaces {
			b.insert(1, "PREROUTING", key("kube-virt-interfaces", i), "-i %s -j %s", i, chainRedirect)
		}
	}
	for _, c := range b.outbound {
		for _, i := range b.VirtualInterfaces {
			b.insert(1, "PREROUTING", key("kube-virt-interfaces", i), "-i %s -d %s -j %s", i, c, chainRedirect)
		}
		b.add(chainOutput, key("istio-service-cidr", c), "-d %s -j %s", c, chainRedirect)
	}
}
