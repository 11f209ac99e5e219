package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// connect connects, or for UDP sends a datagram, and prints what came of it: the answer of a listener (see listen), "refused",
// "unreachable", or "silent" when there was no answer within the time. What it ought to be may stand behind "=>".
//
//	connect [-in NETNS] [-uid N] [-gid N] [-from ADDRESS] [-wait TIME] tcp|udp ADDRESS [=> OUTCOME]
func (s *script) connect(args []string) {
	line, want, judged := strings.Cut(strings.Join(args, " "), "=>")
	got, err := s.connection(strings.Fields(line))
	s.Check(err)
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
	if wrong := differing(s.outcomes(args[0])); wrong != "" {
		s.Fatalf("%s", wrong)
	}
}

// outcome is what became of a connection of a file.
type outcome struct{ line, got, want string }

// outcomes makes the connections of a file: all at once, then the orphans, which share a port.
func (s *script) outcomes(file string) []*outcome {
	var all, orphans []*outcome
	var errs []error
	var mutex sync.Mutex
	var wg sync.WaitGroup
	for line := range strings.Lines(s.ReadFile(file)) {
		words, want, judged := strings.Cut(line, "=>")
		if !judged || strings.HasPrefix(line, "#") {
			continue
		}
		o := &outcome{line: strings.TrimSpace(words), want: strings.TrimSpace(want)}
		all = append(all, o)
		if strings.HasPrefix(o.line, "orphan ") {
			orphans = append(orphans, o)
			continue
		}
		wg.Go(func() {
			got, err := s.connection(strings.Fields(o.line))
			mutex.Lock()
			defer mutex.Unlock()
			o.got, errs = got, append(errs, err)
		})
	}
	wg.Wait()
	for _, o := range orphans {
		got, err := s.orphaned(strings.Fields(o.line)[1:])
		o.got, errs = got, append(errs, err)
	}
	s.Check(errors.Join(errs...))
	return all
}

// differing are those that the file wanted to be different, a line for each.
func differing(outcomes []*outcome) string {
	var lines strings.Builder
	for _, o := range outcomes {
		if o.got != o.want {
			fmt.Fprintf(&lines, "%s => %s, but %q\n", o.line, o.want, o.got)
		}
	}
	return lines.String()
}

// connection does what connect says, and returns the outcome.
func (s *script) connection(args []string) (string, error) {
	var p place
	f := p.flags("connect")
	wait := f.Duration("wait", 700*time.Millisecond, "for how long there may be no answer")
	if err := f.Parse(args); err != nil {
		return "", err
	}
	if f.NArg() != 2 {
		return "", errors.New("usage: connect [FLAGS] tcp|udp ADDRESS [=> OUTCOME]")
	}
	to, err := netip.ParseAddrPort(f.Arg(1))
	if err != nil {
		return "", err
	}
	n, err := s.space(p.in)
	if err != nil {
		return "", err
	}
	answer, err := n.ask(p, f.Arg(0), to, *wait)
	var late net.Error
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ECONNRESET):
		return "refused", nil
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.ENETUNREACH):
		return "unreachable", nil
	case errors.As(err, &late) && late.Timeout():
		return "silent", nil
	}
	return answer, err
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
