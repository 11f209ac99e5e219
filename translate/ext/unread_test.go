package ext

import (
	"strings"
	"testing"

	"rechain/translate/iptables"
)

// TestUnreadValues reads rules of which only a match's value is wrong in full but for that value.
func TestUnreadValues(t *testing.T) {
	for _, c := range []struct {
		rule   string
		values bool // whether that is all that is wrong
		prints string
	}{
		{"-s 10.0.0.1 -m mac --mac-source XX:XX -m state --state ESTABLISHED,NEW -j ACCEPT", true,
			"-s 10.0.0.1/32 -m mac --mac-source XX:XX -m state --state NEW,ESTABLISHED -j ACCEPT"},
		{"-p udp ! --dport 60000:29 --sport 5:", true, "-p udp -m udp --sport 5:65535 ! --dport 60000:29"},
		{"-m udp --dport 60000:29", false, ""},
		{"-p udp --dport 60000:29 --sport", false, ""},
		{"-p udp --dport 60000:29 -j nowhere", false, ""},
		{"-j MARK --set-mark x", false, ""},
		{"-s nonsense", false, ""},
	} {
		rs, err := iptables.Parse(strings.NewReader("*mangle\n-A INPUT "+c.rule+"\nCOMMIT\n"), "d", iptables.IPv4, Vocabulary)
		if err == nil {
			t.Errorf("%s: no problem", c.rule)
			continue
		}
		r := rs.Tables[0].Chain("INPUT").Rules[0]
		if got := r.Problems.OfValues(); got != c.values {
			t.Errorf("%s: only values: %v; %v", c.rule, got, r.Problems)
		}
		if c.values && r.String() != c.prints {
			t.Errorf("%s: prints %s", c.rule, r)
		}
	}
}
