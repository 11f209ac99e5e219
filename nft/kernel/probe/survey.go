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

// Survey looks at a namespace, nil for the current one.
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
	_, err = r.routes(func(to netip.Prefix) { f.Taken = append(f.Taken, to) })
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

// routes gives the destination of every route to f and returns the numbers of all tables in use. Default routes have no
// destination.
func (r *rtnetlink) routes(f func(netip.Prefix)) (tables map[uint32]bool, err error) {
	tables = map[uint32]bool{}
	for _, af := range []uint8{unix.AF_INET, unix.AF_INET6} {
		err := r.each(request{typ: unix.RTM_GETROUTE, head: routeHead(af, 0, 0, 0, 0, 0)},
			func(head []byte, attrs *netlink.AttributeDecoder) error {
				for attrs.Next() {
					switch attrs.Type() {
					case unix.RTA_TABLE:
						tables[attrs.Uint32()] = true
					case unix.RTA_DST:
						if a, ok := netip.AddrFromSlice(attrs.Bytes()); ok && head[1] > 0 {
							f(netip.PrefixFrom(a, int(head[1])))
						}
					}
				}
				return nil
			})
		if err == nil {
			err = r.each(request{typ: unix.RTM_GETRULE, head: routeHead(af, 0, 0, 0, 0, 0)},
				func(_ []byte, attrs *netlink.AttributeDecoder) error {
					for attrs.Next() {
						if attrs.Type() == fraTable {
							tables[attrs.Uint32()] = true
						}
					}
					return nil
				})
		}
		if err != nil && !(af == unix.AF_INET6 && errors.Is(err, unix.EOPNOTSUPP)) {
			return nil, err
		}
	}
	return tables, nil
}

// freeTables returns n numbers of routing tables that neither a route nor a rule uses. Small numbers are what people take.
func (r *rtnetlink) freeTables(n int) ([]uint32, error) {
	used, err := r.routes(func(netip.Prefix) {})
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
