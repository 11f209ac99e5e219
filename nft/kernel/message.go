package kernel

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// A message is struct nlmsghdr (include/uapi/linux/netlink.h: 32-bit length, 16-bit type, 16-bit flags, 32-bit sequence number,
// 32-bit port, in host order), struct nfgenmsg (include/uapi/linux/netfilter/nfnetlink.h: family, version 0, 16-bit res_id in
// network order) and attributes. Attributes and messages begin at multiples of 4.
const (
	nlHeader   = unix.SizeofNlMsghdr
	nfHeader   = 4
	msgHeader  = nlHeader + nfHeader
	errHeader  = 4 // struct nlmsgerr: the error, and the header that it is about
	subsystem  = unix.NFNL_SUBSYS_NFTABLES
	subsysBits = 8 // NFNL_SUBSYS_ID, NFNL_MSG_TYPE
)

// nftType is the type of an NFT_MSG_* in the netlink header.
func nftType(typ uint16) uint16 { return subsystem<<subsysBits | typ }

// appendHeader begins a message; the caller appends attributes and then calls endMessage.
func appendHeader(b []byte, typ, flags uint16, seq uint32, family bytecode.Family, resID uint16) []byte {
	b = append(b, 0, 0, 0, 0)
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0, byte(family), unix.NFNETLINK_V0)
	return binary.BigEndian.AppendUint16(b, resID)
}

// endMessage fills in the length of the message that began at start and ends with b.
func endMessage(b []byte, start int) []byte {
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

type message struct {
	typ, flags uint16
	seq        uint32
	body       []byte // what follows struct nlmsghdr
}

var errMessage = errors.New("broken netlink message")

// cutMessage takes the first message off a datagram.
func cutMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < nlHeader {
		return m, nil, errMessage
	}
	n := int(binary.NativeEndian.Uint32(b))
	if n < nlHeader || n > len(b) {
		return m, nil, errMessage
	}
	m = message{
		typ:   binary.NativeEndian.Uint16(b[4:]),
		flags: binary.NativeEndian.Uint16(b[6:]),
		seq:   binary.NativeEndian.Uint32(b[8:]),
		body:  b[nlHeader:n],
	}
	return m, b[min((n+3)&^3, len(b)):], nil
}

// nfgenmsg splits the body of an nf_tables message.
func (m message) nfgenmsg() (bytecode.Family, []byte) {
	if len(m.body) < nfHeader {
		return bytecode.Unspec, nil
	}
	return bytecode.Family(m.body[0]), m.body[nfHeader:]
}

// err is the unix.Errno of an NLMSG_ERROR or NLMSG_DONE, nil for none.
func (m message) err() error {
	if len(m.body) < errHeader {
		return nil
	}
	if n := int32(binary.NativeEndian.Uint32(m.body)); n != 0 {
		return unix.Errno(-n)
	}
	return nil
}

// extended reads the extended acknowledgement behind an error: what is wrong, and how many bytes into the message (0: not said).
// The message itself is not repeated, see netlink.CapAcknowledge, apart from its header.
func (m message) extended() (text string, offset uint32) {
	if m.flags&unix.NLM_F_ACK_TLVS == 0 || len(m.body) < errHeader+nlHeader {
		return "", 0
	}
	for a, err := range bytecode.Attrs(m.body[errHeader+nlHeader:]) {
		switch {
		case err != nil:
			return text, offset
		case a.Type == unix.NLMSGERR_ATTR_MSG:
			text = a.String()
		case a.Type == unix.NLMSGERR_ATTR_OFFS && len(a.Data) == 4:
			offset = binary.NativeEndian.Uint32(a.Data)
		}
	}
	return text, offset
}
