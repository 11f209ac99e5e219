package e2e

import (
	"fmt"
	"io"
	"net/netip"
	"time"
)

// say connects over TCP, and sends lines one after the other, as a client of FTP does. What the other end says does not matter.
//
//	say [-in NETNS] [-uid N] [-gid N] [-from ADDRESS] ADDRESS LINE...
func (s *script) say(args []string) {
	var p place
	args = s.parse(p.flags("say"), args)
	if len(args) < 2 {
		s.Fatalf("usage: say [FLAGS] ADDRESS LINE...")
	}
	to, err := netip.ParseAddrPort(args[0])
	s.Check(err)
	n, err := s.space(p.in)
	s.Check(err)
	deadline := time.Now().Add(3 * time.Second)
	c, err := n.dial(p, "tcp", to, deadline)
	s.Check(err)
	defer c.Close()
	c.SetDeadline(deadline)
	for _, line := range args[1:] {
		_, err := fmt.Fprintf(c, "%s\r\n", line)
		s.Check(err)
		time.Sleep(20 * time.Millisecond) // a packet for each
	}
	_, err = io.Copy(io.Discard, io.LimitReader(c, 3))
	s.Check(err)
}
