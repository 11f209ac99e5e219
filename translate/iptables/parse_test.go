package iptables

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestProblems(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"*filter\n-A INPUT -p tcp  --dport 70000 -j ACCEPT --foo 5\nCOMMIT\n",
			"x:2:26: tcp: --dport: 70000 is not a port: 0 to 65535\nx:2:42: --foo: is not an option of this rule"},
		{"*filter\r\n  -A INPUT --dport 80\r\nCOMMIT\r\n", "x:2:12: --dport: is not an option of this rule; it needs -p tcp or -p udp before it"},
		{"*filter\n-A INPUT --uid-owner 80\nCOMMIT\n", "x:2:10: --uid-owner: is not an option of this rule; it needs -m owner before it"},
		{"*filter\n-A INPUT -p tcp --dport\nCOMMIT\n", "x:2:17: --dport: needs a value"},
		{"*filter\n-A INPUT -m nope --nope 5 ! --more -j FOO\nCOMMIT\n", "x:2:13: nope: there is no match of this name for IPv4\n" +
			"x:2:39: FOO: this is neither a chain of table filter nor a known target; declare the chain: \":FOO - [0:0]\""},
		{"*raw\n-A OUTPUT -m recent --set --proto x -j DROP -s x,y\nCOMMIT\n", "x:2:14: recent: there is no match of this name for IPv4\n" +
			"x:2:48: -s: x is a host name, which only the host that it was written on can resolve\n" +
			"x:2:48: -s: y is a host name, which only the host that it was written on can resolve"},
		{"*filter\n-A INPUT -j FOO\nCOMMIT\n", "x:2:13: FOO: this is neither a chain of table filter nor a known target; declare the chain: \":FOO - [0:0]\""},
		{"*filter\n-A INPUT -m comment --comment \"open\nCOMMIT\n", "x:2:31: the quote is not closed"},
		{"*filter\n[1:2] -A INPUT -s 1.2.3.4 -s www.example.com\nCOMMIT\n",
			"x:2:27: -s: is given twice\nx:2:30: -s: \"www.example.com\" is a host name, which only the host that it was written on can resolve"},
		{"-P INPUT ACCEPT\n-P FORWARD ACCEPT\n", "x:1:1: this stands in no table; begin the table with *filter, *nat, *mangle or *raw, and end it with COMMIT"},
		{"*filter\n-A INPUT -j REDIRECT\nCOMMIT\n", "x:2:13: REDIRECT: works only in table nat"},
		{"*filter\n-D INPUT 1\nCOMMIT\n", "x:2:1: -D: the chain has only 0 rules before this"},
		{"*filter\n-A INPUT -p tcp\n-D INPUT -p udp\n-C INPUT -p 7\nCOMMIT\n",
			"x:3:1: -D: chain INPUT has no such rule before this\nx:4:1: -C: chain INPUT has no such rule before this"},
		{"*filter\n:A - [0:0]\n-A A\n-X A\n-E A B\nCOMMIT\n", "x:4:1: -X: chain A has rules by now, and is not deleted before it is empty\n" +
			"x:5:1: -E: renames a chain, which a description of a rule set cannot do; leave the line out, and write the rules that shall be there"},
		{"*filter\n:A - [0:0]\n-A INPUT -j A\n-X A\nCOMMIT\n", "x:3:13: A: this is neither a chain of table filter nor a known target; declare the chain: \":A - [0:0]\""},
		{"*filter\n[1:2] -A INPUT -c 5 6\nCOMMIT\n", "x:2:1: -c: the line begins with counters already"},
		{"*filter\n-A PREROUTING\nCOMMIT\n", "x:2:1: PREROUTING: table filter has no such chain; it is built in to mangle, nat, raw"},
		{"*filter\niptables -A INPUT\nCOMMIT\n", "x:2:1: iptables has no place in what iptables-restore reads; leave the word out; of a script's commands, give what iptables-save prints after them"},
		{"*filter\n", "x:1:1: table filter has no COMMIT; is the file cut off?"},
		{"*filter\nCOMMIT\n*filter\nCOMMIT\n", "x:3:1: table filter comes a second time, for which iptables-restore would empty it first; put its rules into one table, or apply one file after the other"},
		{"*nope\nCOMMIT\n", "x:1:1: there is no table nope; there are filter, nat, mangle, raw and security"},
		{"*filter\n-A INPUT --comm x\nCOMMIT\n", "x:2:10: --comm: is not an option of this rule"},
		{"*filter\n-A INPUT --s x\nCOMMIT\n", "x:2:10: --s: is short for several options: --source, --set-counters; write it in full"},
		{"*filter\n-A INPUT -p tcp -m multiport --dports 1 --sports 2\nCOMMIT\n", "x:2:41: multiport: --sports and --dports exclude each other"},
		{"*filter\n-A INPUT \x00\nCOMMIT\n", "x:2:1: the line has a NUL byte; is this a text file?"},
	} {
		_, err := Parse(strings.NewReader(c.text), "x", 0, testVocab)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q\ngot  %v\nwant %s", c.text, err, c.want)
		}
	}
}

