package e2e

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// http serves pages: "NAME, asked by ADDRESS".
//
//	http [-in NETNS] [-uid N] [-gid N] NAME ADDRESS...
func (s *script) http(args []string) {
	var p place
	args = s.parse(p.flags("http"), args)
	if len(args) < 2 {
		s.Fatalf("usage: http [FLAGS] NAME ADDRESS...")
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := netip.ParseAddrPort(r.RemoteAddr)
		fmt.Fprintf(w, "%s, asked by %s\n", args[0], who.Addr())
	})
	for _, a := range args[1:] {
		for _, at := range both(a) {
			s.accept(p, at, func(c *net.TCPConn) {
				served := &one{conn: c, done: make(chan struct{})}
				server := &http.Server{Handler: page, ConnState: served.state}
				server.SetKeepAlivesEnabled(false)
				server.Serve(served)
				<-served.done
			})
		}
	}
}

// one is a listener that has one connection.
type one struct {
	conn net.Conn
	done chan struct{}
}

// Accept returns the connection the first time.
func (o *one) Accept() (net.Conn, error) {
	if c := o.conn; c != nil {
		o.conn = nil
		return c, nil
	}
	return nil, net.ErrClosed
}

// Close does nothing: there is no listener.
func (o *one) Close() error { return nil }

// Addr is no address.
func (o *one) Addr() net.Addr { return &net.TCPAddr{} }

func (o *one) state(_ net.Conn, s http.ConnState) {
	if s == http.StateClosed {
		close(o.done)
	}
}

// forward is a transparent proxy: it connects to where the client meant to connect, or where a name for that (A=B) sends it, and
// passes on what both ends say.
//
//	forward [-uid N] [-gid N] [-transparent] [-from ADDRESS] LISTEN-ADDRESS [A=B]...
func (s *script) forward(args []string) {
	var p place
	args = s.parse(p.flags("forward"), args)
	if len(args) < 1 {
		s.Fatalf("usage: forward [FLAGS] LISTEN-ADDRESS [A=B]...")
	}
	services := map[string]string{}
	for _, a := range args[1:] {
		from, to, _ := strings.Cut(a, "=")
		services[from] = to
	}
	out := p
	out.transparent = false
	n, err := s.space(p.in)
	s.Check(err)
	s.accept(p, netip.MustParseAddrPort(args[0]), func(c *net.TCPConn) {
		to := destination(c)
		if service, ok := services[to.String()]; ok {
			to = netip.MustParseAddrPort(service)
		}
		n.pass(out, c, to)
	})
}

// socks is a SOCKS 5 server (RFC 1928) that asks for no name and no password.
//
//	socks [-in NETNS] LISTEN-ADDRESS
func (s *script) socks(args []string) {
	var p place
	args = s.parse(p.flags("socks"), args)
	if len(args) != 1 {
		s.Fatalf("usage: socks [-in NETNS] LISTEN-ADDRESS")
	}
	n, err := s.space(p.in)
	s.Check(err)
	s.accept(p, netip.MustParseAddrPort(args[0]), func(c *net.TCPConn) {
		if to, err := greet(c); err == nil {
			n.pass(p, c, to)
		}
	})
}

// greet reads a client's greeting and request, answers both, and returns where it wants to go. Only CONNECT to an IPv4 address is
// understood.
func greet(c net.Conn) (to netip.AddrPort, err error) {
	head := make([]byte, 2) // version, number of methods
	if _, err := io.ReadFull(c, head); err != nil {
		return to, err
	}
	if _, err := io.CopyN(io.Discard, c, int64(head[1])); err != nil {
		return to, err
	}
	if _, err := c.Write([]byte{5, 0}); err != nil { // no authentication
		return to, err
	}
	request := make([]byte, 10) // version, command, reserved, address type, address, port
	if _, err := io.ReadFull(c, request); err != nil {
		return to, err
	}
	if request[1] != 1 || request[3] != 1 {
		return to, fmt.Errorf("command %d, address type %d", request[1], request[3])
	}
	if _, err := c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil { // succeeded
		return to, err
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(request[4:8])), binary.BigEndian.Uint16(request[8:])), nil
}

// pass connects to an address and copies in both directions until both are closed.
func (n *space) pass(p place, c *net.TCPConn, to netip.AddrPort) {
	there, err := n.dial(p, "tcp", to, time.Now().Add(2*time.Second))
	if err != nil {
		c.SetLinger(0) // the client shall see it, not an end
		return
	}
	defer there.Close()
	var both sync.WaitGroup
	for _, way := range [][2]*net.TCPConn{{c, there.(*net.TCPConn)}, {there.(*net.TCPConn), c}} {
		both.Go(func() {
			io.Copy(way[0], way[1])
			way[0].CloseWrite()
		})
	}
	both.Wait()
}
