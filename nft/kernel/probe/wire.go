package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
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

// What marks the policy rules of a Lab, so that one that was left behind is known for what it is. The protocol number is only a
// label (fib_rule_hdr.res2 as FRA_PROTOCOL, Linux 4.17); none of iproute2's rt_protos has this one. The priority puts the
// rules behind that for local addresses (0), before all that users make.
const (
	ruleProtocol = 0x72 // 'r'
	rulePriority = 1
)

// Attributes of rtnetlink that golang.org/x/sys does not name: enum in linux/veth.h, linux/fib_rules.h.
const (
	vethInfoPeer = 1
	fraSrc       = 2
	fraPriority  = 6
	fraTable     = 15
	fraProtocol  = 21
	frActToTable = 1
	ifOperUp     = 6 // IF_OPER_UP in linux/if.h
)

// end is an interface at one end of a wire.
type end struct {
	*rtnetlink
	index uint32
}

func (e end) up(addrs []netip.Addr) error {
	if err := e.setUp(e.index); err != nil {
		return err
	}
	for _, a := range addrs {
		if err := e.addAddress(e.index, a); err != nil {
			return fmt.Errorf("add %s: %w", a, err)
		}
	}
	return nil
}

// link makes the pair of interfaces. One of that name may be on its way out, if another Lab was killed a moment ago.
func (w *Wire) link(r *rtnetlink, there uint32) error {
	q := request{unix.RTM_NEWLINK, create, linkHead(0, 0, 0), func(e *netlink.AttributeEncoder) {
		e.String(unix.IFLA_IFNAME, w.Name)
		e.Nested(unix.IFLA_LINKINFO, func(e *netlink.AttributeEncoder) error {
			e.String(unix.IFLA_INFO_KIND, "veth")
			e.Nested(unix.IFLA_INFO_DATA, func(e *netlink.AttributeEncoder) error {
				e.Do(vethInfoPeer, func() ([]byte, error) {
					p := netlink.NewAttributeEncoder()
					p.String(unix.IFLA_IFNAME, w.Name)
					p.Uint32(unix.IFLA_NET_NS_FD, there)
					attrs, err := p.Encode()
					return append(linkHead(0, 0, 0), attrs...), err
				})
				return nil
			})
			return nil
		})
	}}
	var err error
	for range 20 {
		if _, err = r.do(q); !errors.Is(err, unix.EEXIST) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("%w; is another probe running?", err)
}

// routes lets the namespace send through the wire whatever it sends from Own, and the far end reach Through.
func (w *Wire) routes(here, there end, table uint32) error {
	for i, own := range w.Own {
		if err := here.addDefault(here.index, w.Far[i], table); err != nil {
			return err
		}
		if err := here.addRule(own, table); err != nil {
			return fmt.Errorf("policy rule for %s: %w", own, err)
		}
		for _, to := range w.Through {
			if to.Is4() == own.Is4() {
				if err := there.addVia(there.index, to, own); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func interfaceIndex(ns *kernel.Namespace, name string) (uint32, error) {
	var index int
	err := ns.Do(func() error {
		i, err := net.InterfaceByName(name)
		if err == nil {
			index = i.Index
		}
		return err
	})
	return uint32(index), err
}

// ready waits until an interface sends what it is given and answers for its addresses. That is so a moment after it was set up and
// given them, when the kernel's workers have taken notice (linkwatch_do_dev in net/core/link_watch.c, addrconf_dad_work in
// net/ipv6/addrconf.c); packets before that are lost.
func (e end) ready(name string) error {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		running, tentative := false, false
		err := e.each(request{typ: unix.RTM_GETLINK, head: linkHead(0, 0, 0)},
			func(head []byte, attrs *netlink.AttributeDecoder) error {
				for binary.NativeEndian.Uint32(head[4:]) == e.index && attrs.Next() {
					// IFF_RUNNING would not do: it is also set while the kernel has not looked yet.
					running = running || attrs.Type() == unix.IFLA_OPERSTATE && attrs.Uint8() == ifOperUp
				}
				return nil
			})
		if err == nil {
			err = e.each(request{typ: unix.RTM_GETADDR, head: make([]byte, unix.SizeofIfAddrmsg)},
				func(head []byte, _ *netlink.AttributeDecoder) error {
					// The kernel's own link-local address may take its time.
					if binary.NativeEndian.Uint32(head[4:]) == e.index && head[3] == unix.RT_SCOPE_UNIVERSE {
						tentative = tentative || head[2]&unix.IFA_F_TENTATIVE != 0
					}
					return nil
				})
		}
		if err != nil || running && !tentative {
			return err
		}
	}
	return fmt.Errorf("interface %s does not start to run", name)
}

func (r *rtnetlink) setUp(index uint32) error {
	_, err := r.do(request{typ: unix.RTM_NEWLINK, head: linkHead(index, unix.IFF_UP, unix.IFF_UP)})
	return err
}

func (r *rtnetlink) deleteLink(index uint32) error {
	_, err := r.do(request{typ: unix.RTM_DELLINK, head: linkHead(index, 0, 0)})
	return err
}

// addAddress adds an address, without asking the wire whether it is free (IFA_F_NODAD), which takes a second.
func (r *rtnetlink) addAddress(index uint32, a netip.Addr) error {
	_, err := r.do(request{unix.RTM_NEWADDR, create, addrHead(netip.PrefixFrom(a, a.BitLen()-2), index, unix.IFA_F_NODAD),
		func(e *netlink.AttributeEncoder) {
			e.Bytes(unix.IFA_LOCAL, a.AsSlice())
			e.Bytes(unix.IFA_ADDRESS, a.AsSlice())
		}})
	return err
}

func (r *rtnetlink) addDefault(index uint32, via netip.Addr, table uint32) error {
	_, err := r.do(request{unix.RTM_NEWROUTE, create,
		routeHead(family(via), 0, 0, ruleProtocol, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST),
		func(e *netlink.AttributeEncoder) {
			e.Bytes(unix.RTA_GATEWAY, via.AsSlice())
			e.Uint32(unix.RTA_OIF, index)
			e.Uint32(unix.RTA_TABLE, table)
		}})
	return err
}

func (r *rtnetlink) addVia(index uint32, to, via netip.Addr) error {
	_, err := r.do(request{unix.RTM_NEWROUTE, create,
		routeHead(family(to), uint8(to.BitLen()), 0, ruleProtocol, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST),
		func(e *netlink.AttributeEncoder) {
			e.Bytes(unix.RTA_DST, to.AsSlice())
			e.Bytes(unix.RTA_GATEWAY, via.AsSlice())
			e.Uint32(unix.RTA_OIF, index)
			e.Uint32(unix.RTA_TABLE, unix.RT_TABLE_MAIN)
		}})
	return err
}

// addLocal makes every address of a family one of this host's own, except those that have a route of their own.
func (r *rtnetlink) addLocal(lo uint32, family uint8) error {
	_, err := r.do(request{unix.RTM_NEWROUTE, create,
		routeHead(family, 0, 0, ruleProtocol, unix.RT_SCOPE_HOST, unix.RTN_LOCAL),
		func(e *netlink.AttributeEncoder) {
			e.Uint32(unix.RTA_OIF, lo)
			e.Uint32(unix.RTA_TABLE, unix.RT_TABLE_MAIN)
		}})
	return err
}

// policy is a policy rule of a Lab: what comes from an address is routed by a table.
type policy struct {
	from  netip.Addr
	table uint32
}

func (p policy) request(typ netlink.HeaderType, flags netlink.HeaderFlags) request {
	return request{typ, flags, routeHead(family(p.from), 0, uint8(p.from.BitLen()), 0, 0, frActToTable),
		func(e *netlink.AttributeEncoder) {
			e.Bytes(fraSrc, p.from.AsSlice())
			e.Uint32(fraPriority, rulePriority)
			e.Uint32(fraTable, p.table)
			e.Uint8(fraProtocol, ruleProtocol)
		}}
}

func (r *rtnetlink) addRule(from netip.Addr, table uint32) error {
	_, err := r.do(policy{from, table}.request(unix.RTM_NEWRULE, create))
	return err
}

// deleteRules removes the policy rules that any Lab made.
func (r *rtnetlink) deleteRules() error {
	var ours []policy
	for _, f := range []uint8{unix.AF_INET, unix.AF_INET6} {
		err := r.each(request{typ: unix.RTM_GETRULE, head: routeHead(f, 0, 0, 0, 0, 0)},
			func(_ []byte, attrs *netlink.AttributeDecoder) error {
				var p policy
				var protocol uint8
				var priority uint32
				for attrs.Next() {
					switch attrs.Type() {
					case fraSrc:
						p.from, _ = netip.AddrFromSlice(attrs.Bytes())
					case fraTable:
						p.table = attrs.Uint32()
					case fraProtocol:
						protocol = attrs.Uint8()
					case fraPriority:
						priority = attrs.Uint32()
					}
				}
				if protocol == ruleProtocol && priority == rulePriority && p.from.IsValid() {
					ours = append(ours, p)
				}
				return nil
			})
		if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
	}
	for _, p := range ours {
		if _, err := r.do(p.request(unix.RTM_DELRULE, 0)); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}
