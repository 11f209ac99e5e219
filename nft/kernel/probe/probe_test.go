package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
	"rechain/nft/kernel/testlab"
)

// namespace makes a network namespace for a test.
func namespace(t testing.TB) *kernel.Namespace {
	t.Helper()
	testlab.Users(t)
	testlab.Programs(t, "ip", "nft")
	ns, err := kernel.NewNamespace()
	testlab.Need(t, err == nil, "the right to make network namespaces")
	t.Cleanup(func() { ns.Close() })
	command(t, ns, "", "ip", "link", "set", "lo", "up")
	return ns
}

// command runs a program in a namespace.
func command(t testing.TB, ns *kernel.Namespace, stdin, name string, args ...string) string {
	t.Helper()
	var out []byte
	err := ns.Do(func() (err error) {
		c := exec.Command(name, args...)
		c.Stdin = strings.NewReader(stdin)
		out, err = c.CombinedOutput()
		return err
	})
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func addrs(s ...string) []netip.Addr {
	var out []netip.Addr
	for _, x := range s {
		out = append(out, netip.MustParseAddr(x))
	}
	return out
}

// wire is that of the tests.
func wire() Wire {
	return Wire{Name: "rcprobe0", Own: addrs("192.0.2.1", "2001:db8::1"), Far: addrs("192.0.2.2", "2001:db8::2")}
}

// rules are loaded by iptables and ip6tables, in both of their forms: it is known what they do.
const rules = `*nat
-A PREROUTING -p tcp --dport 15090 -j RETURN
-A PREROUTING -p tcp -j REDIRECT --to-ports 15006
-A OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
-A OUTPUT -m owner --uid-owner 1337 -j RETURN
-A OUTPUT -p udp --dport 53 -j REDIRECT --to-ports 15053
-A OUTPUT -p tcp -j REDIRECT --to-ports 15001
COMMIT
*mangle
-A PREROUTING -m conntrack --ctstate INVALID -j DROP
COMMIT
`

// flows are what the tests send, and what becomes of it: where it arrives and its original destination. In the words, own is the
// namespace's address, far that of the other end, world one that only the made-up world has.
var flows = []struct {
	kind     Kind
	from, to string
	uid      uint32
	want     string
	rule     bool // one of iptables' has a say
}{
	{TCP, "far", "own:8080", 0, "own:15006 by 15006, to own:8080", true},
	{TCP, "far", "own:15090", 0, "own:15090 by 15090, to own:15090", true},
	{TCP, "far", "own:8081", 0, "own:15006 by 15006, to own:8081", true},
	{TCP, "own", "world:80", 1000, "lo:15001 by 15001, to world:80", true},
	{TCP, "own", "world:81", 1337, "refused", true},
	{TCP, "own", "world:80", 1337, "outside world:80 by 80", true},
	{TCP, "own", "own:8080", 1000, "own:8080 by 8080, to own:8080", true},
	{TCP, "own", "own:8082", 1000, "refused", true},
	{UDP, "own", "world:53", 1000, "lo:15053 by 15053", true},
	{UDP, "own", "world:53", 1337, "outside world:53 by 53", true},
	{UDP, "far", "own:8080", 0, "own:8080 by 8080", true},
	{UDP, "far", "own:8083", 0, "refused", true},
	{Orphan, "own", "own:7777", 1000, "own:7777", true},
	{Malformed, "far", "own:7778", 0, "silent", true},
}

func TestRun(t *testing.T) {
	for _, flavour := range []string{"legacy", "nft"} {
		t.Run(flavour, func(t *testing.T) {
			testlab.Programs(t, "iptables-"+flavour+"-restore", "ip6tables-"+flavour+"-restore")
			ns := namespace(t)
			command(t, ns, rules, "iptables-"+flavour+"-restore")
			command(t, ns, rules, "ip6tables-"+flavour+"-restore")
			before := state(t, ns)
			lab, err := Open(ns, []Wire{wire()})
			if err != nil {
				t.Fatal(err)
			}
			defer lab.Close()
			for family, words := range []*strings.Replacer{
				strings.NewReplacer("own", "192.0.2.1", "far", "192.0.2.2", "world", "203.0.113.9", "lo", "127.0.0.1"),
				strings.NewReplacer("own", "[2001:db8::1]", "far", "[2001:db8::2]", "world", "[2001:db8:1::9]", "lo", "[::1]"),
			} {
				t.Run([]string{"ipv4", "ipv6"}[family], func(t *testing.T) { testFlows(t, lab, words, flavour == "nft") })
			}
			if err := lab.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, state(t, ns)); diff != "" {
				t.Errorf("left behind (+) or taken away (-):\n%s", diff)
			}
		})
	}
}

