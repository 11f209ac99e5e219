package route

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
)

// Conn is a connection to the routing of one network namespace.
type Conn struct{ nl *netlink.Conn }

// Dial connects to the routing of a namespace, nil for the current one.
func Dial(ns *kernel.Namespace) (*Conn, error) {
	var c Conn
	err := ns.Do(func() (err error) {
		// Strict makes dumps obey the fields of their request (NETLINK_GET_STRICT_CHK, Linux 4.20), so that a large
		// routing table is not copied here to be thrown away.
		c.nl, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Strict: true})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to routing: %w", err)
	}
	return &c, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.nl.Close() }

// Missing returns the items of want that are not in have, whoever made those that are.
func Missing(have []Entry, want []Item) []Item {
	var items []Item
	for _, w := range want {
		there := slices.ContainsFunc(have, func(e Entry) bool { return e.Item == w })
		if !there && !slices.Contains(items, w) {
			items = append(items, w)
		}
	}
	return items
}

// Add makes items, which are missing, and returns those it made. If one cannot be made, those made before it are removed again.
func (c *Conn) Add(items []Item) ([]Item, error) {
	var added []Item
	for _, item := range items {
		err := c.add(item)
		if errors.Is(err, unix.EEXIST) && item.Kind == Rule {
			continue // another program was faster; a rule that exists is the same, while a route can be a different one
		}
		if err != nil {
			return nil, errors.Join(err, c.Undo(added))
		}
		added = append(added, item)
	}
	if err := c.checkMarked(added); err != nil {
		return nil, errors.Join(err, c.Undo(added))
	}
	return added, nil
}

// checkMarked makes sure that we will know the addresses again: kernels before 5.18 ignore IFA_PROTO.
func (c *Conn) checkMarked(added []Item) error {
	if !slices.ContainsFunc(added, func(i Item) bool { return i.Kind == Address }) {
		return nil
	}
	have, err := c.read(addresses)
	if err != nil {
		return err
	}
	for _, e := range have {
		if e.Kind == Address && !e.Ours() && slices.Contains(added, e.Item) {
			return fmt.Errorf("%s: this kernel does not keep who added an address, which takes Linux 5.18; "+
				"add it without this program", e.Item)
		}
	}
	return nil
}

// Undo removes what Add added, the last first.
func (c *Conn) Undo(added []Item) error {
	var errs []error
	for _, item := range slices.Backward(added) {
		errs = append(errs, c.change(deletes[item.Kind], 0, item.encode()))
	}
	return errors.Join(errs...)
}

// Extra returns the entries of have that carry [Protocol] and are not in want.
func Extra(have []Entry, want []Item) []Entry {
	return slices.DeleteFunc(slices.Clone(have), func(e Entry) bool { return !e.Ours() || slices.Contains(want, e.Item) })
}

// Remove removes entries, as they were read, and returns those it removed. One that is gone already is none.
func (c *Conn) Remove(entries []Entry) ([]Entry, error) {
	var removed []Entry
	for _, e := range entries {
		// The kernel is given back what it listed, so that exactly this is deleted.
		err := c.change(deletes[e.Kind], 0, e.raw)
		switch {
		case isGone(err):
		case err != nil:
			return removed, fmt.Errorf("remove %q: %w", e.Item, err)
		default:
			removed = append(removed, e)
		}
	}
	return removed, nil
}

// isGone says whether something could not be deleted since it is not there any more: ENOENT says so of rules, ESRCH of routes,
// EADDRNOTAVAIL of addresses.
func isGone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EADDRNOTAVAIL)
}

var (
	adds    = map[Kind]netlink.HeaderType{Rule: unix.RTM_NEWRULE, Local: unix.RTM_NEWROUTE, Address: unix.RTM_NEWADDR}
	deletes = map[Kind]netlink.HeaderType{Rule: unix.RTM_DELRULE, Local: unix.RTM_DELROUTE, Address: unix.RTM_DELADDR}
)

func (c *Conn) add(item Item) error {
	err := c.change(adds[item.Kind], netlink.Create|netlink.Excl, item.encode())
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w%s", item, err, advice(item, err))
}

func (c *Conn) change(typ netlink.HeaderType, flags netlink.HeaderFlags, data []byte) error {
	_, err := c.nl.Execute(netlink.Message{
		Header: netlink.Header{Type: typ, Flags: netlink.Request | netlink.Acknowledge | flags},
		Data:   data,
	})
	return err
}

// advice says what to do about an error of adding an item.
func advice(item Item, err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return "; needs CAP_NET_ADMIN in the user namespace that owns the network namespace"
	case errors.Is(err, unix.EEXIST):
		return "; there is one already that does something else, and it was not touched"
	case errors.Is(err, unix.ENETDOWN):
		return "; the loopback device is down: ip link set lo up"
	case item.IPv6 && errors.Is(err, unix.EACCES):
		return "; IPv6 is disabled on lo: sysctl net.ipv6.conf.lo.disable_ipv6=0, or leave IPv6 out"
	case item.IPv6 && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP)):
		return "; this kernel has no IPv6, or no policy routing for it"
	}
	return ""
}
