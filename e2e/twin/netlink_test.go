//go:build linux

package twin

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Configuration of nfnetlink_log (linux/netfilter/nfnetlink_log.h).
const (
	msgConfig    = unix.NFNL_SUBSYS_ULOG<<8 | 1 // NFULNL_MSG_CONFIG
	cfgCmd       = 1                            // NFULA_CFG_CMD
	cfgMode      = 2                            // NFULA_CFG_MODE
	cfgThreshold = 5                            // NFULA_CFG_QTHRESH: messages that are sent together
	cmdBind      = 1                            // NFULNL_CFG_CMD_BIND
	copyPacket   = 2                            // NFULNL_COPY_PACKET
)

// openLog binds groups: each message is sent at once, with the whole packet.
func openLog(groups []uint16) (int, error) {
	fd, err := openNetfilter()
	if err != nil {
		return -1, err
	}
	for _, g := range groups {
		command := netlink.NewAttributeEncoder()
		command.Bytes(cfgCmd, []byte{cmdBind})
		settings := netlink.NewAttributeEncoder()
		settings.Bytes(cfgMode, []byte{0, 0, 0xff, 0xff, copyPacket, 0})
		settings.Bytes(cfgThreshold, []byte{0, 0, 0, 1})
		for _, attrs := range []*netlink.AttributeEncoder{command, settings} {
			if err := configure(fd, g, attrs); err != nil {
				return fd, fmt.Errorf("log group %d: %w", g, err)
			}
		}
	}
	return fd, nil
}

func openNetfilter() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return -1, err
	}
	// What is sent to many is not sent to those without a port (do_one_broadcast in af_netlink.c).
	return fd, errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20), unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
}

func configure(fd int, group uint16, attrs *netlink.AttributeEncoder) error {
	data, err := attrs.Encode()
	if err != nil {
		return err
	}
	return request(fd, msgConfig, group, data)
}

// request sends a message of nfnetlink, and waits until it is acknowledged.
func request(fd int, typ netlink.HeaderType, resource uint16, data []byte) error {
	data = append(binary.BigEndian.AppendUint16([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0}, resource), data...) // struct nfgenmsg
	m := netlink.Message{Header: netlink.Header{Length: uint32(16 + len(data)), Type: typ, Flags: netlink.Request | netlink.Acknowledge}, Data: data}
	raw, err := m.MarshalBinary()
	if err != nil {
		return err
	}
	if err := unix.Sendto(fd, raw, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	var b [1024]byte
	if _, _, err := unix.Recvfrom(fd, b[:], 0); err != nil {
		return err
	}
	if errno := int32(binary.NativeEndian.Uint32(b[16:])); errno != 0 {
		return unix.Errno(-errno)
	}
	return nil
}

// messages calls f with each netlink message.
func messages(b []byte, f func(typ uint16, data []byte)) {
	for len(b) >= 16 {
		size := int(binary.NativeEndian.Uint32(b))
		if size < 16 || size > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[4:]), b[16:size])
		b = b[min(len(b), (size+3)&^3):]
	}
}

// drain calls f with the messages that have come.
func drain(fd int, f func(typ uint16, data []byte)) {
	for b := make([]byte, 16<<10); ; {
		n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		messages(b[:max(n, 0)], f)
	}
}

// attributes calls f with each netlink attribute.
func attributes(b []byte, f func(typ uint16, value []byte)) {
	for len(b) >= 4 {
		n := int(binary.NativeEndian.Uint16(b))
		if n < 4 || n > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[2:])&0x3fff, b[4:n])
		b = b[min(len(b), (n+3)&^3):]
	}
}
