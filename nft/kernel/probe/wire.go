package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Wire is a connection between the namespace and the world that a [Lab] makes up.
type Wire struct {
	// Name is the interface's name, fewer than 16 bytes, not in use.
	Name string
	// Own and Far are the addresses of the two ends, of the namespace and of the world: one each for IPv4 and IPv6, or none.
	// Own and Far of a family are two addresses of one prefix of 30 or 126 bits, which is in use nowhere.
	Own, Far []netip.Addr
	// Through are addresses that the far end reaches through this wire, besides Own.
	Through []netip.Addr
}

// Numbers of rtnetlink that golang.org/x/sys does not name.
const (
	vethInfoPeer = 1 // VETH_INFO_PEER in linux/veth.h
	ifOperUp     = 6 // IF_OPER_UP in linux/if.h
	loopback     = 1 // LOOPBACK_IFINDEX in net/flow.h: the index of lo in every namespace
)

// end is an interface at one end of a wire.
type end struct {
	*rtnetlink
	index uint32
}

func (e end) up(addrs []netip.Addr) error {
	if _, err := e.do(request{typ: unix.RTM_NEWLINK, head: linkHead(e.index, unix.IFF_UP, unix.IFF_UP)}); err != nil {
		return err
	}
	for _, a := range addrs {
		if err := e.addAddress(a); err != nil {
			return fmt.Errorf("add %s: %w", a, err)
		}
	}
	return nil
}

// firstIndex is the index of the first interface; near and far ends take turns from there. It is one that the kernel does not give.
// If the two ends had the same index, as those of two new namespaces would, the kernel would not see a wire in them, and might
// take a second to notice that they are up (linkwatch_urgent_event in net/core/link_watch.c).
const firstIndex = 1 << 30

// link makes the pair of interfaces. One of that name may be on its way out, if another Lab was killed a moment ago.
func (w *Wire) link(here, there end, thereFD uint32) error {
	q := request{unix.RTM_NEWLINK, create, linkHead(here.index, 0, 0), func(e *netlink.AttributeEncoder) {
		e.String(unix.IFLA_IFNAME, w.Name)
		e.Nested(unix.IFLA_LINKINFO, func(e *netlink.AttributeEncoder) error {
			e.String(unix.IFLA_INFO_KIND, "veth")
			e.Nested(unix.IFLA_INFO_DATA, func(e *netlink.AttributeEncoder) error {
				e.Do(vethInfoPeer, func() ([]byte, error) {
					p := netlink.NewAttributeEncoder()
					p.String(unix.IFLA_IFNAME, w.Name)
					p.Uint32(unix.IFLA_NET_NS_FD, thereFD)
					attrs, err := p.Encode()
					return append(linkHead(there.index, 0, 0), attrs...), err
				})
				return nil
			})
			return nil
		})
	}}
	var err error
	for range 20 {
		if _, err = here.do(q); !errors.Is(err, unix.EEXIST) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("%w; is another probe running?", err)
}

// routes lets the namespace send through the wire whatever it sends from Own, and the far end reach Through.
func (w *Wire) routes(here, there end, table uint32) error {
	for i, own := range w.Own {
		if err := here.addDefault(w.Far[i], table); err != nil {
			return err
		}
		if err := here.addRule(own, table); err != nil {
			return fmt.Errorf("policy rule for %s: %w", own, err)
		}
		for _, to := range w.Through {
			if to.Is4() == own.Is4() {
				if err := there.addVia(to, own); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// ready waits until an interface sends what it is given and takes what is for its addresses. That is so a moment after it was set
// up and given them, when the kernel's workers have taken notice (linkwatch_do_dev in net/core/link_watch.c; addrconf_dad_work in
// net/ipv6/addrconf.c, which ends with the address's local route). What is sent before that is lost.
func (e end) ready(addrs []netip.Addr) error {
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		running, err := e.running()
		if err != nil {
			return err
		}
		local, err := e.localRoutes()
		if err != nil {
			return err
		}
		if running && !slices.ContainsFunc(addrs, func(a netip.Addr) bool { return !local[a] }) {
			return nil
		}
	}
	return errors.New("it does not start to run")
}

// running asks for the operational state. IFF_RUNNING would not do: it is also set while the kernel has not looked yet.
func (e end) running() (up bool, err error) {
	err = e.each(request{typ: unix.RTM_GETLINK, head: linkHead(0, 0, 0)},
		func(head []byte, attrs *netlink.AttributeDecoder) error {
			for binary.NativeEndian.Uint32(head[4:]) == e.index && attrs.Next() {
				up = up || attrs.Type() == unix.IFLA_OPERSTATE && attrs.Uint8() == ifOperUp
			}
			return nil
		})
	return up, err
}

func (e end) delete() error {
	_, err := e.do(request{typ: unix.RTM_DELLINK, head: linkHead(e.index, 0, 0)})
	return err
}

// addAddress adds an address, without asking the wire whether it is free (IFA_F_NODAD), which takes a second.
func (e end) addAddress(a netip.Addr) error {
	_, err := e.do(request{unix.RTM_NEWADDR, create, addrHead(netip.PrefixFrom(a, a.BitLen()-2), e.index, unix.IFA_F_NODAD),
		func(e *netlink.AttributeEncoder) {
			e.Bytes(unix.IFA_LOCAL, a.AsSlice())
			e.Bytes(unix.IFA_ADDRESS, a.AsSlice())
		}})
	return err
}

// addDefault adds a default route.
func (e end) addDefault(via netip.Addr, table uint32) error {
	return e.addRoute(netip.PrefixFrom(via, 0), unix.RTN_UNICAST, unix.RT_SCOPE_UNIVERSE, table, via)
}

// addVia adds a route to one address.
func (e end) addVia(to, via netip.Addr) error {
	return e.addRoute(netip.PrefixFrom(to, to.BitLen()), unix.RTN_UNICAST, unix.RT_SCOPE_UNIVERSE, unix.RT_TABLE_MAIN, via)
}

// addLocal makes every address of a family one of the host's own, except those that have a route of their own.
func (e end) addLocal(any netip.Addr) error {
	return e.addRoute(netip.PrefixFrom(any, 0), unix.RTN_LOCAL, unix.RT_SCOPE_HOST, unix.RT_TABLE_MAIN, netip.Addr{})
}

func (e end) addRoute(to netip.Prefix, typ, scope uint8, table uint32, via netip.Addr) error {
	_, err := e.do(request{unix.RTM_NEWROUTE, create,
		routeHead(family(to.Addr()), uint8(to.Bits()), 0, ruleProtocol, scope, typ),
		func(a *netlink.AttributeEncoder) {
			if to.Bits() > 0 {
				a.Bytes(unix.RTA_DST, to.Addr().AsSlice())
			}
			if via.IsValid() {
				a.Bytes(unix.RTA_GATEWAY, via.AsSlice())
			}
			a.Uint32(unix.RTA_OIF, e.index)
			a.Uint32(unix.RTA_TABLE, table)
		}})
	return err
}
