package redirect

// Connection tracking zones of DNS over UDP (addDNSConntrackZones in tools/istio-iptables/pkg/capture). The same client port may be
// used towards the proxy and by the proxy towards the name server; in one zone the two would be taken for one connection.
const (
	zoneUpstream = 1 // between the proxy and the name servers
	zoneClient   = 2 // between the applications and the proxy
)

// raw makes the rules that keep the two sides of captured DNS apart.
func (b *builder) raw() {
	b.table = "raw"
	if !b.RedirectDNS {
		return
	}
	b.add("OUTPUT", "redirect-dns", "-j %s", chainOutputDNS)
	for _, o := range append(b.uids(), b.gids()...) {
		b.add(chainOutputDNS, o.key, "-p udp --dport 53 -m owner %s -j CT --zone %d", o.match, zoneUpstream)
		b.add(chainOutputDNS, o.key, "-p udp --sport %d -m owner %s -j CT --zone %d", dnsPort, o.match, zoneClient)
	}
	if !b.capturesDNS() {
		return
	}
	b.add("PREROUTING", "redirect-dns", "-j %s", chainInbound)
	if b.CaptureAllDNS {
		b.add(chainOutputDNS, "capture-all-dns", "-p udp --dport 53 -j CT --zone %d", zoneClient)
		b.add(chainInbound, "capture-all-dns", "-p udp --sport 53 -j CT --zone %d", zoneUpstream)
	}
	for _, s := range b.servers {
		k := key("dns-server", s.Addr())
		b.add(chainOutputDNS, k, "-p udp --dport 53 -d %s -j CT --zone %d", s, zoneClient)
		b.add(chainInbound, k, "-p udp --sport 53 -s %s -j CT --zone %d", s, zoneUpstream)
	}
}

// capturesDNS reports whether DNS is captured in this family: there may be name servers in the other one only.
func (b *builder) capturesDNS() bool {
	return b.RedirectDNS && (b.CaptureAllDNS || len(b.servers) > 0)
}
