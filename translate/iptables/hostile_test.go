package iptables

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// within fails the test when f takes much longer than it ever should, or leaves far more memory behind.
func within(t *testing.T, limit time.Duration, megabytes uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if took > limit {
		t.Errorf("took %v", took)
	}
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > megabytes {
		t.Errorf("allocated %d MB", used)
	}
}

// TestHostile gives lines of table filter that are wrong in every way, and wants each told with its place.
func TestHostile(t *testing.T) {
	name28, name29 := strings.Repeat("n", 28), strings.Repeat("n", 29)
	for _, c := range []struct{ lines, want string }{
		{"-A INPUT -s 10.0.0.0/33", "x:2:13: -s: prefix length: 33 is out of range: 0 to 32"},
		{"-A INPUT -s 10.0.0.0/8/8", `x:2:13: -s: "8/8" is neither a prefix length nor a mask`},
		{"-A INPUT -s 10.0.0.256", `x:2:13: -s: "10.0.0.256" is not an address`},
		{"-A INPUT -p tcp --dport 0:65536", "x:2:25: tcp: --dport: 65536 is not a port: 0 to 65535"},
		{"-A INPUT -p tcp --dport 18446744073709551616", "x:2:25: tcp: --dport: 18446744073709551616 is not a port: 0 to 65535"},
		{"-A INPUT -p tcp --dport -1", "x:2:25: tcp: --dport: -1 is neither a port nor a known service name"},
		{"-A INPUT -p tcp --dport 5:4", "x:2:25: tcp: --dport: 5:4 is an empty range: 5 is above 4"},
		{"-A INPUT -m mark --mark 0x100000000", "x:2:25: mark: --mark: 0x100000000 is out of range: 0 to 4294967295"},
		{"-A INPUT -m comment --comment " + strings.Repeat("c", 300), "x:2:31: comment: --comment: is too long: 300 bytes, where 255 are the most"},
		{"-A INPUT -m comment --comment \"open", "x:2:31: the quote is not closed"},
		{"-A INPUT -m comment --comment \"open\\\"", "x:2:31: the quote is not closed"},
		{"-A \"INPUT -p tcp", "x:2:4: the quote is not closed"},
		{":" + name29 + " - [0:0]", "x:2:2: " + name29 + ": the chain name is longer than 28 bytes"},
		{":" + name28 + " - [0:0]", ""},
		{"-A INPUT -j " + name29, "x:2:13: -j: " + name29 + " cannot be the name of a target"},
		{":A - [0:0]\n:A - [0:0]", "x:3:2: A: the chain exists already"},
		{":A\x7f - [0:0]", "x:2:2: A\x7f: a chain name cannot have blanks or control characters"},
		{":\xff\xfe - [0:0]\n-A INPUT -j \xff\xfe", ""},
		{":INPUT ACCEPT [1:2", `x:2:1: the counters "[1:2" are not [PACKETS:BYTES]`},
		{":INPUT ACCEPT [-1:2]", `x:2:1: the counters "[-1:2]" are not [PACKETS:BYTES]`},
		{":INPUT ACCEPT [0:0] more", `x:2:1: a chain line is ":NAME POLICY [PACKETS:BYTES]"`},
		{":", `x:2:1: a chain line is ":NAME POLICY [PACKETS:BYTES]"`},
		{"[", "x:2:1: the line begins with [, but not with [PACKETS:BYTES]"},
		{"[1:2]", "x:2:1: there is no command in this line, such as -A CHAIN"},
		{"-", "x:2:1: there is no command in this line, such as -A CHAIN"},
		{"--", "x:2:1: there is no command in this line, such as -A CHAIN"},
		{"-A INPUT --", `x:2:10: -- stands where an option is expected`},
		{"-A INPUT -", `x:2:10: - stands where an option is expected`},
		{"-A INPUT ---", "x:2:10: ---: is not an option of this rule"},
		{"-A INPUT --=", "x:2:10: --: is not an option of this rule"},
		{"-A INPUT --jump=", `x:2:10: -j: "" cannot be the name of a target`},
		{"-A INPUT -p tcp --dport=", "x:2:17: tcp: --dport: \"\" is neither a port nor a known service name"},
		{"-A INPUT !", `x:2:10: nothing follows "!"`},
		{"-A INPUT ! ! -p tcp", `x:2:12: two "!" one after the other`},
		{"-A INPUT -m", "x:2:10: -m: needs a value"},
		{"-A INPUT -s", "x:2:10: -s: needs a value"},
		{"-A INPUT -c 1", "x:2:13: -c: needs packets and bytes"},
		{"-A INPUT -c x y", "x:2:13: -c: packets and bytes must be numbers"},
		{"-A INPUT -t nat -p tcp", "x:2:10: -t: is not an option of this rule; leave it out, the line *filter names the table"},
		{"-A INPUT -w", "x:2:10: -w: is not an option of this rule; leave it out"},
		{"-A INPUT -p tcp\x00", "x:2:1: the line has a NUL byte; is this a text file?"},
		{"-A INPUT -p tcp\xff", `x:2:13: -p: "tcp` + "\xff" + `" is not a known protocol; give its number`},
		{"-A", "x:2:1: -A: needs a chain"},
		{"-A INPUT -j FOO\n:FOO - [0:0]\n-A FOO -j INPUT", "x:4:11: INPUT: a rule cannot lead to a built-in chain"},
		{":A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -g B\n-A B -j A", "x:6:9: A: the chain leads back to itself"},
		{strings.Repeat(" ", 20000) + "-A INPUT", ""},
		{"-A INPUT " + strings.Repeat("x", 20000), "x:2:1: the line is longer than 10239 bytes, which is all that iptables-restore reads"},
	} {
		for _, end := range []string{"\n", "\r\n"} {
			text := "*filter\n" + c.lines + "\nCOMMIT\n"
			rs, err := Parse(strings.NewReader(strings.ReplaceAll(text, "\n", end)), "x", IPv4, testVocab)
			got := ""
			if err != nil {
				got = err.Error()
				placed(t, err)
			}
			if got != c.want {
				t.Errorf("%.100q\ngot  %.300s\nwant %.300s", c.lines, got, c.want)
			}
			if rs == nil || rs.Table("filter") == nil {
				t.Errorf("%.100q: there is nothing beside the problem", c.lines)
			}
		}
	}
}

