package e2e

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// orphan makes the kernel send a packet that belongs to no process and opens a connection in the eyes of connection tracking, and
// prints whether it "arrived" or is "lost".
//
// For that, connection tracking must not see what processes send to and from the port; a script says so with nftables:
//
//	tcp sport PORT meta skuid >= 0 notrack
//	tcp dport PORT meta skuid >= 0 notrack
//
// A connection is made and the client's end closed. When the server's end says goodbye too, the kernel acknowledges that on its
// own, as nobody (the socket is in TIME-WAIT), and that acknowledgement is the first packet that connection tracking sees, which
// it takes for a new connection (nf_conntrack_tcp_loose). If it arrives, the server's end is closed.
//
//	orphan [-uid N] [-gid N] ADDRESS [=> OUTCOME]
func (s *script) orphan(args []string) {
	line, want, judged := strings.Cut(strings.Join(args, " "), "=>")
	got, err := s.orphaned(strings.Fields(line))
	s.Check(err)
	fmt.Fprintln(s.Stdout(), got)
	if want = strings.TrimSpace(want); judged && got != want {
		s.Fatalf("%s: got %q, want %q", strings.TrimSpace(line), got, want)
	}
}

// orphaned does what orphan says, and returns the outcome.
func (s *script) orphaned(args []string) (outcome string, err error) {
	var p place
	f := p.flags("orphan")
	if err := f.Parse(args); err != nil {
		return "", err
	}
	to, err := netip.ParseAddrPort(f.Arg(0))
	if err != nil {
		return "", err
	}
	err = s.pod.do(p.owner, func() error {
		ln, err := net.ListenTCP(network("tcp", to), net.TCPAddrFromAddrPort(to))
		for end := time.Now().Add(time.Second); errors.Is(err, unix.EADDRINUSE) && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond) // the orphan before this one is not quite gone yet
			ln, err = net.ListenTCP(network("tcp", to), net.TCPAddrFromAddrPort(to))
		}
		if err != nil {
			return err
		}
		defer ln.Close()
		client, err := net.DialTimeout(network("tcp", to), to.String(), 700*time.Millisecond)
		if late, ok := err.(net.Error); ok && late.Timeout() {
			outcome = "no connection"
			return nil
		}
		if err != nil {
			return err
		}
		server, err := ln.AcceptTCP()
		if err != nil {
			return err
		}
		// When it closes for good, no TIME-WAIT may be left at the server's end: the port is used again.
		defer server.Close()
		client.Close()
		server.SetDeadline(time.Now().Add(time.Second))
		if _, err := server.Read(make([]byte, 1)); err == nil {
			return fmt.Errorf("the client's end was closed, but something came")
		}
		if err := server.CloseWrite(); err != nil {
			return err
		}
		outcome = "lost"
		for end := time.Now().Add(400 * time.Millisecond); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
			over, reset := closed(server)
			if over && !reset {
				outcome = "arrived"
			}
			if over {
				break
			}
		}
		return server.SetLinger(0)
	})
	return outcome, err
}

// closed says whether a connection is over, and whether it was reset: a goodbye that is said again, because the acknowledgement was
// lost, finds nobody to answer but with a reset.
func closed(c *net.TCPConn) (over, reset bool) {
	const tcpClose = 7 // TCP_CLOSE in include/net/tcp_states.h
	info := tcpInfo(c)
	if info == nil || info.State != tcpClose {
		return false, false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return true, false
	}
	raw.Control(func(fd uintptr) {
		n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		reset = err != nil || n != 0
	})
	return true, reset
}

// tcpInfo is what the kernel knows of a connection, or nil.
func tcpInfo(c *net.TCPConn) (info *unix.TCPInfo) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	raw.Control(func(fd uintptr) { info, _ = unix.GetsockoptTCPInfo(int(fd), unix.SOL_TCP, unix.TCP_INFO) })
	return info
}
