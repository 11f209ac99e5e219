package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// arrival is what a listener saw of a flow.
type arrival struct {
	at       netip.AddrPort // the destination as it arrived
	original netip.AddrPort
	outside  bool
	listener uint16
}

// source names a flow by what the rules leave alone: protocol and where it comes from.
type source struct {
	protocol uint8
	from     netip.AddrPort
}

// arrivals collects what the listeners see.
type arrivals struct {
	mu      sync.Mutex
	seen    map[source]arrival
	waiting map[source]chan struct{}
}

func newArrivals() *arrivals {
	return &arrivals{seen: map[source]arrival{}, waiting: map[source]chan struct{}{}}
}

func (a *arrivals) add(s source, what arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.seen[s]; ok {
		return
	}
	a.seen[s] = what
	if c := a.waiting[s]; c != nil {
		close(c)
	}
}

// wait returns what arrived from a source, waiting at most so long.
func (a *arrivals) wait(s source, d time.Duration) (arrival, bool) {
	a.mu.Lock()
	what, ok := a.seen[s]
	c := make(chan struct{})
	a.waiting[s] = c
	a.mu.Unlock()
	if ok {
		return what, true
	}
	select {
	case <-c:
	case <-time.After(d):
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	what, ok = a.seen[s]
	return what, ok
}

// closers are what to close in the end.
type closers []interface{ Close() error }

func (c closers) close() {
	for _, x := range c {
		x.Close()
	}
}

// listen opens the listeners. Where somebody listens already, so that the address is in use, they do the same for the probe.
func (l *Lab) listen(listeners []Listener, seen *arrivals) (closers, error) {
	var open closers
	for _, x := range listeners {
		start := serveTCP
		if x.Kind == UDP {
			start = serveUDP
		}
		err := As(l.space(x.Outside), x.Owner, func() error {
			c, err := start(x, seen)
			if err == nil {
				open = append(open, c)
			}
			return err
		})
		if err != nil && !errors.Is(err, unix.EADDRINUSE) {
			open.close()
			return nil, fmt.Errorf("listen at %s: %w", x.At, err)
		}
	}
	return open, nil
}

// Busy says whether somebody listens already where a listener would.
func (l *Lab) Busy(x Listener) bool {
	open, err := l.listen([]Listener{x}, newArrivals())
	open.close()
	return err == nil && len(open) == 0
}

// transparent lets a socket of a listener take what was meant for other addresses, and answer from them.
func transparent(network, _ string, raw syscall.RawConn) error {
	var err error
	ctlErr := raw.Control(func(fd uintptr) {
		level, transparent, info := unix.SOL_IP, unix.IP_TRANSPARENT, unix.IP_PKTINFO
		if network[len(network)-1] == '6' {
			level, transparent, info = unix.SOL_IPV6, unix.IPV6_TRANSPARENT, unix.IPV6_RECVPKTINFO
		}
		err = errors.Join(unix.SetsockoptInt(int(fd), level, transparent, 1), unix.SetsockoptInt(int(fd), level, info, 1))
	})
	return errors.Join(ctlErr, err)
}

var config = net.ListenConfig{Control: transparent}

// network is the name of a protocol for package net, which with the number opens IPv6 sockets for IPv6 only.
func network(protocol string, a netip.AddrPort) string {
	if a.Addr().Is4() {
		return protocol + "4"
	}
	return protocol + "6"
}

func serveTCP(x Listener, seen *arrivals) (interface{ Close() error }, error) {
	// MPTCP, which package net would use if it can, is another socket than the one that was made on this thread.
	config := config
	config.SetMultipathTCP(false)
	ln, err := config.Listen(context.Background(), network("tcp", x.At), x.At.String())
	if err != nil {
		return nil, err
	}
	s := &tcpServer{Listener: ln, done: make(chan struct{})}
	// What accepts a connection owns it, so this too has to be done as the owner.
	go withOwner(x.Owner, func() error { s.serve(x, seen); return nil })
	return s, nil
}

// tcpServer accepts connections and keeps them: one that is closed at once may be gone before the client knows that it was made.
type tcpServer struct {
	net.Listener
	conns []*net.TCPConn
	done  chan struct{}
}

func (s *tcpServer) serve(x Listener, seen *arrivals) {
	defer close(s.done)
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		conn := c.(*net.TCPConn)
		s.conns = append(s.conns, conn)
		local := unmapped(conn.LocalAddr())
		a := arrival{at: local, outside: x.Outside, listener: x.At.Port()}
		if raw, err := conn.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) { a.original = originalDestination(int(fd), local.Addr()) })
		}
		seen.add(source{unix.IPPROTO_TCP, unmapped(conn.RemoteAddr())}, a)
	}
}

// Close closes the connections too, without the long goodbye of TCP.
func (s *tcpServer) Close() error {
	err := s.Listener.Close()
	<-s.done
	for _, c := range s.conns {
		c.SetLinger(0)
		c.Close()
	}
	return err
}

func unmapped(a net.Addr) netip.AddrPort {
	p, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

func serveUDP(x Listener, seen *arrivals) (interface{ Close() error }, error) {
	pc, err := config.ListenPacket(context.Background(), network("udp", x.At), x.At.String())
	if err != nil {
		return nil, err
	}
	conn := pc.(*net.UDPConn)
	go func() {
		data, control := make([]byte, 2048), make([]byte, 256)
		for {
			n, nc, _, from, err := conn.ReadMsgUDPAddrPort(data, control)
			if err != nil {
				if errors.Is(err, net.ErrClosed) {
					return
				}
				continue // an answer that nobody wanted came back as an ICMP error
			}
			from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
			to, answer := destination(control[:nc])
			seen.add(source{unix.IPPROTO_UDP, from}, arrival{at: netip.AddrPortFrom(to, x.At.Port()), outside: x.Outside, listener: x.At.Port()})
			conn.WriteMsgUDPAddrPort(data[:n], answer, from)
		}
	}()
	return conn, nil
}

// destination reads the address that a datagram was sent to, and makes the control message that sends the answer from there.
func destination(control []byte) (netip.Addr, []byte) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return netip.Addr{}, nil
	}
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= unix.SizeofInet4Pktinfo:
			// struct in_pktinfo: index, the local address, the address in the header.
			to := netip.AddrFrom4([4]byte(m.Data[8:12]))
			return to, unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: to.As4()})
		case m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			to := netip.AddrFrom16([16]byte(m.Data[:16]))
			return to, unix.PktInfo6(&unix.Inet6Pktinfo{Addr: to.As16()})
		}
	}
	return netip.Addr{}, nil
}
