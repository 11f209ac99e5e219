package redirect

import (
	"net/netip"

	"rechain/translate/iptables"
)

// State is what the rules rely on beside themselves (Istio's tools/common/tproxy). The zero value is nothing.
type State struct {
	Rules     []PolicyRule
	Routes    []LocalRoute
	Addresses []netip.Prefix // on the interface lo
}

// PolicyRule sends packets with a mark (all bits of it) to a routing table: ip rule add fwmark MARK lookup TABLE.
type PolicyRule struct {
	Family iptables.Family
	Mark   uint32
	Table  uint32
}

// LocalRoute makes every destination local in a routing table: ip route add local default dev lo table TABLE.
type LocalRoute struct {
	Family iptables.Family
	Table  uint32
}

// SystemState returns what the rules rely on: with TPROXY and something captured inbound, a rule and a route for each family that is
// on, which take marked packets to this host; with IPv6, the address ::6, from which the proxy talks to the application. (127.0.0.6
// is on every host, as 127.0.0.0/8 is.)
func (p *Plan) SystemState() State {
	var s State
	families := []iptables.Family{iptables.IPv4}
	if p.IPv6 {
		families = append(families, iptables.IPv6)
		s.Addresses = []netip.Prefix{netip.MustParsePrefix("::6/128")}
	}
	if !p.TProxy || !p.CapturesInbound() {
		return s
	}
	for _, f := range families {
		s.Rules = append(s.Rules, PolicyRule{f, p.Mark, p.RouteTable})
		s.Routes = append(s.Routes, LocalRoute{f, p.RouteTable})
	}
	return s
}
