package ext

import (
	"net/netip"
	"strings"

	"rechain/translate/iptables"
)

// hostMask is a network with the address as it was given: some extensions print the bits beyond the mask too, which the kernel does not
// look at.
type hostMask struct {
	iptables.Net
	given netip.Addr
}

// hostMaskKind is iptables.Network, but printed with the address as given, by format. Value: hostMask.
func hostMaskKind(format func(iptables.Net) string) iptables.Kind {
	return iptables.NewKind(
		func(w string, f iptables.Family) (hostMask, error) {
			n, err := iptables.ParseNet(w, f)
			if err != nil {
				return hostMask{}, err
			}
			host, _, _ := strings.Cut(w, "/")
			given, err := iptables.ParseAddr(host, f)
			return hostMask{n, given}, err
		},
		func(h hostMask) string { return format(iptables.Net{Addr: h.given, Mask: h.Mask}) })
}
