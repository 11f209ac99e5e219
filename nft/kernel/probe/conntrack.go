package probe

import (
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
)

// connection is how connection tracking knows a flow: by its first packet.
type connection struct {
	protocol uint8
	from, to netip.AddrPort
}

// Attributes of ctnetlink (enum ctattr_type and following in linux/netfilter/nfnetlink_conntrack.h).
const (
	ctaTupleOrig    = 1
	ctaTupleIP      = 1
	ctaTupleProto   = 2
	ctaIPv4Src      = 1
	ctaIPv4Dst      = 2
	ctaIPv6Src      = 3
	ctaIPv6Dst      = 4
	ctaProtoNum     = 1
	ctaProtoSrcPort = 2
	ctaProtoDstPort = 3

	ctDelete = unix.NFNL_SUBSYS_CTNETLINK<<8 | 2 // IPCTNL_MSG_CT_DELETE
)

// forget makes connection tracking forget flows before their time, which for an [Orphan] is minutes. It does what it can: without
// ctnetlink, and for flows in zones other than 0, the time has to pass.
func forget(ns *kernel.Namespace, flows []connection) {
	var conn *netlink.Conn
	err := ns.Do(func() (err error) {
		conn, err = netlink.Dial(unix.NETLINK_NETFILTER, nil)
		return err
	})
	if err != nil {
		return
	}
	defer conn.Close()
	for _, f := range flows {
		if attrs, err := f.attributes(); err == nil {
			conn.Execute(netlink.Message{
				Header: netlink.Header{Type: ctDelete, Flags: netlink.Request | netlink.Acknowledge},
				Data:   append([]byte{family(f.from.Addr()), unix.NFNETLINK_V0, 0, 0}, attrs...), // struct nfgenmsg
			})
		}
	}
}

func (c connection) attributes() ([]byte, error) {
	src, dst := uint16(ctaIPv4Src), uint16(ctaIPv4Dst)
	if c.from.Addr().Is6() {
		src, dst = ctaIPv6Src, ctaIPv6Dst
	}
	port := func(p uint16) []byte { return []byte{byte(p >> 8), byte(p)} }
	e := netlink.NewAttributeEncoder()
	e.Nested(ctaTupleOrig, func(e *netlink.AttributeEncoder) error {
		e.Nested(ctaTupleIP, func(e *netlink.AttributeEncoder) error {
			e.Bytes(src, c.from.Addr().AsSlice())
			e.Bytes(dst, c.to.Addr().AsSlice())
			return nil
		})
		e.Nested(ctaTupleProto, func(e *netlink.AttributeEncoder) error {
			e.Uint8(ctaProtoNum, c.protocol)
			e.Bytes(ctaProtoSrcPort, port(c.from.Port()))
			e.Bytes(ctaProtoDstPort, port(c.to.Port()))
			return nil
		})
		return nil
	})
	return e.Encode()
}
