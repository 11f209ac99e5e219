package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// connect connects, or for UDP sends a datagram, and prints what came of it: the answer of a listener (see listen), "refused",
// "unreachable", or "silent" when there was no answer within the time. What it ought to be may stand behind "=>".
//
//	connect [-in NETNS] [-uid N] [-gid N] [-from ADDRESS] [-wait TIME] tcp|udp ADDRESS [=> OUTCOME]
func (s *script) connect(args []string) {
	line, want, judged := strings.Cut(strings.Join(args, " "), "=>")
	got := s.connection(strings.Fields(line))
	fmt.Fprintln(s.Stdout(), got)
	if want = strings.TrimSpace(want); judged && got != want {
		s.Fatalf("%s\n got %q\nwant %q", strings.TrimSpace(line), got, want)
	}
}

// connections makes the connections of a file. Each line is what one would say to connect, or to orphan when it starts with that
// word; lines without "=>" say nothing.
//
//	connections FILE
func (s *script) connections(args []string) {
	if len(args) != 1 {
		s.Fatalf("usage: connections FILE")
	}
	if wrong := s.differing(args[0]); wrong != "" {
		s.Fatalf("%s", wrong)
	}
}

// differing makes the connections of a file, and returns those that had another outcome than the file says.
func (s *script) differing(file string) string {
	var wrong strings.Builder
	for line := range strings.Lines(s.ReadFile(file)) {
		words, want, judged := strings.Cut(line, "=>")
		if !judged || strings.HasPrefix(line, "#") {
			continue
		}
		try, fields := s.connection, strings.Fields(words)
		if fields[0] == "orphan" {
			try, fields = s.orphaned, fields[1:]
		}
		if got := try(fields); got != strings.TrimSpace(want) {
			fmt.Fprintf(&wrong, "%s but %q\n", strings.TrimSpace(line), got)
		}
	}
	return wrong.String()
}

// connection does what connect says, and returns the outcome.
func (s *script) connection(args []string) string {
	var p place
	f := p.flags("connect")
	wait := f.Duration("wait", 700*time.Millisecond, "for how long there may be no answer")
	args = s.parse(f, args)
	if len(args) != 2 {
		s.Fatalf("usage: connect [FLAGS] tcp|udp ADDRESS [=> OUTCOME]")
	}
	to, err := netip.ParseAddrPort(args[1])
	s.Check(err)
	answer, err := s.space(p.in).ask(p, args[0], to, *wait)
	switch {
	case err == nil:
		return answer
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ECONNRESET):
		return "refused"
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH):
		return "unreachable"
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return "silent"
	}
	s.Fatalf("%v", err)
	return ""
}

// ask connects and returns what the other end says.
func (n *space) ask(p place, proto string, to netip.AddrPort, wait time.Duration) (string, error) {
	deadline := time.Now().Add(wait)
	c, err := n.dial(p, proto, to, deadline)
	if err != nil {
		return "", err
	}
	defer c.Close()
	c.SetDeadline(deadline)
	var answer []byte
	if proto == "udp" {
		if _, err := io.WriteString(c, "who is there?"); err != nil {
			return "", err
		}
		answer = make([]byte, 1500)
		n, err := c.Read(answer)
		if err != nil {
			return "", err
		}
		answer = answer[:n]
	} else if answer, err = io.ReadAll(c); err != nil {
		return "", err
	}
	return strings.TrimSpace(string(answer)), nil
}

// dial connects from a place.
func (n *space) dial(p place, proto string, to netip.AddrPort, deadline time.Time) (c net.Conn, err error) {
	d := net.Dialer{Deadline: deadline, Control: p.control}
	if p.from != "" {
		from, err := netip.ParseAddrPort(p.from)
		if addr, noPort := netip.ParseAddr(p.from); noPort == nil {
			from, err = netip.AddrPortFrom(addr, 0), nil
		}
		if err != nil {
			return nil, err
		}
		d.LocalAddr = net.TCPAddrFromAddrPort(from)
		if proto == "udp" {
			d.LocalAddr = net.UDPAddrFromAddrPort(from)
		}
	}
	err = n.do(p.owner, func() error {
		c, err = d.DialContext(context.Background(), proto, to.String())
		return err
	})
	return c, err
}