func testFlows(t *testing.T, lab *Lab, words *strings.Replacer, traced bool) {
	var send []Flow
	for _, f := range flows {
		from := strings.Trim(words.Replace(f.from), "[]")
		send = append(send, Flow{Kind: f.kind, Outside: f.from == "far", From: netip.MustParseAddr(from),
			To: netip.MustParseAddrPort(words.Replace(f.to)), Owner: Owner{f.uid, 0}, Wait: 300 * time.Millisecond})
	}
	app, proxy := Owner{1000, 1000}, Owner{1337, 1337}
	var listeners []Listener
	for _, l := range []struct {
		kind    Kind
		outside bool
		port    uint16
		owner   Owner
	}{
		{TCP, false, 15006, proxy}, {TCP, false, 15001, proxy}, {UDP, false, 15053, proxy}, {TCP, false, 8080, app},
		{UDP, false, 8080, app}, {TCP, false, 15090, app}, {TCP, true, 80, app}, {UDP, true, 53, app},
	} {
		any := netip.IPv4Unspecified()
		if send[0].From.Is6() {
			any = netip.IPv6Unspecified()
		}
		listeners = append(listeners, Listener{l.kind, l.outside, netip.AddrPortFrom(any, l.port), l.owner})
	}
	results, err := lab.Run(context.Background(), send, listeners)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range flows {
		r := results[i]
		if got, want := describe(r), words.Replace(f.want); got != want {
			t.Errorf("%v from %v to %v: %s, not %s", f.kind, f.from, f.to, got, want)
		}
		if _, _, ok := r.Decision(); ok != (f.rule && traced) {
			t.Errorf("%v from %v to %v: a rule had a say: %v; trace: %+v", f.kind, f.from, f.to, ok, r.Trace)
		}
	}
}

func describe(r Result) string {
	switch r.Outcome {
	case Untried:
		return fmt.Sprint("untried: ", r.Err)
	case Refused:
		return "refused"
	case Silent:
		return "silent"
	}
	s := r.Arrived.String()
	if r.Outside {
		s = "outside " + s
	}
	if r.Listener != 0 {
		s += fmt.Sprint(" by ", r.Listener)
	}
	if r.Original.IsValid() && !r.Outside {
		s += ", to " + r.Original.String()
	}
	return s
}

// state is all that a Lab could leave behind.
func state(t testing.TB, ns *kernel.Namespace) string {
	var s string
	for _, c := range []string{"ip -o addr", "ip rule", "ip -6 rule", "ip route show table all", "ip -6 route show table all",
		"nft -s list ruleset"} {
		w := strings.Fields(c)
		s += c + "\n" + command(t, ns, "", w[0], w[1:]...)
	}
	return s
}

// A rule that was left behind by a killed process goes when the next one begins; those of others stay.
func TestLeftBehind(t *testing.T) {
	ns := namespace(t)
	command(t, ns, "", "ip", "rule", "add", "from", "198.51.100.7", "lookup", "4711", "pref", "1")
	before := state(t, ns)
	r, err := dialRoute(ns)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs("198.51.100.9", "2001:db8:9::1") {
		if err := r.addRule(a, 7200); err != nil {
			t.Fatal(err)
		}
	}
	lab, err := Open(ns, []Wire{wire()})
	if err != nil {
		t.Fatal(err)
	}
	if s := state(t, ns); strings.Contains(s, "198.51.100.9") || strings.Contains(s, "2001:db8:9::1") {
		t.Errorf("still there:\n%s", s)
	}
	if err := lab.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, state(t, ns)); diff != "" {
		t.Errorf("left behind (+) or taken away (-):\n%s", diff)
	}
}

// Two at once would take each other for left behind, so the second one is refused, and does the first no harm.
func TestTwoAtOnce(t *testing.T) {
	ns := namespace(t)
	lab, err := Open(ns, []Wire{wire()})
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	during := state(t, ns)
	if _, err := Open(ns, []Wire{wire()}); !errors.Is(err, unix.EEXIST) {
		t.Errorf("error %v, not EEXIST", err)
	}
	if diff := cmp.Diff(during, state(t, ns)); diff != "" {
		t.Errorf("the second did this (+, -):\n%s", diff)
	}
}

// A wire that is said to be ready loses nothing, not the first packet either.
func TestReady(t *testing.T) {
	ns := namespace(t)
	for range 20 {
		lab, err := Open(ns, []Wire{wire()})
		if err != nil {
			t.Fatal(err)
		}
		var send []Flow
		for i, far := range wire().Far {
			send = append(send, Flow{Outside: true, From: far, To: netip.AddrPortFrom(wire().Own[i], 9), Wait: 300 * time.Millisecond})
		}
		results, err := lab.Run(context.Background(), send, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r.Outcome != Refused {
				t.Errorf("from %s: %s", send[i].From, describe(r))
			}
		}
		if err := lab.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBusy(t *testing.T) {
	ns := namespace(t)
	lab, err := Open(ns, []Wire{wire()})
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	here := Listener{Kind: TCP, At: netip.MustParseAddrPort("0.0.0.0:15006")}
	if lab.Busy(here) {
		t.Error("nobody listens, but somebody is said to")
	}
	open, err := lab.listen([]Listener{here}, newArrivals())
	if err != nil {
		t.Fatal(err)
	}
	defer open.close()
	if !lab.Busy(here) {
		t.Error("somebody listens, but nobody is said to")
	}
}

// Without a rule against it, an unused port answers a malformed segment with a reset, but only if its checksum is right.
func TestMalformed(t *testing.T) {
	ns := namespace(t)
	lab, err := Open(ns, []Wire{wire()})
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	var send []Flow
	for i, far := range wire().Far {
		send = append(send, Flow{Kind: Malformed, Outside: true, From: far, To: netip.AddrPortFrom(wire().Own[i], 9), Wait: time.Second})
	}
	results, err := lab.Run(context.Background(), send, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Outcome != Refused {
			t.Errorf("from %s: %s", send[i].From, describe(r))
		}
	}
}
