package probe

import (
	"errors"
	"fmt"
	"net/netip"

	"rechain/nft/kernel"
)

// Lab is a network namespace with wires to a made-up world outside. In that world every address answers.
type Lab struct {
	inside, outside *kernel.Namespace
	insideRoute     *rtnetlink
	wires           []end        // the near ends of those that were laid
	flows           []connection // all that were sent
}

// Open lays wires into a namespace, nil for that of the process. It needs CAP_NET_ADMIN there, and CAP_SYS_ADMIN to make a namespace
// for the far end. If it fails, nothing is left behind.
func Open(inside *kernel.Namespace, wires []Wire) (_ *Lab, err error) {
	l := &Lab{inside: inside}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	if l.insideRoute, err = dialRoute(inside); err != nil {
		return nil, fmt.Errorf("connect to rtnetlink: %w", err)
	}
	if l.outside, err = kernel.NewNamespace(); err != nil {
		return nil, err
	}
	outsideRoute, err := dialRoute(l.outside)
	if err != nil {
		return nil, fmt.Errorf("connect to rtnetlink: %w", err)
	}
	defer outsideRoute.conn.Close()
	if err := l.world(outsideRoute); err != nil {
		return nil, fmt.Errorf("set up the namespace of the far end: %w", err)
	}
	tables, err := l.insideRoute.freeTables(len(wires))
	if err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	for i := range wires {
		if err := l.lay(&wires[i], outsideRoute, tables[i]); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// lay adds a wire. table is the routing table for what is sent from its own addresses.
func (l *Lab) lay(w *Wire, outside *rtnetlink, table uint32) error {
	index := firstIndex + 2*uint32(len(l.wires))
	here, there := end{l.insideRoute, index}, end{outside, index + 1}
	if err := w.link(here, there, uint32(l.outside.Fd())); err != nil {
		return fmt.Errorf("make interface %s: %w", w.Name, err)
	}
	if l.wires = append(l.wires, here); len(l.wires) == 1 {
		// The first interface was free, so no other Lab is at work: what rules there are were left behind.
		if err := l.insideRoute.deleteRules(); err != nil {
			return fmt.Errorf("remove policy rules that an earlier probe left: %w", err)
		}
	}
	if err := errors.Join(here.up(w.Own), there.up(w.Far)); err != nil {
		return fmt.Errorf("set up interface %s: %w", w.Name, err)
	}
	if err := w.routes(here, there, table); err != nil {
		return fmt.Errorf("add routes through %s: %w", w.Name, err)
	}
	if err := errors.Join(here.ready(w.Own), there.ready(w.Far)); err != nil {
		return fmt.Errorf("interface %s: %w", w.Name, err)
	}
	return nil
}

// world makes every address local in the namespace of the far end.
func (l *Lab) world(r *rtnetlink) error {
	lo := end{r, loopback}
	if err := lo.up(nil); err != nil {
		return err
	}
	for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		// A kernel without IPv6 has no use for the second.
		if err := lo.addLocal(any); err != nil && any.Is4() {
			return err
		}
	}
	return nil
}

// Close takes away all that the Lab added.
func (l *Lab) Close() error {
	forget(l.inside, l.flows)
	var errs []error
	if l.insideRoute != nil {
		if len(l.wires) > 0 {
			errs = append(errs, l.insideRoute.deleteRules())
		}
		for _, w := range l.wires {
			errs = append(errs, w.delete())
		}
		errs = append(errs, l.insideRoute.conn.Close())
		l.insideRoute = nil
	}
	if l.outside != nil {
		errs = append(errs, l.outside.Close())
		l.outside = nil
	}
	return errors.Join(errs...)
}

// space is one of the two namespaces.
func (l *Lab) space(outside bool) *kernel.Namespace {
	if outside {
		return l.outside
	}
	return l.inside
}
