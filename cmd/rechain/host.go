package main

import (
	"net"
	"net/netip"
	"os"
	"os/user"

	"rechain/nft/kernel"
)

// host tells a redirect configuration what only the machine knows. Users and groups are those of the files that this process
// sees; addresses are those of the network namespace.
type host struct{ netns *kernel.Namespace }

// LookupUser finds a user's id.
func (host) LookupUser(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return u.Uid, nil
}

// LookupGroup finds a group's id.
func (host) LookupGroup(name string) (string, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return "", err
	}
	return g.Gid, nil
}

// ResolvConf reads the name servers' file.
func (host) ResolvConf() ([]byte, error) { return os.ReadFile("/etc/resolv.conf") }

// Addresses lists the addresses of all devices, in their order.
func (h host) Addresses() ([]netip.Addr, error) {
	var addrs []net.Addr
	err := h.netns.Do(func() (err error) {
		addrs, err = net.InterfaceAddrs()
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr())
		}
	}
	return out, nil
}
