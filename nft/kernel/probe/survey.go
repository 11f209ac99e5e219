package probe

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
)

// Facts are what a namespace has before a [Lab] adds to it.
type Facts struct {
	LoopbackUp bool
	// IPv6 says whether interfaces get IPv6 addresses, and the loopback interface has ::1.
	IPv6       bool
	Interfaces []string
	Addresses  []netip.Addr
	// Taken are the prefixes of all addresses and routes, except default routes.
	Taken []netip.Prefix
}

// Survey looks at a namespace, nil for that of the process.
func Survey(ns *kernel.Namespace) (Facts, error) {
	var f Facts
	if err := ns.Do(f.interfaces); err != nil {
		return f, err
	}
	r, err := dialRoute(ns)
	if err != nil {
		return f, err
	}
	defer r.conn.Close()
	err = r.eachRoute(func(x route) {
		if x.to.Bits() > 0 {
			f.Taken = append(f.Taken, x.to)
		}
	})
	return f, err
}

func (f *Facts) interfaces() error {
	list, err := net.Interfaces()
	if err != nil {
		return err
	}
	loopback6 := false
	for _, i := range list {
		f.Interfaces = append(f.Interfaces, i.Name)
		if i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 {
			f.LoopbackUp = true
		}
		addrs, err := i.Addrs()
		if err != nil {
			return err
		}
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err != nil {
				continue
			}
			f.Addresses = append(f.Addresses, p.Addr())
			f.Taken = append(f.Taken, p.Masked())
			loopback6 = loopback6 || p.Addr() == netip.IPv6Loopback()
		}
	}
	// What a new interface gets. A kernel without IPv6 has no such file.
	off, err := os.ReadFile("/proc/sys/net/ipv6/conf/default/disable_ipv6")
	f.IPv6 = loopback6 && err == nil && strings.TrimSpace(string(off)) == "0"
	return nil
}

// route is what the package asks of a route: its destination, 0 bits long for a default route, its type (RTN_*) and table.
type route struct {
	to    netip.Prefix
	typ   uint8
	table uint32
}

// eachRoute gives all routes to f.
func (r *rtnetlink) eachRoute(f func(route)) error {
	for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		err := r.each(request{typ: unix.RTM_GETROUTE, head: routeHead(family(any), 0, 0, 0, 0, 0)},
			func(head []byte, attrs *netlink.AttributeDecoder) error {
				x := route{to: netip.PrefixFrom(any, int(head[1])), typ: head[7]}
				for attrs.Next() {
					switch attrs.Type() {
					case unix.RTA_TABLE:
						x.table = attrs.Uint32()
					case unix.RTA_DST:
						if a, ok := netip.AddrFromSlice(attrs.Bytes()); ok {
							x.to = netip.PrefixFrom(a, int(head[1]))
						}
					}
				}
				f(x)
				return nil
			})
		if err != nil && !(any.Is6() && errors.Is(err, unix.EOPNOTSUPP)) { // a kernel without IPv6
			return err
		}
	}
	return nil
}

// localRoutes returns the addresses whose packets are taken as this host's own.
func (r *rtnetlink) localRoutes() (map[netip.Addr]bool, error) {
	local := map[netip.Addr]bool{}
	err := r.eachRoute(func(x route) {
		if x.typ == unix.RTN_LOCAL && x.to.IsSingleIP() {
			local[x.to.Addr()] = true
		}
	})
	return local, err
}

// freeTables returns n numbers of routing tables that neither a route nor a rule uses. Small numbers are what people take.
func (r *rtnetlink) freeTables(n int) ([]uint32, error) {
	used := map[uint32]bool{}
	err := r.eachRoute(func(x route) { used[x.table] = true })
	if err == nil {
		err = r.eachRule(func(x policy) { used[x.table] = true })
	}
	if err != nil {
		return nil, err
	}
	var free []uint32
	for t := uint32(7200); len(free) < n; t++ {
		if !used[t] {
			free = append(free, t)
		}
	}
	return free, nil
}
