package iptables

import (
	"errors"
	"strings"
	"testing"
)

// reprinted checks that what Print writes reads back as the same.
func reprinted(t *testing.T, rs *Ruleset) {
	t.Helper()
	once := printed(t, rs, PrintOptions{Counters: true})
	again, err := Parse(strings.NewReader(once), "again", rs.Family, testVocab)
	if err != nil {
		t.Fatalf("the printed rule set does not read back: %v\n%s", err, once)
	}
	if twice := printed(t, again, PrintOptions{Counters: true}); twice != once {
		t.Fatalf("printed\n%s\nread back\n%s", once, twice)
	}
}

// placed checks that an error is a list of problems, each with a line.
func placed(t *testing.T, err error) {
	t.Helper()
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("not problems: %v", err)
	}
	for _, p := range ps {
		if p.Pos.Line == 0 || p.Pos.Col == 0 || p.Msg == "" {
			t.Fatalf("a problem without a place: %+v", p)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, group := range judged {
		for _, line := range group.lines {
			f.Add("*"+group.table+"\n:FOO - [0:0]\n:BAR - [0:0]\n"+line+"\nCOMMIT\n", uint8(group.family))
		}
	}
	f.Fuzz(func(t *testing.T, text string, family uint8) {
		if family != uint8(IPv4) && family != uint8(IPv6) {
			family = 0
		}
		if rs, err := ParseNoflush(text, "x", Family(family), testVocab); err != nil {
			placed(t, err)
			partial(t, rs, err)
		}
		rs, err := Parse(strings.NewReader(text), "x", Family(family), testVocab)
		if err != nil {
			placed(t, err)
			partial(t, rs, err)
			return
		}
		reprinted(t, rs)
	})
}

// partial checks what there is beside problems: they are told apart by the rules, and what is printed has none of these.
func partial(t *testing.T, rs *Ruleset, err error) {
	t.Helper()
	var ps Problems
	errors.As(err, &ps)
	wrong, rules := 0, 0
	for _, table := range rs.Tables {
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				if wrong += len(r.Problems); r.Problems == nil {
					rules++
				}
			}
		}
	}
	if beside := ps.Beside(rs); len(beside)+wrong != len(ps) {
		t.Fatalf("%d problems are of rules and %d are not, but there are %d:\n%v", wrong, len(beside), len(ps), err)
	}
	once := printed(t, rs, PrintOptions{})
	if n := strings.Count(once, "\n-A "); n != rules {
		t.Fatalf("%d rules are printed, but %d can be read:\n%s", n, rules, once)
	}
}

func FuzzParseListing(f *testing.F) {
	for _, row := range []string{
		"    0     0 ACCEPT     tcp  --  any    any     anywhere             anywhere             tcp dpt:ssh /* a  b */ # c",
		" 162K    1G            !udp -f  !lo    eth+    10.0.0.0/8          !localhost            [goto] ! owner UID match 1337 multiport dports !1,2:3",
		"1     0 0 FOO tcp any any ::1 ::/0 state NEW,ESTABLISHED",
	} {
		f.Add(listingStart+row+"\n\nChain FOO (1 references)\n", "filter")
	}
	f.Fuzz(func(t *testing.T, text, table string) {
		rs, err := ParseListing(strings.NewReader(text), "x", ListingOptions{Table: table}, testVocab)
		if err != nil {
			placed(t, err)
			return
		}
		reprinted(t, rs)
	})
}
