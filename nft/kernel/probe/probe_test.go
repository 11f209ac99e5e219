package probe

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rechain/nft/kernel"
)

func require(t testing.TB, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("RECHAIN_REQUIRE") == "1":
		t.Fatal("needs", what)
	default:
		t.Skip("needs", what)
	}
}

// namespace makes a network namespace for a test.
func namespace(t testing.TB) *kernel.Namespace {
	t.Helper()
	require(t, os.Geteuid() == 0, "root")
	file, err := newNamespace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	ns, err := kernel.OpenNamespace(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	command(t, ns, "", "ip", "link", "set", "lo", "up")
	return ns
}

// command runs a program in a namespace.
func command(t testing.TB, ns *kernel.Namespace, stdin, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	require(t, err == nil, name)
	var out []byte
	err = ns.Do(func() (err error) {
		c := exec.Command(path, args...)
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

func TestRun(t *testing.T) {
	for _, flavour := range []string{"legacy", "nft"} {
		t.Run(flavour, func(t *testing.T) {
			ns := namespace(t)
			command(t, ns, rules, "iptables-"+flavour+"-restore")
			command(t, ns, rules, "ip6tables-"+flavour+"-restore")
			before := state(t, ns)
			start := time.Now()
			lab, err := Open(ns, []Wire{{Name: "rcprobe0", Own: addrs("192.0.2.1", "2001:db8::1"), Far: addrs("192.0.2.2", "2001:db8::2")}})
			if err != nil {
				t.Fatal(err)
			}
			defer lab.Close()
			t.Log("open", time.Since(start))
			var flows []Flow
			var listeners []Listener
			for _, v := range []struct{ own, far, world, any string }{
				{"192.0.2.1", "192.0.2.2", "203.0.113.9", "0.0.0.0"}, {"2001:db8::1", "2001:db8::2", "2001:db8:1::9", "::"}} {
				own, far := netip.MustParseAddr(v.own), netip.MustParseAddr(v.far)
				at := func(a string, p uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(a), p) }
				app, proxy := Owner{1000, 1000}, Owner{1337, 1337}
				wait := 500 * time.Millisecond
				flows = append(flows,
					Flow{Kind: TCP, Outside: true, From: far, To: at(v.own, 8080), Wait: wait},
					Flow{Kind: TCP, Outside: true, From: far, To: at(v.own, 15090), Wait: wait},
					Flow{Kind: TCP, From: own, To: at(v.world, 80), Owner: app, Wait: wait},
					Flow{Kind: TCP, From: own, To: at(v.world, 80), Owner: proxy, Wait: wait},
					Flow{Kind: TCP, From: own, To: at(v.own, 8080), Owner: app, Wait: wait},
					Flow{Kind: UDP, From: own, To: at(v.world, 53), Owner: app, Wait: wait},
					Flow{Kind: UDP, From: own, To: at(v.world, 53), Owner: proxy, Wait: wait},
					Flow{Kind: Orphan, From: own, To: at(v.own, 7777), Owner: app, Wait: wait},
					Flow{Kind: Malformed, Outside: true, From: far, To: at(v.own, 7778), Wait: wait},
				)
				listeners = append(listeners,
					Listener{TCP, false, at(v.any, 15006), proxy},
					Listener{TCP, false, at(v.any, 15001), proxy},
					Listener{UDP, false, at(v.any, 15053), proxy},
					Listener{TCP, false, at(v.any, 8080), app},
					Listener{TCP, false, at(v.any, 15090), app},
					Listener{TCP, true, at(v.any, 80), app},
					Listener{UDP, true, at(v.any, 53), app},
				)
			}
			start = time.Now()
			results, err := lab.Run(context.Background(), flows, listeners)
			if err != nil {
				t.Fatal(err)
			}
			t.Log("run", time.Since(start))
			for i, r := range results {
				t.Logf("%v %v -> %v: %d err=%v arrived %v outside=%v by %d orig %v", flows[i].Kind, r.From, flows[i].To, r.Outcome, r.Err, r.Arrived, r.Outside, r.Listener, r.Original)
				for _, h := range r.Trace {
					for _, s := range h.Steps {
						h2 := uint64(0)
						if s.Rule != nil {
							h2 = s.Rule.Handle
						}
						t.Logf("     %s %s %s rule %d %v  (%v > %v)", h.Table.Name, h.Chain.Name, s.Chain.Name, h2, s.Verdict.Code, h.From, h.To)
					}
				}
			}
			start = time.Now()
			if err := lab.Close(); err != nil {
				t.Fatal(err)
			}
			t.Log("close", time.Since(start))
			if after := state(t, ns); after != before {
				t.Errorf("left behind:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// state is all that a Lab could leave behind.
func state(t testing.TB, ns *kernel.Namespace) string {
	var s string
	for _, c := range []string{"ip -d addr", "ip rule", "ip -6 rule", "ip route show table all", "ip -6 route show table all", "nft -s list ruleset"} {
		w := strings.Fields(c)
		s += command(t, ns, "", w[0], w[1:]...)
	}
	return s
}
