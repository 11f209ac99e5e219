package redirect

import (
	"net/netip"
	"strings"
)

// System is what only the machine knows. [Config.Resolve] asks it only for what the configuration leaves open. Addresses belong
// to the network namespace in question.
type System interface {
	// LookupUser returns the decimal user id of a name.
	LookupUser(name string) (uid string, err error)
	// LookupGroup returns the decimal group id of a name.
	LookupGroup(name string) (gid string, err error)
	// ResolvConf returns the content of /etc/resolv.conf.
	ResolvConf() ([]byte, error)
	// Addresses returns the addresses of all interfaces, in the order of the interfaces.
	Addresses() ([]netip.Addr, error)
}

// ParseResolvConf returns the name servers of a resolv.conf, all of them, in order. Servers that are not addresses are left out, as
// Istio does; the zone of a link-local address is, too, for no rule can ask for it.
func ParseResolvConf(text []byte) []netip.Addr {
	var servers []netip.Addr
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "nameserver" {
			continue
		}
		if addr, err := netip.ParseAddr(words[1]); err == nil {
			servers = append(servers, addr.WithZone(""))
		}
	}
	return servers
}

// DetectIPv6 says whether a host with these addresses is to have IPv6 captured, as Istio decides it (getLocalIP in
// tools/common/config/config.go): by the first address that is neither loopback nor link-local, or with dualStack by whether any
// such address is IPv6. ok is false when there is no such address.
func DetectIPv6(addrs []netip.Addr, dualStack bool) (ipv6, ok bool) {
	for _, a := range addrs {
		a = a.Unmap()
		if a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() {
			continue
		}
		ipv6, ok = a.Is6(), true
		if ipv6 || !dualStack {
			break
		}
	}
	return ipv6, ok
}
