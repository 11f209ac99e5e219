package redirect

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a plan promises is judged by iptables itself, in e2e/testdata/probe_judges.txtar. Here it is that the trials cover what the
// configuration says, that they mean what their names say, and how an observation is judged.

func selfTest(t *testing.T, set func(*Config), around Surroundings) *SelfTest {
	t.Helper()
	c := Default()
	c.IPv6 = "on"
	c.InboundPorts, c.OutboundCIDRs = []string{"*"}, []string{"*"}
	set(&c)
	p, problems := c.Resolve(fakeSystem{})
	if problems != nil {
		t.Fatal(problems)
	}
	return p.SelfTest(around)
}

type fakeSystem struct{}

func (fakeSystem) LookupUser(string) (string, error)  { return "", errors.New("none") }
func (fakeSystem) LookupGroup(string) (string, error) { return "", errors.New("none") }
func (fakeSystem) ResolvConf() ([]byte, error)        { return nil, errors.New("none") }
func (fakeSystem) Addresses() ([]netip.Addr, error)   { return nil, nil }

// outline is a line for each trial, IPv4 only: what, protocol, destination without the host's own address, owner, promise.
func outline(s *SelfTest) []string {
	var out []string
	own := strings.NewReplacer(s.Wires[0].Own[0].String(), "own")
	for _, t := range s.Trials {
		if t.Skip != "" {
			out = append(out, fmt.Sprintf("%s: not tried, %s", t.What, t.Skip))
			continue
		}
		if !t.To.Addr().Is4() {
			continue
		}
		who := fmt.Sprintf("%d:%d", t.UID, t.GID)
		if t.Outside {
			who = "outside"
		}
		out = append(out, fmt.Sprintf("%s: %s %s to %s: %s", t.What, who, t.Protocol, own.Replace(t.To.String()), t.Want))
	}
	return out
}

