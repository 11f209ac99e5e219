//go:build linux

package translate

import (
	"slices"
	"strings"
	"testing"

	"rechain/nft/kernel/testlab"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// connections wants the same connections on both sides, with the same helpers and zones, where rules say what they are to have.
func (j *judges) connections(t *testing.T, f *findings, sets [2]*iptables.Ruleset) {
	t.Helper()
	for _, rs := range sets {
		if rs == nil || rs.Table("raw") == nil || !slices.ContainsFunc(rs.Table("raw").Chains, func(ch *iptables.Chain) bool {
			return slices.ContainsFunc(ch.Rules, ext.Tracks)
		}) {
			continue
		}
		testlab.Programs(t, "conntrack")
		want, got := j.legacy.connections(t, rs.Family), j.native.connections(t, rs.Family)
		for line, n := range want {
			if got[line] != n {
				f.add("%d connections with us, %d with iptables: %s", got[line], n, line)
			}
		}
		for line, n := range got {
			if want[line] == 0 {
				f.add("%d connections with us, none with iptables: %s", n, line)
			}
		}
	}
}

// connections counts the connections that are alike in what does not change while they are there.
func (s *site) connections(t *testing.T, f iptables.Family) map[string]int {
	t.Helper()
	family := "ipv4"
	if f == iptables.IPv6 {
		family = "ipv6"
	}
	out, err := s.run("", "sh", "-c", "conntrack -L -f "+family+" 2>/dev/null") // its last words would come in between
	must(t, err)
	alike := map[string]int{}
	for line := range strings.Lines(out) {
		var kept []string
		for i, w := range strings.Fields(line) {
			name, _, _ := strings.Cut(w, "=")
			if i == 0 || slices.Contains([]string{"src", "dst", "sport", "dport", "helper", "zone", "zone-orig", "zone-reply"}, name) {
				kept = append(kept, w)
			}
		}
		if len(kept) > 4 {
			alike[strings.Join(kept, " ")]++
		}
	}
	return alike
}
