package route

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Entry is an item that the kernel holds.
type Entry struct {
	Item
	// Protocol says who made it.
	Protocol uint8

	raw []byte // the kernel's message: the header of its kind and attributes
}

// Ours says whether this program made the entry.
func (e Entry) Ours() bool { return e.Protocol == Protocol }

// Read lists the rules, routes and addresses that are items, in the kernel's order, and whatever else carries [Protocol].
func (c *Conn) Read() ([]Entry, error) { return c.read(slices.Concat(routing, addresses)) }

func (c *Conn) read(listings []listing) ([]Entry, error) {
	var entries []Entry
	for _, l := range listings {
		msgs, err := c.dump(l.get, l.request)
		switch {
		case errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP):
			continue // a family that this kernel lacks
		case err != nil:
			return nil, fmt.Errorf("list %s: %w", l.what, err)
		}
		for _, m := range msgs {
			e, plain, err := l.decode(m.Data)
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", l.what, err)
			}
			if plain || e.Ours() {
				e.raw = m.Data
				entries = append(entries, e)
			}
		}
	}
	return entries, nil
}

// dump asks for a list, again if it changed while it was told.
func (c *Conn) dump(get netlink.HeaderType, request []byte) ([]netlink.Message, error) {
	const attempts = 10
	for range attempts {
		msgs, err := c.nl.Execute(netlink.Message{
			Header: netlink.Header{Type: get, Flags: netlink.Request | netlink.Dump},
			Data:   request,
		})
		moved := func(m netlink.Message) bool { return m.Header.Flags&netlink.DumpInterrupted != 0 }
		if err != nil || !slices.ContainsFunc(msgs, moved) {
			return msgs, err
		}
	}
	return nil, fmt.Errorf("they were changed by another program while they were read, %d times in a row", attempts)
}

// listing is a dump.
type listing struct {
	what    string
	get     netlink.HeaderType
	request []byte
	decode  func([]byte) (e Entry, plain bool, err error)
}

var (
	// routing are the dumps of rules and routes. Rules of all families come at once.
	routing = []listing{
		{"routing rules", unix.RTM_GETRULE, ruleHeader{}.encode(), decodeRule},
		{"IPv4 routes", unix.RTM_GETROUTE, routeHeader{family: unix.AF_INET, typ: unix.RTN_LOCAL}.encode(), decodeRoute},
		{"IPv6 routes", unix.RTM_GETROUTE, routeHeader{family: unix.AF_INET6, typ: unix.RTN_LOCAL}.encode(), decodeRoute},
	}
	// addresses are the dumps of the loopback device's addresses.
	addresses = []listing{
		{"IPv4 addresses", unix.RTM_GETADDR, addressHeader{family: unix.AF_INET, index: loopback}.encode(), decodeAddress},
		{"IPv6 addresses", unix.RTM_GETADDR, addressHeader{family: unix.AF_INET6, index: loopback}.encode(), decodeAddress},
	}
)

// decodeRule reads a rule; plain says that it is an [Item]: a mark and a table and nothing else that restricts it.
func decodeRule(b []byte) (e Entry, plain bool, err error) {
	h, attrs, err := cutRule(b)
	if err != nil {
		return e, false, err
	}
	e.Item = Item{Kind: Rule, IPv6: h.family == unix.AF_INET6, Table: uint32(h.table)}
	plain = h.action == unix.FR_ACT_TO_TBL && h.flags&unix.FIB_RULE_INVERT == 0 &&
		h.dstLen == 0 && h.srcLen == 0 && h.tos == 0 && (h.family == unix.AF_INET || h.family == unix.AF_INET6)
	d, err := netlink.NewAttributeDecoder(attrs)
	if err != nil {
		return e, false, err
	}
	marked := false
	for d.Next() {
		switch d.Type() {
		case unix.FRA_FWMARK:
			e.Mark = d.Uint32()
		case unix.FRA_FWMASK:
			e.Mask, marked = d.Uint32(), true // also there for mark 0, which FRA_FWMARK is not
		case unix.FRA_TABLE:
			e.Table = d.Uint32()
		case unix.FRA_PROTOCOL:
			e.Protocol = d.Uint8()
		case unix.FRA_PRIORITY:
		case unix.FRA_SUPPRESS_PREFIXLEN, unix.FRA_SUPPRESS_IFGROUP:
			plain = plain && d.Uint32() == allBits // -1: none
		default:
			plain = false
		}
	}
	return e, plain && marked, d.Err()
}

// decodeRoute reads a route; plain says that it is an [Item].
func decodeRoute(b []byte) (e Entry, plain bool, err error) {
	h, attrs, err := cutRoute(b)
	if err != nil {
		return e, false, err
	}
	e.Item = Item{Kind: Local, IPv6: h.family == unix.AF_INET6, Table: uint32(h.table)}
	e.Protocol = h.protocol
	plain = h.typ == unix.RTN_LOCAL && h.dstLen == 0 && h.srcLen == 0 && h.tos == 0
	d, err := netlink.NewAttributeDecoder(attrs)
	if err != nil {
		return e, false, err
	}
	var out uint32
	for d.Next() {
		switch d.Type() {
		case unix.RTA_TABLE:
			e.Table = d.Uint32()
		case unix.RTA_OIF:
			out = d.Uint32()
		}
	}
	return e, plain && out == loopback, d.Err()
}

// decodeAddress reads an address; all those of the loopback device are items.
func decodeAddress(b []byte) (e Entry, plain bool, err error) {
	h, attrs, err := cutAddress(b)
	if err != nil {
		return e, false, err
	}
	d, err := netlink.NewAttributeDecoder(attrs)
	if err != nil {
		return e, false, err
	}
	var local, address netip.Addr
	for d.Next() {
		switch d.Type() {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(d.Bytes())
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(d.Bytes())
		case ifaProto:
			e.Protocol = d.Uint8()
		}
	}
	if !local.IsValid() {
		local = address // IFA_LOCAL is there for IPv4, and for IPv6 with a peer
	}
	e.Item = LoopbackAddress(netip.PrefixFrom(local, int(h.prefixLen)))
	return e, h.index == loopback, d.Err()
}