func TestSelfTest(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Config)
		want []string // among others
	}{
		{"default", func(*Config) {}, []string{
			"inbound: outside tcp to own:15002: captured at 15006",
			"inbound, tunnel port: outside tcp to own:15008: untouched",
			"inbound, udp: outside udp to own:15002: untouched",
			"outbound: 0:0 tcp to 203.0.113.1:15002: captured at 15001",
			"outbound, proxy's uid: 1337:0 tcp to 203.0.113.1:15002: untouched",
			"outbound, proxy's gid: 0:1337 tcp to 203.0.113.1:15002: untouched",
			"outbound, udp: 0:0 udp to 203.0.113.1:53: untouched",
			"self-call, application: 0:0 tcp to own:15002: untouched",
			"self-call, proxy's uid: 1337:0 tcp to own:15002: captured at 15006",
			"self-call, proxy's gid: 0:1337 tcp to own:15002: untouched",
			"self-call, tunnel port: 1337:0 tcp to own:15008: untouched",
			"proxy to application: 1337:0 tcp to own:15002: untouched",
			"loopback, application: 0:0 tcp to 127.0.0.1:15002: untouched",
			"loopback, proxy's uid: 1337:0 tcp to 127.0.0.1:15002: untouched",
			"packet without a socket: 0:0 tcp to own:20001: untouched",
		}},
		{"tproxy", func(c *Config) { c.InboundMode = "TPROXY" }, []string{
			"inbound: outside tcp to own:15002: captured at 15006 by TPROXY",
			"inbound, tunnel port: outside tcp to own:15008: captured at 15006 by TPROXY",
			"inbound, no proxy there: outside tcp to own:15002: dropped",
			"inbound, to another address: outside tcp to 203.0.113.2:15002: captured at 15006 by TPROXY",
			"self-call, proxy's uid: 1337:0 tcp to own:15002: captured at 15006",
			"self-call, proxy's gid: 0:1337 tcp to own:15002: captured at 15006 by TPROXY",
			"self-call, tunnel port: 1337:0 tcp to own:15008: captured at 15006 by TPROXY",
		}},
		{"lists", func(c *Config) {
			c.InboundPorts = []string{"8080", "9000:9001"}
			c.OutboundCIDRs = []string{"10.0.0.0/8", "172.16.0.1/32"}
			c.OutboundCIDRsExclude = []string{"10.0.0.0/16"}
			c.OutboundPorts, c.OutboundPortsExclude = []string{"443"}, []string{"3306"}
		}, []string{
			"inbound, listed port: outside tcp to own:8080: captured at 15006",
			"inbound, listed port: outside tcp to own:9000: captured at 15006",
			"inbound, listed port: outside tcp to own:9001: captured at 15006",
			"inbound, port not listed: outside tcp to own:15002: untouched",
			"outbound, listed destination 10.0.0.0/8: 0:0 tcp to 10.1.0.0:15002: captured at 15001",
			"outbound, listed destination: 0:0 tcp to 172.16.0.1:15002: captured at 15001",
			"outbound, destination not listed: 0:0 tcp to 203.0.113.1:15002: untouched",
			"outbound, excluded destination 10.0.0.0/16: 0:0 tcp to 10.0.0.1:15002: untouched",
			"outbound, listed port: 0:0 tcp to 203.0.113.1:443: captured at 15001",
			"outbound, excluded port: 0:0 tcp to 172.16.0.1:3306: untouched",
			"outbound, excluded port: 0:0 udp to 172.16.0.1:3306: untouched",
		}},
		{"dns, listed", func(c *Config) { c.RedirectDNS, c.DNSServers = true, []string{"10.96.0.10"} }, []string{
			"dns: 0:0 udp to 10.96.0.10:53: captured at 15053",
			"dns: 0:0 tcp to 10.96.0.10:53: captured at 15053",
			"dns, proxy's uid: 1337:0 udp to 10.96.0.10:53: untouched",
			"dns, proxy's gid: 0:1337 tcp to 10.96.0.10:53: untouched",
			"dns, other server: 0:0 udp to 203.0.113.1:53: untouched",
			"dns, other server: 0:0 tcp to 203.0.113.1:53: captured at 15001",
		}},
		{"dns, all", func(c *Config) { c.RedirectDNS, c.CaptureAllDNS = true, true }, []string{
			"dns: 0:0 udp to 203.0.113.1:53: captured at 15053",
		}},
		{"groups", func(c *Config) { c.OwnerGroups = []string{"5", "6"} }, []string{
			"outbound, group 5: 0:5 tcp to 203.0.113.1:15002: captured at 15001",
			"outbound, group 6: 0:6 tcp to 203.0.113.1:15002: captured at 15001",
			"outbound, other group: 0:0 tcp to 203.0.113.1:15002: untouched",
		}},
		{"interfaces", func(c *Config) {
			c.ExcludeInterfaces, c.VirtualInterfaces = []string{"net1", "eth+", "lo"}, []string{"tap+"}
		},
			[]string{
				"inbound, excluded interface net1: outside tcp to 192.0.2.5:15002: untouched",
				"outbound, excluded interface ethrcprobe: 0:0 tcp to 203.0.113.1:15002: untouched",
				"excluded interface lo: not tried, it is in use",
				"outbound, virtual interface taprcprobe: outside tcp to 203.0.113.2:15002: captured at 15001",
			}},
		{"invalid", func(c *Config) { c.DropInvalid = true }, []string{
			"inbound, invalid packet: outside tcp to own:25001: dropped",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := outline(selfTest(t, c.set, Surroundings{IPv6: true, Interfaces: []string{"lo", "eth0"}}))
			for _, w := range c.want {
				if !slices.Contains(lines, w) {
					t.Errorf("no trial %q among:\n%s", w, strings.Join(lines, "\n"))
				}
			}
		})
	}
}

// A family that is off is tried, too: it is to be left alone.
func TestSelfTestFamilies(t *testing.T) {
	off := selfTest(t, func(c *Config) { c.IPv6 = "off" }, Surroundings{IPv6: true})
	var six []string
	for _, trial := range off.Trials {
		if trial.To.Addr().Is6() {
			six = append(six, fmt.Sprintf("%s: %s", trial.What, trial.Want))
		}
	}
	want := []string{"inbound, IPv6 not captured: untouched", "outbound, IPv6 not captured: untouched"}
	if diff := cmp.Diff(want, six); diff != "" {
		t.Error(diff)
	}
	none := selfTest(t, func(*Config) {}, Surroundings{})
	last := none.Trials[len(none.Trials)-1]
	if last.Skip == "" || !strings.HasPrefix(last.What, "IPv6") {
		t.Errorf("nothing says that IPv6 cannot be tried, but: %+v", last)
	}
	for _, w := range none.Wires {
		if len(w.Own) != 1 {
			t.Errorf("wire with addresses %v, though IPv6 is not to be had", w.Own)
		}
	}
}

