package nft_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rechain/nft"
	"rechain/nft/kernel"
	"rechain/nft/kernel/testlab"
)

// The judge of the views is nft itself: rule sets are loaded with it, read back from the kernel, raised and printed by us, and must
// come out as nft lists them. What we printed is then loaded and listed again.

// lab is a network namespace that the test's thread stays in.
type lab struct {
	t    testing.TB
	conn *kernel.Conn
}

func newLab(t testing.TB) *lab {
	t.Helper()
	version, err := exec.Command("nft", "--version").Output()
	testlab.Need(t, err == nil && bytes.HasPrefix(version, []byte("nftables v1.0.6 ")), "nft 1.0.6, whose listing is the model")
	testlab.Isolate(t)
	conn, err := kernel.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	l := &lab{t, conn}
	l.must("", "ip", "link", "set", "lo", "up")
	l.must("", "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	return l
}

// run runs a program in the namespace. Its output is empty when it fails.
func (l *lab) run(stdin string, args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(talk.String()))
	}
	return out.String(), nil
}

func (l *lab) must(stdin string, args ...string) string {
	l.t.Helper()
	out, err := l.run(stdin, args...)
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

// names are what nft asks the host for.
var names = nft.Names{Ifname: func(index uint32) string {
	i, err := net.InterfaceByIndex(int(index))
	if err != nil {
		return ""
	}
	return i.Name
}}

// views reads the rule set of the namespace and prints it.
func (l *lab) views() (text, js string) {
	l.t.Helper()
	b, err := l.conn.Ruleset(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.print(nft.Raise(b))
}

func (l *lab) print(rs *nft.Ruleset) (text, js string) {
	l.t.Helper()
	var t, j bytes.Buffer
	if err := nft.WriteText(&t, rs, nft.TextOptions{Names: names, Counters: true, Handles: true}); err != nil {
		l.t.Fatal(err)
	}
	if err := nft.WriteJSON(&j, rs, nft.JSONOptions{Names: names}); err != nil {
		l.t.Fatal(err)
	}
	return t.String(), j.String()
}

const dropped = "nft drops a match that it does not make again when it loads what it listed"

// disagreement is a line that nft prints wrongly, and why.
type disagreement struct{ theirs, ours, why string }

var disagreements = []disagreement{
	{"tcp dport 22 ether saddr 00:0f:54:0c:11:04 ip daddr 1.2.3.4 accept",
		"tcp dport 22 meta iiftype ether ether saddr 00:0f:54:0c:11:04 ip daddr 1.2.3.4 accept", dropped},
	{"ip daddr 1.2.3.4 accept", "ether type ip ip daddr 1.2.3.4 accept", dropped},
	{"ip daddr 1.2.3.4 accept", "meta iiftype ether ip daddr 1.2.3.4 accept", dropped},
	{"icmp type echo-request", "ether type ip icmp type echo-request", dropped},
	{"icmp type echo-request", "meta iiftype ether icmp type echo-request", dropped},
	{"arp operation request", "ether type arp arp operation request", dropped},
	{"meta protocol ip", "meta iiftype ether meta protocol ip", dropped},
	{"ip saddr 1.2.3.4", "ether type ip ip saddr 1.2.3.4", dropped},
	{"ip6 saddr ::1", "ether type ip6 ip6 saddr ::1", dropped},
	{"icmp type echo-request", "meta l4proto icmp icmp type echo-request", dropped},
	{"meta l4proto icmp", "meta nfproto ipv4 meta l4proto icmp", dropped},
	{"icmpv6 type nd-neighbor-advert", "meta l4proto ipv6-icmp icmpv6 type nd-neighbor-advert", dropped},
	{"tcp option maxseg exists", "ip protocol tcp tcp option maxseg exists", dropped},
	{"ip saddr 1.2.3.4", "ct l3proto ipv4 ip saddr 1.2.3.4", dropped},
	{"tcp dport 22", "ct protocol tcp tcp dport 22", dropped},
	{"ct reply ip daddr 1.2.3.4", "ct l3proto ipv4 ct reply ip daddr 1.2.3.4", dropped},
	{"th sport 1", "meta l4proto gre @th,0,16 0x1", dropped},
	{"th dport 5", "meta l4proto gre @th,16,16 0x5", dropped},
	{"tcp dport 22", "ip6 nexthdr tcp tcp dport 22", dropped},
	{"ip6 saddr ::1 tcp dport 22", "ip6 saddr ::1 ip6 nexthdr tcp tcp dport 22", dropped},
	{"ip ttl set 5", "@nh,64,8 set 0x5", "a named field has its checksum mended, these bits have not"},
	{"ip hdrlength set 5", "@nh,4,4 set 0x5", "a named field has its checksum mended, these bits have not"},
	{"tcp dport 1-5", "tcp sport >= 1 tcp dport <= 5", "nft joins >= and <= of any two fields"},
	{"meta priority 0:1-0:5", "meta mark >= 0x00000001 meta priority <= 0:5", "nft joins >= and <= of any two keys"},
	{"tcp dport != 5-10", "tcp dport < 5 tcp dport > 10", "nft takes a match that never succeeds for its opposite"},
	{"ct expiration 1s500ms", "ct expiration 1s500ms", "nft drops milliseconds in JSON"},
	{"ct expiration 1s-2s", "ct expiration 1s500ms-2s500ms", "nft drops milliseconds in a range"},
	{"ct expiration ", "ct expiration 0s", "nft prints nothing for no time"},
	{"meta mark != 0x00000012/24", "meta mark & 0xffffff00 != 0x00000012", "a prefix with bits behind it is another comparison"},
	{"tcp dport 22 tproxy to", "tcp dport 22 tproxy to :tcp dport map { 22 : 80 }", "nft leaves a port that is not constant out"},
	{"synproxy mss 1460 wscale 0", "synproxy mss 1460", "nft adds an option that is not there"},
	{"synproxy mss 0 wscale 5", "synproxy wscale 5", "nft adds an option that is not there"},
	{"iif \"lo\" ip protocol set icmp", "iif \"lo\" ip protocol set 1", "nft cannot read the name here"},
	{"ip protocol set tcp", "ip protocol set 6", "nft cannot read the name here"},
	{"ip dscp >> 2 . tcp dport { cs1 . 22 }", "ip dscp . tcp dport { cs1 . 22 }", "nft has already shifted the field"},
	{"icmp type set redirect", "icmp type set 5", "nft cannot read the name here"},
}

func TestViewsAsNft(t *testing.T) {
	l := newLab(t)
	files, err := filepath.Glob("testdata/view/*.nft")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Log(file)
		l.must("", "nft", "flush", "ruleset")
		l.must("", "nft", "-f", file)
		l.judge(file)
	}
}

// judge compares the views of the loaded rule set with nft's, and loads them again.
func (l *lab) judge(name string) {
	l.t.Helper()
	theirs, theirJSON := l.must("", "nft", "-a", "list", "ruleset"), l.must("", "nft", "-j", "list", "ruleset")
	ours, ourJSON := l.views()
	programs := l.programs()
	want, wrong := corrected(theirs, ours)
	l.same(name, want, ours)
	l.sameJSON(name, theirJSON, ourJSON, wrong)
	l.reload(name+", our text loaded", ours, ours, "nft", "-f", "-")
	l.samePrograms(name, programs)
	if why := notJSON[filepath.Base(name)]; why != "" {
		l.t.Logf("%s is not loaded as JSON: %s", name, why)
		return
	}
	unread := regexp.MustCompile(`(?m)^\t\t(auto-merge|comment ".*")\n`) // in the JSON of sets
	l.reload(name+", our JSON loaded", ourJSON, unread.ReplaceAllString(ours, ""), "nft", "-j", "-f", "-")
}

// notJSON are the cases that nft 1.0.6 cannot read from its own JSON either.
var notJSON = map[string]string{
	"declarations.nft": "no synproxy objects, dynamic sets, updates of maps and comments of chains",
	"dormant.nft":      "no flags and comments of tables",
	"typeof.nft":       "no typeof, and no maps to concatenations or intervals",
}

// program is a rule as the kernel runs it, and as we print it.
type program struct{ text, ops string }

// programs are the rules, in order. Names that nft makes up are left out.
func (l *lab) programs() (list []program) {
	l.t.Helper()
	b, err := l.conn.Ruleset(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	madeUp := regexp.MustCompile(`__(set|map|chain)\d+`)
	for i, table := range nft.Raise(b).Tables {
		for j, chain := range table.Chains {
			for k, rule := range chain.Rules {
				ops := b.Tables[i].Chains[j].Rules[k].Program.String()
				list = append(list, program{nft.RuleText(table, rule), unordered(table.Family, madeUp.ReplaceAllString(ops, "__$1"))})
			}
		}
	}
	return list
}

// unordered is a program without its order, which the text shows: a match that nft makes for another stands right before that one. For
// IPv4, ip protocol and meta l4proto are the same.
func unordered(f nft.Family, ops string) string {
	if f == nft.IPv4 {
		ops = strings.ReplaceAll(ops, "payload load 1b @ network header + 9 ", "meta load l4proto ")
	}
	return strings.Join(slices.Sorted(strings.Lines(strings.TrimRight(ops, "\n")+"\n")), "")
}

// samePrograms compares the rules that the kernel runs after our text was loaded with the ones that it was printed from.
func (l *lab) samePrograms(name string, want []program) {
	l.t.Helper()
	got := l.programs()
	if len(got) != len(want) {
		l.t.Errorf("%s: %d rules, %d after loading our text", name, len(want), len(got))
		return
	}
	for i, w := range want {
		if w.ops != got[i].ops && rewritten[w.text] == "" && !oneInterval.MatchString(w.text) {
			l.t.Errorf("%s: %s\n was\n%s\n is\n%s", name, w.text, w.ops, got[i].ops)
		}
	}
}

// rewritten are rules that nft makes another program of, with the same effect.
var rewritten = map[string]string{
	"ct original ip saddr 1.2.3.4":              "by the newer key for IPv4",
	"ct l3proto ipv4 ct reply ip daddr 1.2.3.4": "by the newer key for IPv4",
	"ct original ip6 saddr ::1":                 "by the newer key for IPv6",
	"ct reply ip6 daddr ::1":                    "by the newer key for IPv6",
	"ip dscp 0x04 ip ecn ect0":                  "raw bits field by field",
	"ip dscp 0x04 ip ecn ect0 ip length 13398":  "raw bits field by field",
	"tcp option maxseg size 5":                  "the kernel looks for the option in TCP alone",
	"tcp option maxseg exists":                  "the kernel looks for the option in TCP alone",
	"ip saddr != 10.0.0.0/8":                    "a load of one byte without a mask",
	"ip6 saddr 2001:db8::/32":                   "a load of four bytes without a mask",
	"meta mark set meta mark":                   "without a mask of all ones",
}

// reload loads a view and lists it again.
func (l *lab) reload(name, view, want string, command ...string) {
	l.t.Helper()
	l.must("", "nft", "flush", "ruleset")
	if _, err := l.run(view, command...); err != nil {
		l.t.Errorf("%s: %v", name, err)
		return
	}
	again, _ := l.views()
	l.same(name, relisted(want), relisted(again))
}

// handle ends the lines of "nft -a".
var handle = regexp.MustCompile(` # handle (\d+)$`)

// corrected is nft's listing with the lines put right that it gets wrong, and the handles of the rules that its JSON gets wrong. Ours
// tells which of two rules that nft lists alike a line is.
func corrected(theirs, ours string) (text string, wrong map[string]bool) {
	wrong = map[string]bool{}
	lines, our := strings.Split(theirs, "\n"), strings.Split(ours, "\n")
	for i, line := range lines {
		h := handle.FindStringSubmatch(line)
		for _, d := range disagreements {
			right := "\t\t" + d.ours
			if h != nil && line == "\t\t"+d.theirs+h[0] && i < len(our) && our[i] == right+h[0] {
				lines[i] = our[i]
				wrong[h[1]] = true
			}
		}
	}
	return strings.Join(lines, "\n"), wrong
}

// moving is what goes on between two listings.
var moving = regexp.MustCompile(` expires \w+|, "expires": \d+`)

// oneInterval is a set of one interval. To nft, it is none.
var oneInterval = regexp.MustCompile(`(?m)^(.*?)\{ ([^{}, ]+-[^{}, ]+) \}$`)

// relisted takes out of a listing what is another after it was loaded: handles, and what nft itself changes: a set of one interval
// is no set to it, and raw bits that are a field are the field.
func relisted(listing string) string {
	listing = regexp.MustCompile(`(?m) # handle \d+$`).ReplaceAllString(listing, "")
	listing = oneInterval.ReplaceAllString(listing, "$1$2")
	return strings.ReplaceAll(listing, "ip protocol { 0x6, 0x11 }", "ip protocol { tcp, udp }")
}

func (l *lab) same(name, want, got string) {
	l.t.Helper()
	want, got = moving.ReplaceAllString(want, ""), moving.ReplaceAllString(got, "")
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := 0; i < max(len(w), len(g)); i++ {
		if i >= len(w) || i >= len(g) {
			l.t.Errorf("%s: nft has %d lines, we have %d", name, len(w), len(g))
			return
		}
		if w[i] != g[i] {
			l.t.Errorf("%s:%d\n nft %s\n  we %s", name, i+1, w[i], g[i])
		}
	}
}

// TestNftAborts has rules that nft 1.0.6 loads and then cannot list: an assertion fails. Ours are right, and load.
func TestNftAborts(t *testing.T) {
	l := newLab(t)
	for rule, want := range map[string]string{
		"jhash ct original saddr mod 2 seed 0x1 1": "jhash ct original ip saddr mod 2 seed 0x1 1",
	} {
		l.must("", "nft", "flush", "ruleset")
		l.must("table ip t {\n chain c {\n "+rule+"\n }\n}\n", "nft", "-f", "-")
		if _, err := l.run("", "nft", "list", "ruleset"); err == nil {
			t.Errorf("nft does list %s", rule)
		}
		text, _ := l.views()
		if !strings.Contains(text, "\t\t"+want+" # handle") {
			t.Errorf("%s: we list\n%s", rule, text)
		}
		l.must("", "nft", "flush", "ruleset")
		l.must(text, "nft", "-f", "-")
	}
}
