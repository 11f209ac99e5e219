//go:build linux

package twin

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

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
