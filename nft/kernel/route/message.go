package route

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// loopback is the index of the device lo in every namespace (LOOPBACK_IFINDEX, include/net/flow.h).
const loopback = 1

// ifaProto is IFA_PROTO (include/uapi/linux/if_addr.h, Linux 5.18).
const ifaProto = 11

var errShort = errors.New("a message that is too short")

// ruleHeader is struct fib_rule_hdr (include/uapi/linux/fib_rules.h). Tables above 255 are in FRA_TABLE.
type ruleHeader struct {
	family, dstLen, srcLen, tos uint8
	table                       uint8
	action                      uint8
	flags                       uint32
}

func (h ruleHeader) encode() []byte {
	b := []byte{h.family, h.dstLen, h.srcLen, h.tos, h.table, 0, 0, h.action}
	return binary.NativeEndian.AppendUint32(b, h.flags)
}

func cutRule(b []byte) (ruleHeader, []byte, error) {
	if len(b) < 12 {
		return ruleHeader{}, nil, errShort
	}
	return ruleHeader{b[0], b[1], b[2], b[3], b[4], b[7], binary.NativeEndian.Uint32(b[8:])}, b[12:], nil
}

// routeHeader is struct rtmsg (include/uapi/linux/rtnetlink.h). Tables above 255 are in RTA_TABLE.
type routeHeader struct {
	family, dstLen, srcLen, tos uint8
	table, protocol, scope, typ uint8
}

func (h routeHeader) encode() []byte {
	return []byte{h.family, h.dstLen, h.srcLen, h.tos, h.table, h.protocol, h.scope, h.typ, 0, 0, 0, 0}
}

func cutRoute(b []byte) (routeHeader, []byte, error) {
	if len(b) < 12 {
		return routeHeader{}, nil, errShort
	}
	return routeHeader{b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]}, b[12:], nil
}

// addressHeader is struct ifaddrmsg (include/uapi/linux/if_addr.h).
type addressHeader struct {
	family, prefixLen, flags, scope uint8
	index                           uint32
}

func (h addressHeader) encode() []byte {
	return binary.NativeEndian.AppendUint32([]byte{h.family, h.prefixLen, h.flags, h.scope}, h.index)
}

func cutAddress(b []byte) (addressHeader, []byte, error) {
	if len(b) < 8 {
		return addressHeader{}, nil, errShort
	}
	return addressHeader{b[0], b[1], b[2], b[3], binary.NativeEndian.Uint32(b[4:])}, b[8:], nil
}

// encode is the message that makes an item, or with another type deletes it. It carries [Protocol].
func (i Item) encode() []byte {
	switch i.Kind {
	case Rule:
		b := ruleHeader{family: i.family(), action: unix.FR_ACT_TO_TBL}.encode()
		b = appendU32(b, unix.FRA_FWMARK, i.Mark)
		b = appendU32(b, unix.FRA_FWMASK, i.Mask)
		b = appendU32(b, unix.FRA_TABLE, i.Table)
		return bytecode.AppendU8(b, unix.FRA_PROTOCOL, Protocol)
	case Local:
		b := routeHeader{family: i.family(), protocol: Protocol, scope: unix.RT_SCOPE_HOST, typ: unix.RTN_LOCAL}.encode()
		b = appendU32(b, unix.RTA_TABLE, i.Table)
		return appendU32(b, unix.RTA_OIF, loopback)
	default:
		// Nobody else on lo can have the address, so there is nothing to detect: IFA_F_NODAD makes it usable at once.
		b := addressHeader{
			family: i.family(), prefixLen: uint8(i.Prefix.Bits()), flags: unix.IFA_F_NODAD, scope: unix.RT_SCOPE_HOST,
			index: loopback,
		}.encode()
		b = bytecode.AppendBytes(b, unix.IFA_LOCAL, i.Prefix.Addr().AsSlice())
		b = bytecode.AppendBytes(b, unix.IFA_ADDRESS, i.Prefix.Addr().AsSlice())
		return bytecode.AppendU8(b, ifaProto, Protocol)
	}
}

// appendU32 appends a number in host order, as routing has them, unlike nf_tables.
func appendU32(b []byte, typ uint16, v uint32) []byte {
	return bytecode.AppendBytes(b, typ, binary.NativeEndian.AppendUint32(nil, v))
}
