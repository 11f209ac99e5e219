//go:build linux

package twin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// The observer logs to one group, and rules that tell what they take to another (see wordy). What LOG says cannot be heard: from a
// network namespace that is not the first it comes to nobody (nf_log_is_allowed_net in the kernel, or a switch of the whole host's).
const observed, numbered = 64000, 64001

// observer is a table whose chains come behind all that iptables or rechain registers (the last is security's, at 50) and before
// connections are confirmed. It has no "ct" in it, since that would turn connection tracking on.
func (s *site) observer() string {
	var b strings.Builder
	b.WriteString("table inet twin-observer {\n")
	for _, hook := range []string{"prerouting", "input", "forward", "output", "postrouting"} {
		fmt.Fprintf(&b, "chain %s { type filter hook %[1]s priority 310;\n", hook)
		for _, class := range s.classes {
			fmt.Fprintf(&b, "meta priority %s log group %d prefix \"class %[1]s\"\n", class, observed)
		}
		fmt.Fprintf(&b, "log group %d\n}\n", observed)
	}
	b.WriteString("}\n")
	return b.String()
}

// observe opens the log, and loads the observer.
func (s *site) observe() error {
	err := s.do(func() (err error) {
		if s.conns, err = openNetfilter(); err != nil {
			return err
		}
		for _, g := range []int{1, 2} { // NFNLGRP_CONNTRACK_NEW and _UPDATE
			if err := unix.SetsockoptInt(s.conns, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g); err != nil {
				return err
			}
		}
		if s.log, err = openLog(append([]uint16{observed, numbered}, s.groups...)); err != nil {
			return err
		}
		links, err := net.Interfaces()
		for _, l := range links {
			s.names[uint32(l.Index)] = l.Name
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = s.run(s.observer(), "nft", "-f", "-")
	return err
}

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

// event is something that was logged about a packet.
type event struct {
	group   uint16
	hook    uint8
	prefix  string
	in, out string
	mark    uint32
	owner   string
	packet  []byte
}

var hooks = []string{"prerouting", "input", "forward", "output", "postrouting"}

// events are what was logged since the last call.
func (s *site) events() []event {
	var out []event
	drain(s.log, func(typ uint16, data []byte) {
		if typ == unix.NFNL_SUBSYS_ULOG<<8 { // NFULNL_MSG_PACKET
			if e := s.event(data); len(e.packet) >= 20 && !chatter(e.packet) {
				out = append(out, e)
			}
		}
	})
	return out
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

// event reads a message (enum nfulnl_attr_type).
func (s *site) event(data []byte) event {
	e := event{group: binary.BigEndian.Uint16(data[2:])}
	attributes(data[4:], func(typ uint16, v []byte) {
		switch typ {
		case 1: // NFULA_PACKET_HDR
			e.hook = v[2]
		case 2:
			e.mark = binary.BigEndian.Uint32(v)
		case 4:
			e.in = s.names[binary.BigEndian.Uint32(v)]
		case 5:
			e.out = s.names[binary.BigEndian.Uint32(v)]
		case 9:
			e.packet = append([]byte{}, v...)
		case 10:
			e.prefix = strings.TrimRight(string(v), "\x00")
		case 11:
			e.owner += fmt.Sprintf(" uid=%d", binary.BigEndian.Uint32(v))
		case 14:
			e.owner += fmt.Sprintf(" gid=%d", binary.BigEndian.Uint32(v))
		}
	})
	return e
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

// natDone are IPS_SRC_NAT_DONE and IPS_DST_NAT_DONE: that the nat tables were asked, whatever came of it, which depends on the
// hooks that a dump's nat table has. The status tells beside them what was done.
const natDone = 1<<7 | 1<<8

// connections are what became of tracked connections since the last call: made or changed. The ends, which come by time, do not
// count. The kernel tells of each change once the packet that made it has left (nf_ct_deliver_cached_events).
func (s *site) connections() []connection {
	var out []connection
	drain(s.conns, func(typ uint16, data []byte) {
		if typ == unix.NFNL_SUBSYS_CTNETLINK<<8 { // IPCTNL_MSG_CT_NEW
			out = append(out, readConnection(data[4:]))
		}
	})
	return out
}

// connection is an entry of conntrack, to read and to compare.
type connection struct{ tuples, state string }

func (c connection) text(loose bool) string {
	if loose {
		return "connection" + c.state
	}
	return "connection" + c.tuples + c.state
}

// readConnection reads an entry (enum ctattr_type): its tuples, and all else but times, counters and its id.
func readConnection(b []byte) connection {
	var c, t strings.Builder
	attributes(b, func(typ uint16, v []byte) {
		switch typ {
		case 1, 2, 14: // original, reply, the master's
			t.WriteString(" " + tuple(v))
		case 3:
			fmt.Fprintf(&c, " status=%#x", binary.BigEndian.Uint32(v)&^natDone)
		case 4:
			attributes(v, func(sub uint16, v []byte) {
				if sub == 1 { // CTA_PROTOINFO_TCP
					attributes(v, func(sub uint16, v []byte) {
						if sub == 1 { // CTA_PROTOINFO_TCP_STATE
							fmt.Fprintf(&c, " tcp=%d", v[0])
						}
					})
				}
			})
		case 5:
			attributes(v, func(sub uint16, v []byte) {
				if sub == 1 { // CTA_HELP_NAME
					fmt.Fprintf(&c, " helper=%s", strings.TrimRight(string(v), "\x00"))
				}
			})
		case 8:
			fmt.Fprintf(&c, " mark=%#x", binary.BigEndian.Uint32(v))
		case 18:
			fmt.Fprintf(&c, " zone=%d", binary.BigEndian.Uint16(v))
		case 22:
			if strings.Trim(string(v), "\x00") != "" {
				fmt.Fprintf(&c, " labels=%x", v)
			}
		}
	})
	return connection{t.String(), c.String()}
}

// tuple reads one (enum ctattr_tuple).
func tuple(b []byte) string {
	var addrs, proto []string
	zone := ""
	attributes(b, func(typ uint16, v []byte) {
		switch typ {
		case 1:
			attributes(v, func(_ uint16, v []byte) {
				a, _ := netip.AddrFromSlice(v)
				addrs = append(addrs, a.String())
			})
		case 2:
			attributes(v, func(typ uint16, v []byte) { proto = append(proto, fmt.Sprintf("%x", v)) })
		case 3:
			zone = fmt.Sprintf(" zone=%x", v)
		}
	})
	return strings.Join(addrs, ">") + "/" + strings.Join(proto, ",") + zone
}

// String is all of an event that both sites must see alike. loose leaves out ports, which a kernel may draw.
func (e event) text(loose bool) string {
	hook := fmt.Sprint(e.hook)
	if int(e.hook) < len(hooks) {
		hook = hooks[e.hook]
	}
	what := "at " + hook
	if e.group != observed {
		what = fmt.Sprintf("logs (%d) at %s", e.group, hook)
	}
	return fmt.Sprintf("%s %q in=%s out=%s mark=%#x%s %s", what, e.prefix, e.in, e.out, e.mark, e.owner, shown(e.packet, loose))
}
