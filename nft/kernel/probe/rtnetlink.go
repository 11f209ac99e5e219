package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
)

// rtnetlink is a connection to a namespace's routing (rtnetlink(7)). The messages here are few and all of fixed shape.
type rtnetlink struct{ conn *netlink.Conn }

func dialRoute(ns *kernel.Namespace) (*rtnetlink, error) {
	r := &rtnetlink{}
	err := ns.Do(func() (err error) {
		r.conn, err = netlink.Dial(unix.NETLINK_ROUTE, nil)
		return err
	})
	return r, err
}

// request is a message of rtnetlink: a structure of fixed size, then attributes.
type request struct {
	typ   netlink.HeaderType
	flags netlink.HeaderFlags
	head  []byte
	attrs func(*netlink.AttributeEncoder)
}

const (
	create = netlink.Create | netlink.Excl
	dump   = netlink.Dump
)

func (r *rtnetlink) do(q request) ([]netlink.Message, error) {
	e := netlink.NewAttributeEncoder()
	if q.attrs != nil {
		q.attrs(e)
	}
	attrs, err := e.Encode()
	if err != nil {
		return nil, err
	}
	flags := netlink.Request | q.flags
	if q.flags&dump != dump { // it shares a bit with Excl
		flags |= netlink.Acknowledge
	}
	answers, err := r.conn.Execute(netlink.Message{
		Header: netlink.Header{Type: q.typ, Flags: flags},
		Data:   append(q.head, attrs...),
	})
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w; needs CAP_NET_ADMIN", err)
	}
	return answers, err
}

// each gives every answer of a dump to f: the fixed structure, size bytes, and the attributes.
func (r *rtnetlink) each(q request, f func(head []byte, attrs *netlink.AttributeDecoder) error) error {
	size := len(q.head)
	q.flags |= dump
	answers, err := r.do(q)
	if err != nil {
		return err
	}
	for _, m := range answers {
		if len(m.Data) < size {
			continue
		}
		attrs, err := netlink.NewAttributeDecoder(m.Data[size:])
		if err != nil {
			return err
		}
		if err := f(m.Data[:size], attrs); err != nil {
			return err
		}
		if err := attrs.Err(); err != nil {
			return err
		}
	}
	return nil
}

// linkHead is struct ifinfomsg: family, type, index, flags, and which flags to change.
func linkHead(index, flags, change uint32) []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b[4:], index)
	binary.NativeEndian.PutUint32(b[8:], flags)
	binary.NativeEndian.PutUint32(b[12:], change)
	return b
}

// addrHead is struct ifaddrmsg: family, prefix length, flags, scope, index.
func addrHead(p netip.Prefix, index uint32, flags uint8) []byte {
	b := []byte{family(p.Addr()), uint8(p.Bits()), flags, unix.RT_SCOPE_UNIVERSE}
	return binary.NativeEndian.AppendUint32(b, index)
}

// routeHead is struct rtmsg, and for policy rules struct fib_rule_hdr, which has the same fields in the same places: family,
// lengths of destination and source, TOS, table, protocol, scope, type (action), flags.
func routeHead(family, dst, src, protocol, scope, typ uint8) []byte {
	return append([]byte{family, dst, src, 0, unix.RT_TABLE_UNSPEC, protocol, scope, typ}, 0, 0, 0, 0)
}

// family is the address family of an address.
func family(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