func TestProblemsAreBounded(t *testing.T) {
	_, err := Parse(strings.NewReader("*filter\n"+strings.Repeat("-A NOPE\n", 10*maxProblems)), "x", 0, testVocab)
	var ps Problems
	if !errors.As(err, &ps) || len(ps) > maxProblems+10 {
		t.Errorf("%d problems, %T", len(ps), err)
	}
}

// TestPartial reads what can be read beside the problems.
func TestPartial(t *testing.T) {
	const text = "*filter\n:A - [0:0]\n-A INPUT -p tcp\n-A INPUT -m nope -j DROP\n-I INPUT 2 -p udp\n-A A -j NOPE\nnonsense\n-D INPUT 1\nCOMMIT\n*none\n-A B\nCOMMIT\n"
	rs, err := Parse(strings.NewReader(text), "x", 0, testVocab)
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != 4 {
		t.Fatal(err)
	}
	if got := fmt.Sprint(ps.Beside(rs)); !strings.Contains(got, "x:7:1: ") || !strings.Contains(got, "x:10:1: ") || len(ps.Beside(rs)) != 2 {
		t.Errorf("not of rules: %s", got)
	}
	var got []string
	for _, c := range rs.Tables[0].Chains {
		for _, r := range c.Rules {
			got = append(got, fmt.Sprint(c.Name, " ", r.Pos.Line, " ", r.Problems != nil, " ", r.Target != nil))
		}
	}
	if want := "INPUT 5 false false, INPUT 4 true true, A 6 true true"; strings.Join(got, ", ") != want || len(rs.Tables) != 1 {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

// TestNoflush reads what a source does to chains that it does not show.
func TestNoflush(t *testing.T) {
	const text = "*filter\n:OWN - [0:0]\n:BOTH - [0:0]\n-X BOTH\n-I INPUT -p tcp\n-I INPUT 2 -p udp\n-A INPUT -j THERE\n-D INPUT -p udp\n-D INPUT -p 7\n" +
		"-A OWN -p tcp\n-I OWN 2 -p udp\n-D OWN 1\n-N NEW\n-F OUTPUT\n-X OLD\nCOMMIT\n*filter\n-I OWN -p 9\nCOMMIT\n"
	rs, err := ParseNoflush(text, "x", 0, testVocab)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range rs.Table("filter").Chains {
		ch := c.Changes
		ch.Without = nil
		if len(c.Rules) > 0 || ch.Inserted > 0 || ch.Empty || ch.New || ch.Delete || c.Policy == "" {
			got = append(got, fmt.Sprintf("%s %v %+v without %v", c.Name, c.Rules, ch, c.Changes.Without))
		}
	}
	want := []string{
		"INPUT [-p tcp -j THERE] {Inserted:1 Empty:false New:false Delete:false Without:[]} without [-p 7]",
		"OUTPUT [] {Inserted:0 Empty:true New:false Delete:false Without:[]} without []",
		"OWN [-p igp -p udp] {Inserted:0 Empty:true New:false Delete:false Without:[]} without []",
		"BOTH [] {Inserted:0 Empty:true New:false Delete:true Without:[]} without []",
		"NEW [] {Inserted:0 Empty:false New:true Delete:false Without:[]} without []",
		"OLD [] {Inserted:0 Empty:false New:false Delete:true Without:[]} without []",
		"THERE [] {Inserted:0 Empty:false New:false Delete:false Without:[]} without []",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	_, err = ParseNoflush("*filter\n-F\n-X\n-A GONE\n-A INPUT -j GONE\nCOMMIT\n", "x", 0, testVocab)
	if want := "x:4:1: GONE: table filter has no such chain"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("after -X: %v", err)
	}
}

// Old forms that iptables 1.8.9 no longer takes, but dumps of its time have.
func TestOldForms(t *testing.T) {
	rs := parse(t, "* filter\n-A INPUT -s ! 1.2.3.4 -p ! tcp\n-A INPUT -p tcp --dport ! 80\n\tCOMMIT \n", 0)
	want := `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT ! -s 1.2.3.4/32 ! -p tcp
-A INPUT -p tcp -m tcp ! --dport 80
COMMIT
`
	if got := printed(t, rs, PrintOptions{}); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestPositions(t *testing.T) {
	rs := parse(t, "\n*filter\n  [1:2] -A INPUT -s 1.2.3.4 -p tcp ! --dport \"80\" -j ACCEPT\nCOMMIT\n", 0)
	r := rs.Table("filter").Chain("INPUT").Rules[0]
	got := fmt.Sprint(r.Pos, r.Src.Pos, r.Proto.Pos, r.Matches[0].Options[0].Pos, r.Target.Pos, r.Words())
	want := "f:3:3 f:3:21 f:3:32 f:3:38 f:3:54 [-s 1.2.3.4 -p tcp ! --dport 80 -j ACCEPT]"
	if got = strings.ReplaceAll(got, "test:", "f:"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSplitWords(t *testing.T) {
	for _, c := range []struct {
		line    string
		words   []string
		offsets []int
		open    int
	}{
		{`a  b\c `, []string{"a", `b\c`}, []int{0, 3}, -1},
		{`"a b"c d"e f"`, []string{"a b", "c", "de f"}, []int{0, 5, 7}, -1},
		{`"" "a\"\\b\c"`, []string{"", `a"\bc`}, []int{0, 3}, -1},
		{`a "b`, []string{"a"}, []int{0, 2}, 2},
		{`a "b\"`, []string{"a"}, []int{0, 2}, 2},
	} {
		words, offsets, open := splitWords(c.line, nil, nil)
		if !slices.Equal(words, c.words) || !slices.Equal(offsets, c.offsets) || open != c.open {
			t.Errorf("%s: %q %v %d", c.line, words, offsets, open)
		}
	}
}

func TestParseRule(t *testing.T) {
	words := strings.Fields("-p tcp -d 10.0.0.0/8 --dport 80 -j REDIRECT --to-ports 15001")
	r, problems := ParseRule(words, AtKey("outbound"), "nat", "X", IPv4, testVocab)
	if problems != nil {
		t.Fatal(problems)
	}
	if got, want := r.String(), "-d 10.0.0.0/8 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 15001"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	_, problems = ParseRule([]string{"-s", "1.2.3.4,1.2.3.5", "--nope"}, AtKey("outbound"), "nat", "X", IPv4, testVocab)
	if got, want := problems.Error(), "outbound: --nope: is not an option of this rule"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, problems = ParseRule([]string{"-s", "1.2.3.4,1.2.3.5"}, Pos{}, "nat", "X", IPv4, testVocab); problems == nil {
		t.Error("a list of addresses made one rule")
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		text   string
		form   Form
		family Family
	}{
		{"# Generated by iptables-save v1.8.9\n*filter\n", Save, IPv4},
		{"# Generated by ip6tables-save v1.8.9\n*filter\n", Save, IPv6},
		{"*filter\n-6 -A INPUT -s ::1\n-A INPUT -s 1.2.3.4/8\n", Save, IPv4},
		{"*filter\n:INPUT ACCEPT\n-A INPUT -p icmpv6\n", Save, IPv6},
		{"-P INPUT ACCEPT\n", Save, 0},
		{listingStart, Listing, 0},
		{listingStart + "    0     0 ACCEPT     58   --  *      *       ::/0                !::1/64\n", Listing, IPv6},
		{"Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination\nACCEPT     all  --  0.0.0.0/0            0.0.0.0/0\n", Listing, IPv4},
		{`{"nftables": []}`, JSON, 0},
		{"table ip filter {\n}\n", Unknown, 0},
		{"", Unknown, 0},
	} {
		if form, family := Detect(c.text); form != c.form || family != c.family {
			t.Errorf("%q: %d, %d", c.text, form, family)
		}
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		kind   Kind
		word   string
		family Family
		want   string // as printed, or the error
	}{
		{Uint(1, 9), "0x7", 0, "7"},
		{Uint(1, 9), "10", 0, "10 is out of range: 1 to 9"},
		{Uint(1, 9), "x", 0, "x is not a number"},
		{Uint(0, 1<<64-1), "18446744073709551616", 0, "18446744073709551616 is out of range: 0 to 18446744073709551615"},
		{Hex(0, 255, 2), "5", 0, "0x05"},
		{UintRange(0, 100, ":"), "5:", 0, "5:100"},
		{UintRange(0, 100, "-"), "7-7", 0, "7"},
		{UintRange(0, 100, ":"), "7:5", 0, `"7:5" is an empty range: 7 is above 5`},
		{UintRange(0, 100, ":"), "", 0, `"" is not a number`},
		{Port, "http", 0, "80"},
		{Port, "-1", 0, "-1 is neither a port nor a known service name"},
		{PortRange, "ssh:http", 0, "22:80"},
		{PortRange, "ftp-data", 0, "20"},
		{ToPorts, "5-", 0, "5- is not a port or a range of ports"},
		{ToPorts, "5-7", 0, "5-7"},
		{ToPorts, "ssh-http", 0, "ssh-http is not a port or a range of ports"},
		{PortList, "1,2:3,ssh", 0, "1,2:3,22"},
		{PortList, "1,,2", 0, `"" is neither a port nor a known service name`},
		{Mark, "0x10/16", 0, "0x10/0x10"},
		{Mark, "16", 0, "0x10"},
		{MaskedMark, "1", 0, "0x1/0xffffffff"},
		{Mark, "1/x", 0, "x is not a number"},
		{IDRange, "5-6", 0, "5-6"},
		{IDRange, "5:6", 0, "5-6"},
		{IDRange, "5-", 0, `"" is not a number`},
		{IDRange, "root", 0, "0"},
		{IDRange, "mail", 0, "mail is a name, which only the host that it was written on can resolve: give the number"},
		{Enum("ALL", "NONE"), "none", 0, "NONE"},
		{Enum("ALL", "NONE"), "x", 0, "x is not one of ALL, NONE"},
		{EnumList("A", "B", "C"), "c,a,c", 0, "A,C"},
		{EnumList("A", "B", "C"), "", 0, `"" is not one of A, B, C`},
		{String(5), `a"b'c`, 0, `"a\"b\'c"`},
		{String(5), "abcdef", 0, "is too long: 6 bytes, where 5 are the most"},
		{Name(5), "a.b", 0, "a.b"},
		{Name(5), "", 0, "is empty"},
		{Address, "::1.2.3.4", IPv6, "::1.2.3.4"},
		{Address, "::1", IPv4, "::1 is not an IPv4 address"},
		{Address, "1.2.3.4", IPv6, "1.2.3.4 is not an IPv6 address"},
		{Address, "1.2.3", IPv4, "\"1.2.3\" is not an address"},
		{Network, "10.1.2.3/8", IPv4, "10.0.0.0/8"},
		{Network, "10.1.2.3/255.0.255.0", IPv4, "10.0.2.0/255.0.255.0"},
		{Network, "10.1.2.3", IPv4, "10.1.2.3"},
		{Network, "10.1.2.3/33", IPv4, "prefix length: 33 is out of range: 0 to 32"},
		{AddressRange, "1.2.3.4-1.2.3.9", IPv4, "1.2.3.4-1.2.3.9"},
		{AddressRange, "1.2.3.4-1.2.3.3", IPv4, "1.2.3.4-1.2.3.3 is an empty range: the first address is above the second"},
		{ToAddress, "1.2.3.4-1.2.3.9:5-7", IPv4, "1.2.3.4-1.2.3.9:5-7"},
		{ToAddress, ":5-7/9", IPv4, ":5-7/9"},
		{ToAddress, "[::1]-[::2]:5", IPv6, "[::1-::2]:5"},
		{ToAddress, "[::1]:5", IPv6, "[::1]:5"},
		{ToAddress, "::1", IPv6, "::1"},
		{ToAddress, "", IPv4, "names neither an address nor a port"},
	} {
		got := ""
		if v, err := c.kind.Parse([]string{c.word}, c.family); err != nil {
			got = err.Error()
		} else {
			got = c.kind.Format(v)
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.word, got, c.want)
		}
	}
	if v, ok := PortRange.(Vacuous); !ok || !v.Vacuous(Ports{0, 65535}) || v.Vacuous(Ports{0, 1}) {
		t.Error("all ports, and only these, are no condition")
	}
}

func TestParseNet(t *testing.T) {
	n, err := ParseNet("2001:db8::1/ffff:0:ffff::", IPv6)
	if err != nil {
		t.Fatal(err)
	}
	if n.Addr != netip.MustParseAddr("2001:0::") || n.String() != "2001::/ffff:0:ffff::" {
		t.Errorf("%v", n)
	}
}

// bigDump is n rules as iptables-save prints them.
func bigDump(n int) string {
	var b strings.Builder
	b.WriteString("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")
	for i := range n {
		fmt.Fprintf(&b, "-A INPUT -s 10.%d.%d.0/24 -d 192.168.0.1/32 -i eth0 -p tcp -m tcp --dport %d -m comment --comment \"rule %d\" -j ACCEPT\n",
			i>>8&255, i&255, i&0xffff, i)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

func TestBigDump(t *testing.T) {
	text := bigDump(5000)
	if got := printed(t, parse(t, text, 0), PrintOptions{}); got != text {
		t.Error("the dump is not printed as it was read")
	}
}

func BenchmarkParse(b *testing.B) {
	text := bigDump(100000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(strings.NewReader(text), "x", 0, testVocab); err != nil {
			b.Fatal(err)
		}
	}
}
