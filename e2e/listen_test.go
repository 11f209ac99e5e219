package e2e

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// place says where and as whom a socket is made, and how.
type place struct {
	in          string
	owner       owner
	from        string
	transparent bool
}

// flags are those that all commands with sockets have.
func (p *place) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard) // its errors say it
	f.StringVar(&p.in, "in", "", "the namespace, if not the pod")
	f.IntVar(&p.owner.uid, "uid", 0, "the user")
	f.IntVar(&p.owner.gid, "gid", 0, "the group")
	f.StringVar(&p.from, "from", "", "the address to connect from, with a port or without")
	f.BoolVar(&p.transparent, "transparent", false, "take what is for other addresses (IP_TRANSPARENT)")
	return f
}

// parse reads a command's flags.
func (s *script) parse(f *flag.FlagSet, args []string) []string {
	if err := f.Parse(args); err != nil {
		s.Fatalf("%s: %v", f.Name(), err)
	}
	return f.Args()
}

// listen opens listeners that answer with NAME, until the script ends. An address without a host (":80") is every address of
// both families. Where a listener was redirected to, the answer also says what for: "NAME for 10.1.0.2:80".
//
//	listen [-in NETNS] [-uid N] [-gid N] [-transparent] NAME tcp|udp ADDRESS...
func (s *script) listen(args []string) {
	var p place
	args = s.parse(p.flags("listen"), args)
	if len(args) < 3 {
		s.Fatalf("usage: listen [FLAGS] NAME tcp|udp ADDRESS...")
	}
	name, proto := args[0], args[1]
	for _, a := range args[2:] {
		for _, at := range both(a) {
			if proto == "udp" {
				s.answerDatagrams(p, name, at)
			} else {
				s.accept(p, at, func(c *net.TCPConn) {
					answer := name
					if to := destination(c); to.Port() != at.Port() {
						answer += " for " + to.String()
					}
					fmt.Fprintln(c, answer)
					c.CloseWrite()
					c.SetDeadline(time.Now().Add(time.Second))
					io.Copy(io.Discard, c)
				})
			}
		}
	}
}

// both are the addresses that an address without a host stands for.
func both(a string) []netip.AddrPort {
	if strings.HasPrefix(a, ":") {
		return []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0" + a), netip.MustParseAddrPort("[::]" + a)}
	}
	return []netip.AddrPort{netip.MustParseAddrPort(a)}
}

// accept listens for TCP and serves each connection.
func (s *script) accept(p place, at netip.AddrPort, serve func(*net.TCPConn)) {
	var ln net.Listener
	n, err := s.space(p.in)
	s.Check(err)
	err = n.do(p.owner, func() (err error) {
		config := net.ListenConfig{Control: p.control}
		// An MPTCP socket is another one than that which was made as p.owner.
		config.SetMultipathTCP(false)
		ln, err = config.Listen(context.Background(), network("tcp", at), at.String())
		return err
	})
	s.Check(err)
	s.Defer(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			}()
		}
	}()
}

// answerDatagrams answers each datagram. On a host with many addresses, an answer comes from the right one only if at names it.
func (s *script) answerDatagrams(p place, name string, at netip.AddrPort) {
	var conn net.PacketConn
	n, err := s.space(p.in)
	s.Check(err)
	err = n.do(p.owner, func() (err error) {
		conn, err = (&net.ListenConfig{Control: p.control}).ListenPacket(context.Background(), network("udp", at), at.String())
		return err
	})
	s.Check(err)
	s.Defer(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			_, from, err := conn.ReadFrom(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				conn.WriteTo([]byte(name+"\n"), from)
			}
		}
	}()
}

// network is the name of a protocol for package net, which with the number opens IPv6 sockets for IPv6 only.
func network(proto string, a netip.AddrPort) string {
	if a.Addr().Is4() {
		return proto + "4"
	}
	return proto + "6"
}

// control sets a socket's options. A port may be used again although a socket that had it is still held: any process that another
// script starts holds all sockets for a moment, from fork to exec.
func (p place) control(network, _ string, raw syscall.RawConn) error {
	level, option := unix.SOL_IP, unix.IP_TRANSPARENT
	if strings.HasSuffix(network, "6") {
		level, option = unix.SOL_IPV6, unix.IPV6_TRANSPARENT
	}
	var err error
	ctlErr := raw.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err == nil && p.transparent {
			err = unix.SetsockoptInt(int(fd), level, option, 1)
		}
	})
	return errors.Join(ctlErr, err)
}

// destination is where the other end of a connection meant to connect: what connection tracking remembers, or else the address of
// this end, which with TPROXY is the same.
func destination(c *net.TCPConn) netip.AddrPort {
	local := c.LocalAddr().(*net.TCPAddr).AddrPort()
	raw, err := c.SyscallConn()
	if err != nil {
		return local
	}
	to := local
	raw.Control(func(fd uintptr) {
		// SO_ORIGINAL_DST (linux/netfilter_ipv4.h), IP6T_SO_ORIGINAL_DST (linux/netfilter_ipv6/ip6_tables.h). The answers are a
		// struct sockaddr_in and sockaddr_in6; the functions here are those of golang.org/x/sys that read as much.
		const originalDst = 80
		if local.Addr().Is4() {
			if v, err := unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, originalDst); err == nil {
				to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(v.Multiaddr[4:8])), binary.BigEndian.Uint16(v.Multiaddr[2:4]))
			}
			return
		}
		if v, err := unix.GetsockoptIPv6MTUInfo(int(fd), unix.SOL_IPV6, originalDst); err == nil {
			port := binary.NativeEndian.AppendUint16(nil, v.Addr.Port)
			to = netip.AddrPortFrom(netip.AddrFrom16(v.Addr.Addr), binary.BigEndian.Uint16(port))
		}
	})
	return to
}
