package route

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// Protocol is the number that marks what this program makes: 'r'. "ip rule" and "ip route" show it as "proto 114"; "ip addr" of
// Debian 12 and older does not show protocols yet. Numbers from RTPROT_STATIC (4) on are for user space to agree about; neither
// include/uapi/linux/rtnetlink.h nor etc/iproute2/rt_protos names this one.
const Protocol = 114

// Kind is the kind of an [Item].
type Kind uint8

// The kinds.
const (
	Rule    Kind = 1 // packets with Mark, under Mask, look up Table
	Local   Kind = 2 // everything that looks up Table is delivered locally
	Address Kind = 3 // Prefix is an address of the loopback device
)

// Item is one wanted piece of routing. Items are comparable: equal ones do the same.
type Item struct {
	Kind   Kind
	IPv6   bool         // the family, IPv4 else
	Mark   uint32       // Rule: the packet mark
	Mask   uint32       // Rule: the bits of the mark that count, 0xffffffff for all
	Table  uint32       // Rule, Local: the routing table
	Prefix netip.Prefix // Address
}

// MarkRule is a [Rule]. A mask of 0 stands for all bits.
func MarkRule(ipv6 bool, mark, mask, table uint32) Item {
	if mask == 0 {
		mask = allBits
	}
	return Item{Kind: Rule, IPv6: ipv6, Mark: mark, Mask: mask, Table: table}
}

// LocalDefault is a [Local] route.
func LocalDefault(ipv6 bool, table uint32) Item { return Item{Kind: Local, IPv6: ipv6, Table: table} }

// LoopbackAddress is an [Address].
func LoopbackAddress(prefix netip.Prefix) Item {
	return Item{Kind: Address, IPv6: prefix.Addr().Is6(), Prefix: prefix}
}

const allBits = 0xffffffff

// String is the command that would make the item.
func (i Item) String() string { return i.command("add") }

// Removal is the command that would remove the item.
func (i Item) Removal() string { return i.command("del") }

func (i Item) command(verb string) string {
	var s strings.Builder
	s.WriteString("ip ")
	if i.IPv6 {
		s.WriteString("-6 ")
	}
	switch i.Kind {
	case Rule:
		fmt.Fprintf(&s, "rule %s", verb)
		if i.Mask != 0 { // else it is one that asks for something else, which only an entry can be
			fmt.Fprintf(&s, " fwmark %#x", i.Mark)
			if i.Mask != allBits {
				fmt.Fprintf(&s, "/%#x", i.Mask)
			}
		}
		fmt.Fprintf(&s, " lookup %d", i.Table)
	case Local:
		fmt.Fprintf(&s, "route %s local default dev lo table %d", verb, i.Table)
	case Address:
		fmt.Fprintf(&s, "addr %s %s dev lo", verb, i.Prefix)
		if i.IPv6 && verb == "add" {
			s.WriteString(" nodad")
		}
	}
	return s.String()
}

func (i Item) family() uint8 {
	if i.IPv6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}
