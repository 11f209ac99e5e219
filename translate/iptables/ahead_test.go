package iptables

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestAhead: a long text says the same whether one processor reads it or several.
func TestAhead(t *testing.T) {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, table := range []string{"filter", "nat", "mangle", "nat"} { // nat comes twice, which is a problem
		line("  *%s", table)
		line(":C - [0:0]")
		for i := range 3000 {
			line("-A C -s 10.0.%d.%d -p tcp -m tcp --dport %d -j ACCEPT", i/256, i%256, 1+i)
			switch i % 1000 {
			case 1:
				line("\t[1:%d] -A C -d 1.2.3.4,5.6.7.8 ", i)
			case 2:
				line("-A C -j DROP") // not in nat
			case 3:
				line("-A C -m nothing -j ACCEPT")
			case 4:
				line("# -A C * a remark\n\n")
			case 5:
				line("*raw %s", strings.Repeat("x", maxLine)) // too long to be read, so that the table stays
			case 6:
				line("-I C 3 -s 1.1.1.1\n-D C 5")
			case 7:
				line("-A NOWHERE -j ACCEPT")
			case 8:
				line("-A C -s 9.9.9.9 -j MISSING\n-6 -A C -s ::1\n-A C -m comment --comment \"not \\\"closed")
			}
		}
		line("COMMIT")
		line("-A C -j ACCEPT")
	}
	b.WriteString("*raw\n-A PREROUTING -s 1.2.3.4\nCOMMIT") // no end of line
	if len(pieces(b.String())) < 4 {
		t.Fatal("the text is too short")
	}
	read := func(processors int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		rs, err := ParseText(b.String(), "f", IPv4, testVocab)
		var problems Problems
		if !errors.As(err, &problems) {
			t.Fatal(err)
		}
		var out strings.Builder
		for _, table := range rs.Tables {
			for _, c := range table.Chains {
				for _, r := range c.Rules {
					fmt.Fprintln(&out, table.Name, c.Name, r.Pos, r, r.Words(), r.Counters, r.Problems)
				}
			}
		}
		return out.String() + err.Error()
	}
	if one, several := read(1), read(4); one != several {
		t.Error("they differ")
	}
}
