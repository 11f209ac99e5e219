package kernel

import (
	"bufio"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
	"rechain/nft/kernel/testlab"
)

const tracedRules = `
table inet t {
	chain out {
		type filter hook output priority 0; policy accept;
		udp dport 7 meta mark set 0x539 meta nftrace set 1
		udp dport 7 jump sub
	}
	chain sub {
		counter
		udp dport 7 ip daddr 127.0.0.0/8 goto last
	}
	chain last {
		ip ttl 1 drop
	}
	chain in {
		type filter hook input priority 5; policy drop;
		udp dport 8 accept
	}
}
`

// sendUDP sends a datagram over the loopback device from the thread that calls it.
func sendUDP(t *testing.T, to string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	addr := netip.MustParseAddrPort(to)
	if err := unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		t.Fatal(err)
	}
}

// told is a step as a line, like those of "nft monitor trace".
func told(s Step) string {
	line := fmt.Sprintf("trace id %08x %s %s %s", s.ID, familyName(s.Family), s.Table, s.Chain)
	switch s.Type {
	case StepRule:
		return line + " rule verdict " + verdictText(s.Verdict)
	case StepReturn:
		return line + " verdict " + verdictText(s.Verdict)
	default:
		return line + " policy " + s.Policy.String()
	}
}

func verdictText(v *bytecode.Verdict) string {
	return strings.TrimSpace(v.Code.String() + " " + v.Chain)
}

// Our steps are those that nft tells of the same packet: the packet's way through two hooks, four chains, a jump and a goto.
func TestTraceIsWhatNftTells(t *testing.T) {
	c := isolatedConn(t)
	run(t, "", "ip", "link", "set", "lo", "up")
	run(t, tracedRules, "nft", "-f", "-")

	stdbuf, err := exec.LookPath("stdbuf")
	testlab.Need(t, err == nil, "stdbuf")
	monitor := exec.Command(stdbuf, "-oL", "nft", "monitor", "trace")
	out, err := monitor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := monitor.Start(); err != nil {
		t.Fatal(err)
	}
	defer monitor.Wait()
	defer time.AfterFunc(5*time.Second, func() { monitor.Process.Kill() }).Stop()
	defer monitor.Process.Kill()
	time.Sleep(300 * time.Millisecond) // nft does not say when it listens
	tracer, err := DialTrace(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tracer.Close()
	sendUDP(t, "127.0.0.1:7")

	ends := 0
	var got []string
	var steps []Step
	for {
		s, err := tracer.Receive(time.Now().Add(300 * time.Millisecond))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, s)
		if s.Type == StepReturn && s.Verdict.Code == bytecode.Continue {
			ends++ // the end of a chain, which nft passes over
			continue
		}
		got = append(got, told(s))
	}
	if ends != 3 { // of last, out and in
		t.Errorf("%d chains ended", ends)
	}

	// nft prints packets, rules and marks as well: bring its lines to our form.
	var want []string
	for lines := bufio.NewScanner(out); len(want) < len(got) && lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), " meta mark 0x")
		if strings.Contains(line, " packet: ") {
			continue
		}
		if head, rule, ok := strings.Cut(lines.Text(), " rule "); ok {
			line = head + " rule " + strings.Trim(rule[strings.LastIndex(rule, "("):], "()")
		}
		want = append(want, strings.TrimSpace(line))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// What nft does not print: handles, marks, and where the packet is.
	handles := map[string][]uint64{}
	for _, table := range ruleset(t, c).Tables {
		for _, chain := range table.Chains {
			for _, r := range chain.Rules {
				handles[chain.Name] = append(handles[chain.Name], r.Handle)
			}
		}
	}
	if len(steps) == 0 {
		t.Fatal("no steps")
	}
	first, last := steps[0], steps[len(steps)-1]
	in := steps[slices.IndexFunc(steps, func(s Step) bool { return s.Chain == "in" })]
	if first.Rule != handles["out"][0] || first.Mark != 0x539 || first.NFProto != bytecode.IPv4 || first.Oif != 1 {
		t.Errorf("first %+v", first)
	}
	if len(first.Network) != 20 || netip.AddrFrom4([4]byte(first.Network[16:])).String() != "127.0.0.1" || first.Transport[3] != 7 {
		t.Errorf("headers %x %x", first.Network, first.Transport)
	}
	if last.Type != StepPolicy || last.Chain != "in" || last.Policy != bytecode.Drop || last.Mark != 0x539 || in.Iif != 1 {
		t.Errorf("last %+v", last)
	}
	for _, line := range got {
		t.Log(line)
	}
}

func TestTraceElsewhere(t *testing.T) {
	testlab.Isolate(t)
	run(t, "", "ip", "link", "set", "lo", "up")
	run(t, tracedRules, "nft", "-f", "-")
	ns, err := OpenNamespace("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	testlab.Isolate(t) // somewhere else
	tracer, err := DialTrace(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer tracer.Close()
	if s, err := tracer.Receive(time.Now().Add(10 * time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("step %+v, %v", s, err)
	}
	if err := ns.Do(func() error { sendUDP(t, "127.0.0.1:7"); return nil }); err != nil {
		t.Fatal(err)
	}
	if s, err := tracer.Receive(time.Now().Add(5 * time.Second)); err != nil || s.Chain != "out" {
		t.Errorf("step %+v, %v", s, err)
	}
}
