package compare_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rechain/nft/compare"
	"rechain/nft/packet"
	"rechain/translate"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// filter is the program of rules of table filter, with the chain x beside the built-in ones.
func filter(t *testing.T, rules ...string) *packet.Program {
	t.Helper()
	text := "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:x - [0:0]\n:y - [0:0]\n-A " + strings.Join(rules, "\n-A ") + "\nCOMMIT\n"
	rs, err := iptables.ParseText(text, "rules", iptables.IPv4, ext.Vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	return translate.Meaning(rs, nil)
}

// TestStructure lists what changed in rules, and what each change means by itself.
func TestStructure(t *testing.T) {
	base := []string{
		"INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
		"INPUT -p tcp -m tcp --dport 23 -j ACCEPT",
		"INPUT -s 10.0.0.0/8 -j DROP",
		"INPUT -p udp -j x",
		"x -p udp -m udp --dport 53 -j ACCEPT",
		"FORWARD -i eth0 -j DROP",
	}
	with := func(edit func(rules []string) []string) []string { return edit(slices.Clone(base)) }
	for _, c := range []struct {
		name string
		b    []string
		want string // KIND CHAIN FIELDS MEANING of each change
	}{
		{"nothing", base, ""},
		{"spelling", with(func(r []string) []string {
			r[0] = `INPUT -p 6 -m comment --comment "who knows" -m tcp --dport ssh -j ACCEPT`
			return r
		}), ""},
		{"added", with(func(r []string) []string { return append(r, "FORWARD -i eth1 -j DROP") }), "added FORWARD [] 2"},
		{"removed", with(func(r []string) []string { return r[:5] }), "removed FORWARD [] 2"},
		{"changed", with(func(r []string) []string {
			r[0] = strings.Replace(r[0], "22", "24", 1)
			return r
		}), "changed INPUT [dport] 2"},
		{"moved for nothing", with(func(r []string) []string {
			r[0], r[1] = r[1], r[0]
			r[5] = "FORWARD -i eth2 -j DROP"
			return r
		}), "moved INPUT [] 1\nchanged FORWARD [iif] 2"},
		{"moved together", with(func(r []string) []string {
			r[0], r[1], r[2] = r[2], r[0], r[1]
			return r
		}), "moved INPUT [] 2"},
		{"renamed", with(func(r []string) []string {
			r[3], r[4] = strings.Replace(r[3], "-j x", "-j z", 1), strings.Replace(r[4], "x ", "z ", 1)
			return r
		}), ""},
		{"renamed and changed", with(func(r []string) []string {
			r[3], r[4] = strings.Replace(r[3], "-j x", "-j y", 1), strings.Replace(r[4], "x ", "y ", 1)
			r[5] = "FORWARD -i eth2 -j DROP"
			return r
		}), "changed INPUT [target] 2\nremoved x [] 2\nadded y [] 1\nchanged FORWARD [iif] 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := filter(t, base...), (*packet.Program)(nil)
			if c.name == "renamed" {
				b = renamed(t, c.b)
			} else {
				b = filter(t, c.b...)
			}
			s := compare.Structural(a, b)
			if len(s.Hunks) > 0 {
				if err := s.Attribute(compare.Options{}); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, h := range s.Hunks {
				got = append(got, fmt.Sprintf("%v %s %v %d", h.Kind, h.Chain.Name, h.Fields, h.Meaning))
			}
			slices.Sort(got)
			want := strings.Split(c.want, "\n")
			slices.Sort(want)
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if c.name == "renamed" && s.Renamed["x"] != "z" {
				t.Errorf("renamed: %v", s.Renamed)
			}
		})
	}
}

// renamed is a program whose chain is called z in place of x.
func renamed(t *testing.T, rules []string) *packet.Program {
	text := "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:y - [0:0]\n:z - [0:0]\n-A " + strings.Join(rules, "\n-A ") + "\nCOMMIT\n"
	rs, err := iptables.ParseText(text, "rules", iptables.IPv4, ext.Vocabulary)
	if err != nil {
		t.Fatal(err)
	}
	return translate.Meaning(rs, nil)
}

// TestWith holds a program to which all changes were made one by one against the other program.
func TestWith(t *testing.T) {
	a := filter(t, "INPUT -p tcp -j x", "INPUT -j ACCEPT", "x -s 10.0.0.1 -j ACCEPT", "x -j DROP")
	b := filter(t, "INPUT -j ACCEPT", "INPUT -p tcp -j x", "x -s 10.0.0.2 -j ACCEPT", "x -j DROP", "FORWARD -j DROP")
	for range 10 {
		s := compare.Structural(a, b)
		if len(s.Hunks) == 0 {
			break
		}
		a = s.With(s.Hunks[0])
	}
	functions, err := compare.Programs(a, b, compare.Options{})
	if err != nil || !compare.Same(functions) {
		t.Errorf("not the same after all changes: %v %v", functions, err)
	}
}
