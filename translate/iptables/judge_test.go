//go:build linux

package iptables

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"rechain/nft/kernel/testlab"
)

// The judge is iptables-legacy in a network namespace of its own.

// inNamespace moves the test to a new network namespace.
func inNamespace(t *testing.T) {
	t.Helper()
	testlab.Programs(t, "iptables-legacy-restore", "ip6tables-legacy-restore")
	testlab.Isolate(t)
	testlab.Users(t)
	out, err := command("", "iptables-legacy-save", "-t", "filter")
	testlab.Need(t, err == nil, "a kernel with xtables: "+out)
}

func command(input, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Stdin = strings.NewReader(input)
	out, err := c.CombinedOutput()
	return string(out), err
}

func tool(f Family, name string) string {
	if f == IPv6 {
		return "ip6tables-legacy" + name
	}
	return "iptables-legacy" + name
}

// legacy loads a dump and says what is in that table then.
func legacy(f Family, table, text string) (saved string, err error) {
	if out, err := command(text, tool(f, "-restore"), "-c"); err != nil {
		return "", errors.New(strings.TrimSpace(out))
	}
	out, err := command("", tool(f, "-save"), "-c", "-t", table)
	return uncommented(out), err
}

func uncommented(dump string) string {
	var b strings.Builder
	for line := range strings.Lines(dump) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestLegacyAgrees(t *testing.T) {
	inNamespace(t)
	for _, group := range judged {
		for _, line := range group.lines {
			text := "*" + group.table + "\n"
			for _, c := range Builtin(group.table) {
				text += ":" + c + " ACCEPT [0:0]\n"
			}
			text += ":BAR - [0:0]\n:FOO - [0:0]\n" + line + "\nCOMMIT\n"
			want, refused := legacy(group.family, group.table, text)
			rs, err := Parse(strings.NewReader(text), "x", group.family, testVocab)
			if disputed[line] != "" {
				continue
			}
			switch {
			case refused != nil && err == nil:
				t.Errorf("%s\nis accepted, but iptables says: %v\ngot: %s", line, refused, printed(t, rs, PrintOptions{}))
			case refused == nil && err != nil:
				t.Errorf("%s\nis refused: %v\nbut iptables makes it:\n%s", line, err, want)
			case refused == nil:
				if got := printed(t, rs, PrintOptions{Counters: true}); got != want {
					t.Errorf("%s\ngives\n%sbut iptables has\n%s", line, got, want)
				}
			case testing.Verbose():
				t.Logf("%s\n\t%v\n\t%s", line, err, refused)
			}
		}
	}
}

// TestListingRoundTrip loads dumps, lists them, and reads the listing back: the rules must be those that iptables-save prints.
func TestListingRoundTrip(t *testing.T) {
	inNamespace(t)
	long := "averyveryverylongchainname_x"
	for _, c := range []struct {
		family Family
		table  string
		text   string
	}{
		{IPv4, "filter", `:FOO - [0:0]
:` + long + ` - [0:0]
:INPUT DROP [2701:162000]
[1:2] -A INPUT -p gre -j ACCEPT
[3:4] -A INPUT -p igmp -j FOO
[99999:99999] -A INPUT ! -p igmp -s 10/8 ! -d 127.0.0.1 -i lo ! -f
-A INPUT -f -g ` + long + `
-A INPUT -j ` + long + `
-A INPUT ! -p tcp -j ` + long + `
-A INPUT -s 10.0.0.0/255.0.255.0 -p tcp --dport ssh:80 -m comment --comment "a  b # c"
-A INPUT -m comment --comment "" -s 127.0.0.0/8 -d 169.254.0.0/16
-A INPUT -m comment --comment "  x " -j ACCEPT
-A INPUT ! -s 0.0.0.0/0
-A INPUT -p 253
-A INPUT ! -i averylongifname
-A INPUT -p tcp ! --dport :80 ! --sport 5: -m multiport ! --ports 1,2:3,80 -j REJECTED
:REJECTED - [0:0]
-A OUTPUT -m mark --mark 0x1/0xff -m state --state NEW,RELATED -j QUEUE
-A OUTPUT ! -o eth+ -m owner ! --uid-owner 1337 -m owner --gid-owner 54321 -j RETURN
-A OUTPUT -p udp -m udp -m comment --comment x -g FOO
`},
		{IPv4, "nat", "-A OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m tcp ! --dport 53 -m owner --uid-owner 1337 -j REDIRECT --to-ports 15006\n-A PREROUTING -p udp -j REDIRECT --to-ports 1-5\n-A PREROUTING -j REDIRECT\n"},
		{IPv4, "mangle", "-A PREROUTING -i lo -j MARK --set-mark 5\n-A PREROUTING -j MARK --set-xmark 0x1/0xf0\n-A POSTROUTING -o lo\n"},
		{IPv4, "raw", "-A PREROUTING -i lo -j DROP\n"},
		{IPv6, "filter", `:FOO - [0:0]
-A INPUT -s fe80::/10 ! -d ::1 -p ipv6-icmp -i lo -j ACCEPT
-A INPUT -s fe80::/ffff:0:ffff:: -p gre
-A INPUT ! -d ::/0
-A INPUT -d ff02::1 -s 2001:db8:1:2:3:4:5:6/128 -g FOO
-A INPUT
`},
	} {
		saved, err := legacy(c.family, c.table, "*"+c.table+"\n"+ordered(c.text)+"COMMIT\n")
		if err != nil {
			t.Fatal(err)
		}
		for _, flags := range []string{"-nvx", "-vx", "-nv", "-v", "-nvx --line-numbers", "-v --line-numbers"} {
			out, err := command("", tool(c.family, ""), append(strings.Fields(flags), "-t", c.table, "-L")...)
			if err != nil {
				t.Fatal(out)
			}
			rs, err := ParseListing(strings.NewReader(out), "list", ListingOptions{}, testVocab)
			if err != nil {
				t.Errorf("%s: %v\n%s", flags, err, out)
				continue
			}
			// The listing has the order of the dump.
			if got := printed(t, rs, PrintOptions{Counters: true}); got != saved || rs.Family != c.family {
				t.Errorf("%s: IPv%d\n%s\nsaved:\n%s\nlisted:\n%s", flags, rs.Family, got, saved, out)
			}
		}
	}
}

// ordered puts the chain lines of a table first.
func ordered(text string) string {
	var chains, rules string
	for line := range strings.Lines(text) {
		if line[0] == ':' {
			chains += line
		} else {
			rules += line
		}
	}
	return chains + rules
}