// The wires' addresses are in use nowhere, and not among those that the configuration speaks of.
func TestSelfTestAddresses(t *testing.T) {
	taken := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	named := []string{"198.51.100.0/25"}
	s := selfTest(t, func(c *Config) { c.OutboundCIDRsExclude = named; c.ExcludeInterfaces = []string{"rc+", "net1"} },
		Surroundings{IPv6: true, Taken: taken[:1]})
	avoid := append(taken[:1:1], netip.MustParsePrefix(named[0]))
	seen := map[netip.Addr]bool{}
	for _, w := range s.Wires {
		for _, a := range slices.Concat(w.Own, w.Far) {
			if contains(avoid, a) || seen[a] {
				t.Errorf("wire %s has %s", w.Name, a)
			}
			seen[a] = true
		}
	}
	if name := s.Wires[0].Name; strings.HasPrefix(name, "rc") {
		t.Errorf("the first wire is called %s, which is excluded", name)
	}
}

func TestJudge(t *testing.T) {
	to, at := netip.MustParseAddrPort("203.0.113.1:80"), netip.MustParseAddrPort
	redirected := Seen{Answered: true, Arrived: at("127.0.0.1:15001"), Listener: 15001, Original: to}
	for _, c := range []struct {
		name string
		want Fate
		kind Protocol
		seen Seen
		ok   bool
		what string
	}{
		{"captured", Fate{Port: 15001}, TCP, redirected, true, "captured at 15001, original destination 203.0.113.1:80"},
		{"captured by another port", Fate{Port: 15006}, TCP, redirected, false, "captured at 15001, original destination 203.0.113.1:80"},
		{"captured, should not be", Fate{}, TCP, redirected, false, "captured at 15001, original destination 203.0.113.1:80"},
		{"wrong original", Fate{Port: 15001}, TCP, Seen{Answered: true, Arrived: at("127.0.0.1:15001"), Listener: 15001,
			Original: at("203.0.113.2:80")}, false, "captured at 15001, original destination 203.0.113.2:80"},
		{"untouched", Fate{}, TCP, Seen{Answered: true, Arrived: to, Listener: 80, Original: to}, true, "untouched"},
		{"untouched, should be captured", Fate{Port: 15001}, TCP, Seen{Answered: true, Arrived: to, Listener: 80}, false, "untouched"},
		{"answer lost", Fate{Port: 15053}, UDP, Seen{Arrived: at("127.0.0.1:15053"), Listener: 15053}, false,
			"captured at 15053, but no answer came back"},
		{"refused behind the redirect", Fate{Port: 15001}, TCP, Seen{Refused: true, Arrived: at("127.0.0.1:15001")}, false,
			"refused at 127.0.0.1:15001"},
		{"tproxy", Fate{Port: 15006, TProxy: true}, TCP, Seen{Answered: true, Arrived: to, Listener: 15006, Original: to}, true,
			"captured at 15006 by TPROXY, destination 203.0.113.1:80"},
		{"tproxy, but redirected", Fate{Port: 15006, TProxy: true}, TCP, Seen{Answered: true, Arrived: at("192.0.2.1:15006"),
			Listener: 15006, Original: to}, false, "captured at 15006, original destination 203.0.113.1:80"},
		{"live proxy", Fate{Port: 15001}, TCP, Seen{Answered: true, Arrived: at("127.0.0.1:15001")}, true,
			"captured at 15001 by the listener that is there"},
		{"live proxy, tproxy", Fate{Port: 15006, TProxy: true}, TCP, Seen{Answered: true, Arrived: to, TProxy: 15006}, true,
			"captured at 15006 by TPROXY by the listener that is there, destination 203.0.113.1:80"},
		{"dropped", Fate{Dropped: true}, TCP, Seen{}, true, "dropped"},
		{"not dropped", Fate{Dropped: true}, TCP, Seen{Answered: true, Arrived: to, Listener: 80}, false, "untouched"},
		{"should not be dropped", Fate{}, TCP, Seen{}, false, "no answer"},
		{"invalid, not dropped", Fate{Dropped: true}, Invalid, Seen{Refused: true}, false, "refused, as it gets to an unused port"},
		{"orphan", Fate{}, Orphan, Seen{Answered: true, Arrived: to}, true, "untouched"},
		{"orphan, captured", Fate{}, Orphan, Seen{Arrived: at("127.0.0.1:15001")}, false, "captured at 15001"},
		{"orphan, lost", Fate{}, Orphan, Seen{}, false, "no answer"},
		{"not sent", Fate{}, TCP, Seen{Err: errors.New("no such address")}, false, "not sent: no such address"},
	} {
		trial := Trial{Protocol: c.kind, To: to, Want: c.want}
		if ok, what := trial.Judge(c.seen); ok != c.ok || what != c.what {
			t.Errorf("%s: %v, %q; not %v, %q", c.name, ok, what, c.ok, c.what)
		}
	}
}
