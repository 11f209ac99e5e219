package live

import (
	"encoding/binary"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
)

// routing is a connection to the routing of the lab (rtnetlink(7)), which remembers what was added for a packet.
type routing struct {
	conn  *netlink.Conn
	added []message
}

// message is one that adds something, with the type of the one that takes it away.
type message struct {
	remove netlink.HeaderType
	data   []byte
}

func dialRouting(ns *kernel.Namespace) (*routing, error) {
	r := &routing{}
	err := ns.Do(func() (err error) {
		r.conn, err = netlink.Dial(unix.NETLINK_ROUTE, nil)
		return err
	})
	return r, err
}

func (r *routing) do(typ netlink.HeaderType, flags netlink.HeaderFlags, data []byte) error {
	_, err := r.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: typ, Flags: netlink.Request | netlink.Acknowledge | flags},
		Data:   data,
	})
	return err
}

// up sets a device up, one that asks no neighbours (IFF_NOARP) but lo.
func (r *routing) up(index int) error {
	flags := uint32(unix.IFF_UP)
	if index != loopbackIndex {
		flags |= unix.IFF_NOARP
	}
	b := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b[4:], uint32(index))
	binary.NativeEndian.PutUint32(b[8:], flags)
	binary.NativeEndian.PutUint32(b[12:], flags)
	return r.do(unix.RTM_NEWLINK, 0, b)
}

// address gives a device an address of its own. One that is there already may stay.
func (r *routing) address(addr []byte, index int) error {
	b := []byte{family(addr), uint8(8 * len(addr)), unix.IFA_F_NODAD, unix.RT_SCOPE_UNIVERSE}
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	return r.add(unix.RTM_NEWADDR, unix.RTM_DELADDR, b, func(e *netlink.AttributeEncoder) {
		e.Bytes(unix.IFA_LOCAL, addr)
		e.Bytes(unix.IFA_ADDRESS, addr)
	})
}

// route leads addresses of a prefix to a device; local ones to this host.
func (r *routing) route(addr []byte, bits int, index int, local bool) error {
	table, scope, typ := uint8(unix.RT_TABLE_MAIN), uint8(unix.RT_SCOPE_LINK), uint8(unix.RTN_UNICAST)
	if local {
		table, scope, typ = unix.RT_TABLE_LOCAL, unix.RT_SCOPE_HOST, unix.RTN_LOCAL
	}
	b := append([]byte{family(addr), uint8(bits), 0, 0, table, unix.RTPROT_STATIC, scope, typ}, 0, 0, 0, 0)
	return r.add(unix.RTM_NEWROUTE, unix.RTM_DELROUTE, b, func(e *netlink.AttributeEncoder) {
		if bits > 0 {
			e.Bytes(unix.RTA_DST, addr)
		}
		e.Uint32(unix.RTA_OIF, uint32(index))
	})
}

func (r *routing) add(add, remove netlink.HeaderType, head []byte, attrs func(*netlink.AttributeEncoder)) error {
	e := netlink.NewAttributeEncoder()
	attrs(e)
	b, err := e.Encode()
	if err != nil {
		return err
	}
	data := append(head, b...)
	if err := r.do(add, netlink.Create|netlink.Replace, data); err != nil {
		return err
	}
	r.added = append(r.added, message{remove, data})
	return nil
}

// undo takes away what was added for a packet. What went by itself, as a route goes with its address, is gone.
func (r *routing) undo() {
	for i := len(r.added) - 1; i >= 0; i-- {
		r.do(r.added[i].remove, 0, r.added[i].data)
	}
	r.added = nil
}

func family(addr []byte) uint8 {
	if len(addr) == 4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// loopbackIndex is LOOPBACK_IFINDEX of net/flow.h.
const loopbackIndex = 1

// forgetConnections empties the table of connections, so that the next packet is new (IPCTNL_MSG_CT_DELETE without a tuple).
func forgetConnections(ns *kernel.Namespace) error {
	var conn *netlink.Conn
	err := ns.Do(func() (err error) {
		conn, err = netlink.Dial(unix.NETLINK_NETFILTER, nil)
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	const ctDelete = unix.NFNL_SUBSYS_CTNETLINK<<8 | 2
	_, err = conn.Execute(netlink.Message{
		Header: netlink.Header{Type: ctDelete, Flags: netlink.Request | netlink.Acknowledge},
		Data:   []byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, 0},
	})
	if err != nil {
		return fmt.Errorf("forget connections: %w", err)
	}
	return nil
}
