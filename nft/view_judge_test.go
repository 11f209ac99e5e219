package nft_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rechain/nft"
	"rechain/nft/kernel"
)

// The judge of the views is nft itself: rule sets are loaded with it, read back from the kernel, raised and printed by us, and must
// come out as nft lists them. What we printed is then loaded and listed again.

// lab is a network namespace that the test's thread stays in.
type lab struct {
	t    testing.TB
	conn *kernel.Conn
}

// need skips a test that lacks something, or fails it where everything has to run.
func need(t testing.TB, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv("RECHAIN_REQUIRE") == "1":
		t.Fatalf("needs %s", what)
	default:
		t.Skipf("needs %s", what)
	}
}

func newLab(t testing.TB) *lab {
	t.Helper()
	need(t, os.Geteuid() == 0, "root")
	version, err := exec.Command("nft", "--version").Output()
	need(t, err == nil && bytes.HasPrefix(version, []byte("nftables v1.0.6 ")), "nft 1.0.6, whose listing is the model")
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	need(t, unix.Unshare(unix.CLONE_NEWNET) == nil, "the right to make network namespaces")
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

// disagreement is a line that nft prints wrongly, and why.
type disagreement struct{ theirs, ours, why string }

var disagreements = []disagreement{
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
	want, wrong := corrected(theirs)
	l.same(name, want, ours)
	l.sameJSON(name, theirJSON, ourJSON, wrong)
	l.reload(name+", our text loaded", ours, ours, "nft", "-f", "-")
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

// corrected is nft's listing with the lines put right that it gets wrong, and the handles of the rules that its JSON gets wrong.
func corrected(listing string) (text string, wrong map[string]bool) {
	wrong = map[string]bool{}
	lines := strings.Split(listing, "\n")
	for i, line := range lines {
		h := handle.FindStringSubmatch(line)
		bare := handle.ReplaceAllString(strings.TrimLeft(line, "\t"), "")
		for _, d := range disagreements {
			if h != nil && bare == d.theirs {
				lines[i] = strings.Replace(line, d.theirs, d.ours, 1)
				wrong[h[1]] = true
			}
		}
	}
	return strings.Join(lines, "\n"), wrong
}

// moving is what goes on between two listings.
var moving = regexp.MustCompile(` expires \w+|, "expires": \d+`)

// relisted takes out of a listing what is another after it was loaded: handles, and what nft itself changes: a set of one interval
// is no set to it, and raw bits that are a field are the field.
func relisted(listing string) string {
	listing = regexp.MustCompile(`(?m) # handle \d+$`).ReplaceAllString(listing, "")
	listing = regexp.MustCompile(`(?m)^(\t\t.*?)\{ ([^{}, ]+-[^{}, ]+) \}$`).ReplaceAllString(listing, "$1$2")
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
