//go:build linux

package iptables

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// The judge is iptables-legacy in a network namespace of its own.

// inNamespace moves the test to a new network namespace. The thread ends with the test.
func inNamespace(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"iptables-legacy-restore", "ip6tables-legacy-restore"} {
		if _, err := exec.LookPath(tool); err != nil {
			cannot(t, err)
		}
	}
	runtime.LockOSThread()
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		cannot(t, err)
	}
	if out, err := command("", "iptables-legacy-save", "-t", "filter"); err != nil {
		cannot(t, errors.New(out))
	}
}

func cannot(t *testing.T, why error) {
	t.Helper()
	if os.Getenv("RECHAIN_REQUIRE") != "" {
		t.Fatalf("no iptables-legacy to judge: %v", why)
	}
	t.Skipf("no iptables-legacy to judge: %v", why)
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

// judged are lines of a table with the chains FOO and BAR, each in a dump of its own. What iptables-legacy prints or refuses, we do.
var judged = []struct {
	family Family
	table  string
	lines  []string
}{
	{IPv4, "filter", []string{
		"-A INPUT",
		"-A INPUT -s 1.2.3.4 -d 5.6.7.8/24 -i eth0 -p tcp -j ACCEPT",
		"-A FORWARD -o eth+ -i lo -j DROP",
		"-A INPUT ! -s 10/8 ! -d 10.1/255.255.0.0 ! -i lo ! -p udp ! -f -j FOO",
		"-A INPUT -s 10.0.0.0/255.0.255.0 -d 1.2.3.4/0.0.0.255 -g BAR",
		"-A INPUT -s 0.0.0.0/0 -d 1.2.3.4/0",
		"-A INPUT ! -s 0.0.0.0/0",
		"-A INPUT -s a.b.c/0",
		"-A INPUT -s 1.2.3", "-A INPUT -s 1", "-A INPUT -s 1.2.3.", "-A INPUT -s .1", "-A INPUT -s 1.2.3.4.5",
		"-A INPUT -s 1.2.3.4/0x8", "-A INPUT -s 1.2.3.4/010", "-A INPUT -s 1.2.3.4/33", "-A INPUT -s 1.2.3.4/", "-A INPUT -s /8", "-A INPUT -s \"\"",
		"-A INPUT -s 1.2.3.4/8/9",
		"-A INPUT -s localhost", "-A INPUT -d ::1", "-A INPUT -s 256.1.1.1",
		"-A INPUT -s 1.2.3.4,5.6.7.8/8,0/0 -d 9.9.9.9,1.1.1.1", "-I INPUT -s 1.2.3.4,5.6.7.8/8",
		"-A INPUT ! -s 1.1.1.1,2.2.2.2", "-A INPUT -s 1.1.1.1,", "-A INPUT ! -s 1.1.1.1 -d 1.1.1.1,2.2.2.2",
		"-A INPUT -s 1.1.1.1 -s 2.2.2.2", "-A INPUT -f -f", "-A INPUT -p tcp -p udp",
		"-A INPUT -i +", "-A INPUT ! -i +", "-A INPUT -i averyveryverylong", "-A INPUT -i fifteenbyteslon", "-A INPUT -i \"\"",
		"-A OUTPUT -i lo", "-A INPUT -o lo", "-A OUTPUT -o lo",
		"-A INPUT -p 6", "-A INPUT -p 0x11", "-A INPUT -p 010", "-A INPUT -p all", "-A INPUT -p 0", "-A INPUT ! -p all", "-A INPUT -p TCP",
		"-A INPUT -p gre", "-A INPUT -p 47", "-A INPUT -p 253", "-A INPUT -p 256", "-A INPUT -p nope", "-A INPUT -p ospfigp", "-A INPUT -p icmpv6", "-A INPUT -p 135",
		"-A INPUT -p mh",
		"-A INPUT --source 1.2.3.4 --destination 5.6.7.8 --in-interface lo --protocol tcp --jump ACCEPT",
		"-A INPUT --src 1.2.3.4 --dst 5.6.7.8 --proto tcp --jum ACCEPT --fragment",
		"-A INPUT --s 1.2.3.4", "-A INPUT --jump=ACCEPT", "-A INPUT -jACCEPT -s1.2.3.4", "-A INPUT -fj FOO", "-A INPUT -fx",
		"-A INPUT --goto FOO", "-A INPUT -j FOO -g BAR", "-A INPUT -j FOO -j BAR", "-A INPUT -g ACCEPT", "-A INPUT -j INPUT", "-A INPUT -j OUTPUT",
		"-A INPUT -j nope", "-A INPUT -g nope", "-A INPUT -j", "-A INPUT -j \"\"", "-A INPUT ! -j ACCEPT", "-A INPUT -j \"a b\"", "-A INPUT -j return",
		"-A NOPE -j ACCEPT", "-A FOO -j BAR", "-A INPUT ! ! -s 1.2.3.4", "-A INPUT !", "-A INPUT ! -m tcp", "-A INPUT nonsense", "-A INPUT -s", "-A",
		"-A INPUT --nope", "-A INPUT -Y", "-A INPUT # comment", "-A INPUT --", "-A INPUT -",
		"-A INPUT -c 5 6", "-A INPUT -c 5,6", "-A INPUT --set-counters 5 6 -j ACCEPT", "[7:8] -A INPUT", "[7:8]-A INPUT", "[7] -A INPUT", "[7:8 -A INPUT", "-A INPUT -c 5",
		"-4 -A INPUT -p tcp", "-A INPUT -4 -p tcp", "-6 -A INPUT -s ::1", "-A INPUT -s ::1 --ipv6", "-p tcp -A INPUT -j ACCEPT",
		"-AINPUT -j ACCEPT", "--append INPUT -j ACCEPT",
		"-I INPUT 1 -j ACCEPT", "-I INPUT 2 -j ACCEPT", "-I INPUT 0 -j ACCEPT", "-I INPUT x -j ACCEPT", "-I INPUT -s 1.2.3.4",
		"-N NEW\n-A NEW -j ACCEPT\n-A INPUT -j NEW", "-N FOO", "-N INPUT", "-N -x", "-N ACCEPT", "-N averyveryveryveryverylongname",
		":NEW2 - [0:0]", ":FOO - [0:0]", ":NEW3 ACCEPT [0:0]", ":INPUT DROP [3:4]", ":INPUT QUEUE [3:4]", ":INPUT - [3:4]", ":INPUT",
		":averyveryveryveryverylongname - [0:0]",
		"-P INPUT DROP", "-P FOO DROP", "-P INPUT", "-P INPUT RETURN",
		"-F", "-F INPUT", "-X NEW4", "-A FOO -j FOO", "-A INPUT -j FOO\n-A FOO -j BAR\n-A BAR -j FOO", "-A FOO -j BAR\n-A BAR -g FOO",
		"-A INPUT -m comment --comment \"a \\\"b\\\" 'c' \\\\ d\"", "-A INPUT -m comment --comment a\\b", "-A INPUT -m comment --comment plain-Word_1",
		"-A INPUT -m comment --comment \"\"", "-A INPUT -m comment --comment \"a\"b", "-A INPUT -m comment --comment a\"b c\"", "-A INPUT -m comment",
		"-A INPUT -m comment --comment \"# not a comment\"", "-A INPUT -m nope --nope 5", "-A INPUT -m",
		"-A INPUT -m comment --comment a -m comment --comment b", "-A INPUT -m comment --comment a --comment b",
		"-A INPUT -p tcp --dport 80", "-A INPUT -p tcp --dport=80", "-A INPUT -p tcp ! --dport ssh", "-A INPUT -p tcp -m tcp --dport :80 --sport 5:",
		"-A INPUT -p tcp --dport 0:65535", "-A INPUT -p tcp --dport 70000", "-A INPUT -p tcp --dport 5:4", "-A INPUT -p tcp --dport x", "-A INPUT -p tcp --dport",
		"-A INPUT -p tcp --dport ''", "-A INPUT -p tcp --dport 1 --dport 2", "-A INPUT -p tcp --destination-p 22", "-A INPUT -p tcp --d 22",
		"-A INPUT --dport 80", "-A INPUT --dport 80 -p tcp", "-A INPUT ! -p tcp --dport 80", "-A INPUT -m tcp", "-A INPUT -p udp -m tcp", "-A INPUT -p 6 --dport 80",
		"-A INPUT -p tcp -m tcp -m tcp --dport 4", "-A INPUT -p tcp --dport 4 -m tcp --sport 5", "-A INPUT -p tcp -m comment --comment x --dport 80",
		"-A INPUT -p tcp -m multiport --dport 80", "-A INPUT -p tcp -m multiport --dports 80,90:100,ssh", "-A INPUT -p tcp -m multiport --dports 80 --sports 90",
		"-A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", "-A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
		"-A INPUT -m mark --mark 0x10/0xff", "-A INPUT -m mark ! --mark 16", "-A INPUT -m mark --mark 0x1ffffffff", "-A INPUT -m mark --mark x",
		"-A INPUT -m state --state NEW,ESTABLISHED,RELATED", "-A INPUT -m state --state new", "-A INPUT -m state --state NOPE", "-A INPUT -m state ! --state NEW,NEW",
		"-A OUTPUT -m owner --uid-owner 1337 --gid-owner 5-9", "-A OUTPUT -m owner ! --uid-owner 0 -j RETURN", "-A OUTPUT -m owner --uid-owner 9-5",
		"-A OUTPUT -m owner --uid-owner 4294967295", "-A INPUT -j LOG --log-prefix \"a b: \"", "-A INPUT -j LOG --log-prefix abc",
		"-A INPUT -j REDIRECT --to-ports 5",
	}},
	{IPv4, "nat", []string{
		"-A PREROUTING -p tcp -j REDIRECT --to-ports 15006", "-A PREROUTING -p tcp -j REDIRECT --to-port 1-5 --random", "-A PREROUTING -j DROP",
		"-A PREROUTING -o lo", "-A POSTROUTING -i lo", ":OUTPUT DROP [0:0]",
	}},
	{IPv4, "mangle", []string{"-A INPUT -j MARK --set-mark 0x1/0x3", "-A INPUT -j MARK --set-xmark 7", "-A FOO -j MARK --set-mark 4"}},
	{IPv6, "filter", []string{
		"-A INPUT -s fe80::1 -d ff02::/16 -i lo -p ipv6-icmp -j ACCEPT", "-A INPUT -s ::/0 ! -d ::/0", "-A INPUT -s fe80::/ffff:0:ffff::",
		"-A INPUT -s ::ffff:1.2.3.4", "-A INPUT -s 1.2.3.4", "-A INPUT -s fe80::1%lo", "-A INPUT -s ::1/129", "-A INPUT -s 2001:db8::1/64,::2", "-A INPUT -s any/0",
		"-A INPUT -p icmpv6 -m icmpv6 --icmpv6-type 128", "-A INPUT -p icmpv6 --icmpv6-type 135", "-A INPUT -p icmp", "-A INPUT -f", "-4 -A INPUT -s 1.2.3.4", "-6 -A INPUT -s ::1",
		"-A INPUT -s ::/128", "-A INPUT -s 1:0:0:2:0:0:0:3", "-A INPUT -s ::1.2.3.4", "-A INPUT -s 2001:db8:0:1:1:1:1:1", "-A INPUT -p 135",
	}},
}

// disputed are the lines where we do something else on purpose.
var disputed = map[string]string{
	"-A INPUT ! -i +":             "iptables-save 1.8.9 leaves it out, and with it that the rule never matches",
	"-A INPUT -p mh":              "Debian's /etc/protocols has no such name, but libxtables has",
	"-A INPUT -p ospfigp":         "iptables makes the name lower-case and then finds only lower-case names",
	"-A INPUT --jump=ACCEPT":      "iptables 1.8.9 takes the whole word for the value of -j",
	"-A INPUT -jACCEPT -s1.2.3.4": "iptables 1.8.9 takes the whole word for the value of -s",
	"-A INPUT -s fe80::1%lo":      "iptables drops the zone",
	"-A INPUT --":                 "a word that ends options when no arguments can follow is a slip",
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
				t.Errorf("%s\nis accepted, but iptables says: %v\ngot: %s", line, refused, print(t, rs, PrintOptions{}))
			case refused == nil && err != nil:
				t.Errorf("%s\nis refused: %v\nbut iptables makes it:\n%s", line, err, want)
			case refused == nil:
				if got := print(t, rs, PrintOptions{Counters: true}); got != want {
					t.Errorf("%s\ngives\n%sbut iptables has\n%s", line, got, want)
				}
			case testing.Verbose():
				t.Logf("%s\n\t%v\n\t%s", line, err, refused)
			}
		}
	}
}
