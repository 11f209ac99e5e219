//go:build linux

package twin

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"

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

func (c connection) text(loose bool) string {
	if loose {
		return "connection" + c.state
	}
	return "connection" + c.tuples + c.state
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
