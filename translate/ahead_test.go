package translate

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"rechain/nft"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// TestAhead: a large table is translated alike whether one processor does it or several, with chains that need others, sets or have
// problems among those that stand alone.
func TestAhead(t *testing.T) {
	dump := func(network string) string {
		var b strings.Builder
		b.WriteString("*filter\n")
		for i := range 100 {
			fmt.Fprintf(&b, ":c%d - [0:0]\n:c%d-1 - [0:0]\n", i, i)
		}
		for i := range 100 {
			for k := range 50 {
				fmt.Fprintf(&b, "-A c%d -s %s -p tcp -m multiport --dports %d,%d -j ACCEPT\n", i, network, 1+k%7, 100+k)
			}
			switch i % 10 {
			case 3:
				fmt.Fprintf(&b, "-A c%d -p tcp -m owner ! --uid-owner %d -j RETURN\n-A c%d -j DROP\n", i, i, i)
			case 5:
				fmt.Fprintf(&b, "-A c%d -m recent --name r%d --set\n", i, i%20)
			case 7:
				fmt.Fprintf(&b, "-A c%d -m statistic --mode random --probability 0.1 -m osf --genre Linux --ttl 0\n", i)
			}
		}
		b.WriteString("COMMIT\n")
		return b.String()
	}
	read := func(text string, f iptables.Family) *iptables.Ruleset {
		rs, err := iptables.ParseText(text, "dump", f, ext.Vocabulary)
		if err != nil {
			t.Log(err)
		}
		return rs
	}
	v4, v6 := read(dump("10.0.0.0/9"), iptables.IPv4), read(dump("fe80::/10"), iptables.IPv6)
	text := func(processors int, v4, v6 *iptables.Ruleset) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		rs, report := Ruleset(v4, v6, Options{AllowLossy: true, SkipRefused: true})
		var b strings.Builder
		for _, p := range report.Problems {
			fmt.Fprintln(&b, p)
		}
		fmt.Fprintln(&b, report.Headers, len(report.Skipped))
		if err := nft.WriteText(&b, rs, nft.TextOptions{}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, sets := range [][2]*iptables.Ruleset{{v4, nil}, {nil, v6}, {v4, v6}} {
		if one := text(1, sets[0], sets[1]); one != text(4, sets[0], sets[1]) {
			t.Error("they differ")
		} else if !strings.Contains(one, "chain c3-2 ") || strings.Count(one, "\n") < 5000 {
			t.Error("too little:", one[:min(len(one), 2000)])
		}
	}
}
