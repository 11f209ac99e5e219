package ipset

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rechain/translate/iptables"
)

// placed checks that an error is a list of problems, each with a place.
func placed(t *testing.T, err error) {
	t.Helper()
	var ps iptables.Problems
	if err != nil && !errors.As(err, &ps) {
		t.Fatalf("not problems: %v", err)
	}
	for _, p := range ps {
		if p.Pos.Line == 0 || p.Pos.Col == 0 || p.Msg == "" {
			t.Fatalf("a problem without a place: %+v", p)
		}
	}
}

// TestTruncated cuts a dump off behind every byte, and before it.
func TestTruncated(t *testing.T) {
	const dump = "create a hash:ip,port,net family inet6 hashsize 1024 maxelem 65536 timeout 3 comment\r\n" +
		"add a ::1,udp:1-3,2000::/3 timeout 0 comment \"x y\" nomatch\ncreate b bitmap:ip,mac range 10.0.0.0/16\nadd b 10.0.0.1,00:11:22:33:44:55\n" +
		"create l list:set size 8\nadd l a before b\ncreate i hash:net,iface\nadd i 0.0.0.0/0,physdev:eth0 wildcard\ndel b 10.0.0.1\nflush a\ndestroy b\nCOMMIT\n"
	for n := range len(dump) + 1 {
		for _, text := range []string{dump[:n], dump[n:], dump[:n] + "\x00" + dump[n:], dump[:n] + "\xff\" " + dump[n:]} {
			_, err := Parse(strings.NewReader(text), "x")
			placed(t, err)
		}
	}
}

func TestBinary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		data := make([]byte, r.IntN(3000))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		for _, start := range []string{"", "create a hash:ip\nadd a ", "create "} {
			_, err := Parse(strings.NewReader(start+string(data)), "x")
			placed(t, err)
		}
	}
}

// TestBounds gives what would take all time or memory if nothing were bounded.
func TestBounds(t *testing.T) {
	for _, c := range []struct{ what, text, want string }{
		{"a line of 64 MB", "create a hash:ip comment\nadd a 1.1.1.1 comment " + strings.Repeat("x", 64<<20), "the line is longer than 65536 bytes"},
		{"many lines that say nothing", strings.Repeat("nonsense y\n", 1<<20), "nonsense is not a command"},
		{"all addresses", "create a hash:ip maxelem 4294967295\nadd a 0.0.0.0-255.255.255.255\n", "x:2:7: "},
		{"all of IPv6", "create a hash:ip,port family inet6 maxelem 4294967295\nadd a ::/1,0-65535\n", "x:2:7: "},
	} {
		start := time.Now()
		_, err := Parse(strings.NewReader(c.text), "x")
		placed(t, err)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.200v", c.what, err)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: took %v", c.what, took)
		}
	}
}
