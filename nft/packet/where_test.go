package packet

import "testing"

// TestParseWhere reads conditions, and asks them of packets.
func TestParseWhere(t *testing.T) {
	for _, c := range []struct {
		where, line string
		want        bool
	}{
		{"dport=22", "tcp 10.0.0.2:4000 > 10.0.0.1:22", true},
		{"dport=22", "tcp 10.0.0.2:4000 > 10.0.0.1:23", false},
		{"dport!=22", "tcp 10.0.0.2:4000 > 10.0.0.1:23", true},
		{"dport=20-22,80", "udp 10.0.0.2:4000 > 10.0.0.1:80", true},
		{"dport=22 src=10.0.0.0/8", "tcp 11.0.0.2:4000 > 10.0.0.1:22", false},
		{"src=10.0.0.1-10.0.0.3 dst!=10.0.0.1", "tcp 10.0.0.2:4000 > 10.0.0.5:22", true},
		{"iif=eth+", "tcp 10.0.0.2:4000 > 10.0.0.1:22 iif=eth7", true},
		{"iif=eth+,lo", "tcp 10.0.0.2:4000 > 10.0.0.1:22 iif=wlan0", false},
		{"iif=none", "out tcp 10.0.0.2:4000 > 10.0.0.1:22 oif=eth0", true},
		{"ct=new proto=tcp", "tcp 10.0.0.2:4000 > 10.0.0.1:22 ct=new", true},
		{"ct=established,related", "tcp 10.0.0.2:4000 > 10.0.0.1:22 ct=new", false},
		{"uid=0-999", "out tcp 10.0.0.2:4000 > 10.0.0.1:22 uid=7", true},
		{"uid!=7", "out tcp 10.0.0.2:4000 > 10.0.0.1:22 uid=none", true},
		{"src=::/0,10.0.0.0/8", "tcp 10.0.0.2:4000 > 10.0.0.1:22", true},
	} {
		line, err := ParseLine(c.line)
		if err != nil {
			t.Fatal(err)
		}
		where, ok, err := ParseWhere(c.where, line.IPv6)
		if err != nil || !ok {
			t.Errorf("%s: %v %v", c.where, ok, err)
			continue
		}
		if got := Holds(where, line.Packet); got != c.want {
			t.Errorf("%s of %s: %v", c.where, c.line, got)
		}
	}
	for _, where := range []string{"src=2001:db8::/32", "ip6-saddr=::1"} {
		if _, ok, err := ParseWhere(where, false); ok || err != nil {
			t.Errorf("%s: an IPv4 packet may be meant; %v", where, err)
		}
	}
	for _, wrong := range []string{"dport", "port=3", "dport=", "dport=70000", "dport=5-3", "src=10.0.0.0/33", "src=1.2.3.4-::1", "iif=averyveryverylongname", "ct=odd", "dport=\"2"} {
		if _, _, err := ParseWhere(wrong, false); err == nil {
			t.Errorf("%s: no error", wrong)
		}
	}
}
