package e2e

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// hammer opens connections, one after the other as fast as it can, until it is stopped. "hammer stop" stops all, and prints how many
// had which outcome, by outcome.
//
//	hammer [FLAGS of connect] tcp ADDRESS
//	hammer stop
func (s *script) hammer(args []string) {
	if len(args) == 1 && args[0] == "stop" {
		total := map[string]int{}
		for _, h := range s.hammers {
			for outcome, n := range h.halt() {
				total[outcome] += n
			}
		}
		s.hammers = nil
		for _, outcome := range slices.Sorted(maps.Keys(total)) {
			fmt.Fprintf(s.Stdout(), "%s: %d\n", outcome, total[outcome])
		}
		return
	}
	var p place
	args = s.parse(p.flags("hammer"), args)
	if len(args) != 2 {
		s.Fatalf("usage: hammer [FLAGS] tcp ADDRESS, or hammer stop")
	}
	to, err := netip.ParseAddrPort(args[1])
	s.Check(err)
	h := &hammer{stop: make(chan struct{}), done: make(chan map[string]int)}
	s.hammers = append(s.hammers, h)
	n, err := s.space(p.in)
	s.Check(err)
	go h.run(n, p, args[0], to)
	s.Defer(func() { h.halt() })
}

type hammer struct {
	stop   chan struct{}
	done   chan map[string]int
	result map[string]int
}

// run opens connections. It has patience with a busy machine; a packet that was lost shows in what the kernel had to send again.
func (h *hammer) run(n *space, p place, proto string, to netip.AddrPort) {
	outcomes := map[string]int{}
	for {
		select {
		case <-h.stop:
			h.done <- outcomes
			return
		default:
			outcomes[n.hit(p, proto, to)]++
		}
	}
}

// hit makes a connection and returns its outcome.
func (n *space) hit(p place, proto string, to netip.AddrPort) string {
	deadline := time.Now().Add(5 * time.Second)
	c, err := n.dial(p, proto, to, deadline)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	c.SetDeadline(deadline)
	answer, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	outcome := strings.TrimSpace(string(answer))
	if info := tcpInfo(c.(*net.TCPConn)); info == nil || info.Total_retrans > 0 {
		outcome += ", after a loss"
	}
	return outcome
}

func (h *hammer) halt() map[string]int {
	if h.result == nil {
		close(h.stop)
		h.result = <-h.done
	}
	return h.result
}