// TestTruncated cuts a dump off behind every byte.
func TestTruncated(t *testing.T) {
	const dump = "# Generated by iptables-save v1.8.9 on Tue\n*nat\n:PREROUTING ACCEPT [1:2]\n:FOO - [0:0]\n" +
		"[5:6] -A PREROUTING ! -s 10.0.0.0/8 -p tcp -m tcp --dport 80:90 -m comment --comment \"a \\\" b\" -g FOO\n" +
		"-A FOO -p udp -m multiport --dports 1,2:3 -j REDIRECT --to-ports 5\nCOMMIT\n*filter\n-A INPUT -m mark --mark 0x1/0xff\nCOMMIT\n"
	for n := range len(dump) + 1 {
		for _, family := range []Family{0, IPv6} {
			_, err := Parse(strings.NewReader(dump[:n]), "x", family, testVocab)
			whole := strings.HasSuffix(strings.TrimSpace("\n"+dump[:n]), "COMMIT") || n <= strings.Index(dump, "*")
			if err != nil {
				placed(t, err)
			} else if !whole {
				t.Errorf("is taken for a whole dump: %q", dump[:n])
			}
			for _, noflush := range []string{dump[:n], dump[n:]} {
				if _, err := ParseNoflush(noflush, "x", family, testVocab); err != nil {
					placed(t, err)
				}
			}
			if _, err := ParseListing(strings.NewReader(dump[:n]), "x", ListingOptions{Family: family}, testVocab); err != nil {
				placed(t, err)
			}
		}
	}
}

func TestBinary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		data := make([]byte, r.IntN(5000))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		for _, text := range []string{string(data), "*filter\n" + string(data) + "\nCOMMIT\n", "Chain INPUT (policy ACCEPT)\n" + string(data)} {
			if _, err := Parse(strings.NewReader(text), "x", 0, testVocab); err != nil {
				placed(t, err)
			}
			if _, err := ParseListing(strings.NewReader(text), "x", ListingOptions{}, testVocab); err != nil {
				placed(t, err)
			}
		}
	}
}

// TestBounds gives what would take all time or memory if nothing were bounded. The bounds of the test are wide, for slow machines.
func TestBounds(t *testing.T) {
	filter := func(lines ...string) string { return "*filter\n" + strings.Join(lines, "\n") + "\nCOMMIT\n" }
	times := func(n int, line string) string { return strings.TrimSuffix(strings.Repeat(line+"\n", n), "\n") }
	list := strings.TrimSuffix(strings.Repeat("10.0.0.1,", 255), ",")
	var chains strings.Builder
	for i := range 30000 {
		name, next := strings.Repeat("c", i%20+1)+"-", strings.Repeat("c", (i+1)%20+1)+"-"
		chains.WriteString(":" + name + strconv.Itoa(i) + " - [0:0]\n-A " + name + strconv.Itoa(i) + " -j " + next + strconv.Itoa(i+1) + "\n")
	}
	for _, c := range []struct{ what, text, want string }{
		{"a line of 64 MB", filter("-A INPUT -m comment --comment " + strings.Repeat("x", 64<<20)), "longer than 10239 bytes"},
		{"many lines that say nothing", filter(times(1<<20, "x")), "that makes 1000 problems, the rest is not read"},
		{"many rules that are wrong", filter(times(1<<17, "-A INPUT --x")), "that makes 65536 problems, the rest is not read"},
		{"many words that are wrong", filter(times(1000, "-A INPUT"+strings.Repeat(" a", 5000))), "stands where an option is expected"},
		{"lists of lists", filter(times(200, "-A INPUT -s "+list+" -d "+list)), "lists of addresses make more than 524288 rules by now"},
		{"a deep path", filter(chains.String()), "this is neither a chain"},
		{"many deletions", filter(times(20000, "-A INPUT -p udp"), times(10000, "-D INPUT -p udp")), "is used more than 8192 times"},
	} {
		within(t, 30*time.Second, 1500, func() {
			_, err := Parse(strings.NewReader(c.text), "x", 0, testVocab)
			var ps Problems
			if !errors.As(err, &ps) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %.200v", c.what, err)
			}
		})
	}
}
