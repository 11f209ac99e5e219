package iptables

import "net/netip"

// Names that mean the same on every host: those of the loopback (RFC 6761, section 6.3), and what Debian's /etc/hosts and
// /etc/networks add, as a listing without -n prints them.
var (
	hosts4 = map[string]netip.Addr{
		"localhost":             netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		"localhost.localdomain": netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		"default":               netip.IPv4Unspecified(),
		"loopback":              netip.AddrFrom4([4]byte{127}),
		"link-local":            netip.AddrFrom4([4]byte{169, 254}),
	}
	hosts6 = map[string]netip.Addr{
		"localhost":      netip.IPv6Loopback(),
		"localhost6":     netip.IPv6Loopback(),
		"ip6-localhost":  netip.IPv6Loopback(),
		"ip6-loopback":   netip.IPv6Loopback(),
		"ip6-allnodes":   netip.IPv6LinkLocalAllNodes(),
		"ip6-allrouters": netip.IPv6LinkLocalAllRouters(),
	}
)

func hosts(family Family) map[string]netip.Addr {
	if family == IPv6 {
		return hosts6
	}
	return hosts4
}
