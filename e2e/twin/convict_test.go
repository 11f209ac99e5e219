//go:build linux

package twin

import (
	"strings"
	"testing"
)

// wrongs are dumps, each with something that is not the same: another dump, or tables in nft's own language, as a careless
// translator would write them.
var wrongs = []struct {
	name        string
	v6          bool
	right, edit string // the dump's rules, and what of them is replaced
	by          string
	nft         string // in place of the edited dump
}{
	{name: "a rule is lost", right: "*filter\n-A FORWARD -p tcp --dport 80 -j DROP\nCOMMIT", edit: "-A FORWARD -p tcp --dport 80 -j DROP"},
	{name: "a negation is lost", right: "*filter\n-A INPUT ! -s 192.0.2.0/24 -p udp -j DROP\nCOMMIT", edit: "! "},
	{name: "a port is one too high", right: "*filter\n-A FORWARD -p tcp --dport 100:200 -j DROP\nCOMMIT", edit: "200", by: "201"},
	{name: "a range is one too short", right: "*filter\n-A OUTPUT -p udp --sport 100:200 -j DROP\nCOMMIT", edit: "100:", by: "101:"},
	{name: "a network is too large", v6: true, right: "*filter\n-A FORWARD -s 2001:db8::/64 -j DROP\nCOMMIT", edit: "/64", by: "/63"},
	{name: "an address is another", right: "*filter\n-A FORWARD -d 192.0.2.7 -j ACCEPT\n-A FORWARD -j DROP\nCOMMIT", edit: "192.0.2.7", by: "192.0.2.6"},
	{name: "another verdict", right: "*filter\n-A INPUT -p tcp --dport 22 -j REJECT\nCOMMIT", edit: "REJECT", by: "DROP"},
	{name: "another ICMP error", right: "*filter\n-A INPUT -p udp -j REJECT --reject-with icmp-host-prohibited\nCOMMIT", edit: "host", by: "net"},
	{name: "another policy", right: "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp --dport 80 -j ACCEPT\nCOMMIT", edit: "DROP", by: "ACCEPT"},
	{name: "another device", right: "*filter\n-A FORWARD -i wg+ -o eth1 -j DROP\nCOMMIT", edit: "wg+", by: "wg1"},
	{name: "another type", right: "*filter\n-A INPUT -p icmp --icmp-type 8 -j DROP\nCOMMIT", edit: "8", by: "13"},
	{name: "other flags", right: "*filter\n-A FORWARD -p tcp --tcp-flags SYN,ACK SYN -j DROP\nCOMMIT", edit: "SYN,ACK SYN", by: "SYN,ACK,URG SYN"},
	{name: "another state", right: "*filter\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -p icmp -j DROP\nCOMMIT", edit: "RELATED,", by: ""},
	{name: "invalid passes", right: "*filter\n-A INPUT -m conntrack --ctstate INVALID -j DROP\nCOMMIT", edit: "INVALID", by: "UNTRACKED"},
	{name: "another mark", right: "*mangle\n-A OUTPUT -p tcp -j MARK --set-xmark 0x1/0xff\nCOMMIT", edit: "0xff", by: "0xf"},
	{name: "another connection's mark", right: "*mangle\n-A FORWARD -p udp -j CONNMARK --set-xmark 0x10/0xffffffff\nCOMMIT", edit: "0x10/", by: "0x11/"},
	{name: "another zone", right: "*raw\n-A PREROUTING -p udp -j CT --zone 3\nCOMMIT\n*filter\n-A FORWARD -m state --state NEW\nCOMMIT", edit: "3", by: "4"},
	{name: "tracked after all", right: "*raw\n-A PREROUTING -p udp -j CT --notrack\nCOMMIT\n*filter\n-A FORWARD -m state --state NEW\nCOMMIT", edit: "-p udp -j CT --notrack", by: "-p udp -j RETURN"},
	{name: "another owner", right: "*filter\n-A OUTPUT -m owner --uid-owner 1000-2000 -j DROP\nCOMMIT", edit: "2000", by: "1999"},
	{name: "another group", right: "*filter\n-A OUTPUT -m owner --gid-owner 1337 -j ACCEPT\n-A OUTPUT -p udp -j DROP\nCOMMIT", edit: "--gid", by: "--uid"},
	{name: "another destination", right: "*nat\n-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.199.1.9:8080\nCOMMIT", edit: "8080", by: "8081"},
	{name: "another source", right: "*nat\n-A POSTROUTING -p udp -j SNAT --to-source 10.199.1.7\nCOMMIT", edit: "1.7", by: "1.8"},
	{name: "a rule that comes too late", right: "*filter\n-A FORWARD -p tcp --dport 80 -j ACCEPT\n-A FORWARD -p tcp -j DROP\nCOMMIT", edit: "-A FORWARD -p tcp --dport 80 -j ACCEPT\n-A FORWARD -p tcp -j DROP", by: "-A FORWARD -p tcp -j DROP\n-A FORWARD -p tcp --dport 80 -j ACCEPT"},
	{name: "a return is taken for an end", right: "*filter\n:A - [0:0]\n-A FORWARD -j A\n-A FORWARD -p tcp -j DROP\n-A A -p tcp --dport 80 -j RETURN\nCOMMIT", edit: "80 -j RETURN", by: "80 -j ACCEPT"},
	{name: "a jump is taken for a goto", right: "*filter\n:A - [0:0]\n-A FORWARD -p tcp -j A\n-A FORWARD -p tcp -j DROP\n-A A -p tcp --dport 80 -j ACCEPT\nCOMMIT", edit: "-p tcp -j A", by: "-p tcp -g A"},
	{name: "another TTL", right: "*mangle\n-A POSTROUTING -p udp -j TTL --ttl-set 33\nCOMMIT", edit: "33", by: "34"},
	{name: "another class", right: "*mangle\n-A POSTROUTING -p udp -j CLASSIFY --set-class 1:10\nCOMMIT", edit: "1:10", by: "1:11"},
	{name: "another NFLOG", right: "*filter\n-A FORWARD -p udp -j NFLOG --nflog-group 5 --nflog-prefix a\nCOMMIT", edit: "prefix a", by: "prefix b"},
	{name: "fragments are forgotten", right: "*filter\n-A FORWARD -f -j DROP\nCOMMIT", edit: "-f ", by: "-p 254 "},
	{name: "the other family too", right: "*filter\n-A FORWARD -p udp -j DROP\nCOMMIT",
		nft: "table inet filter { chain FORWARD { type filter hook forward priority 0; meta l4proto udp drop; }; }"},
	{name: "those without an owner are forgotten", right: "*filter\n-A OUTPUT -m owner ! --uid-owner 77 -j DROP\nCOMMIT",
		nft: "table ip filter { chain OUTPUT { type filter hook output priority 0; meta skuid != 77 drop; }; }"},
	{name: "TPROXY lets through what nobody takes", right: "*mangle\n-A PREROUTING -p udp --dport 53 -j TPROXY --on-port 5353 --on-ip 10.199.0.77 --tproxy-mark 0x1/0x1\nCOMMIT",
		nft: "table ip mangle { chain PREROUTING { type filter hook prerouting priority -150; udp dport 53 tproxy to 10.199.0.77:5354 meta mark set 1 accept; }; }"},
	{name: "no segment size is no other", right: "*filter\n-A FORWARD -p tcp -m tcp --tcp-flags SYN SYN -m tcpmss ! --mss 500:1460 -j DROP\nCOMMIT",
		nft: "table ip filter { chain FORWARD { type filter hook forward priority 0; tcp flags syn tcp option maxseg size != 500-1460 drop; }; }"},
	{name: "one hook is forgotten", right: "*mangle\n-A POSTROUTING -j MARK --set-xmark 0x5/0xffffffff\nCOMMIT",
		nft: "table ip mangle { chain POSTROUTING { type filter hook postrouting priority -150; iifname \"twin0\" meta mark set 5; }; }"},
}

// TestConvicts shows that what differs is found, and that nothing is found where nothing differs.
func TestConvicts(t *testing.T) {
	lab(t)
	for _, w := range wrongs {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			d := &dump{name: w.name, v6: w.v6, text: w.right + "\n"}
			tables, err := d.scribe(t)
			must(t, err)
			packets := tables.packets(50, 1)
			found, _, err := compare(t, tables, d.loadLegacy, d.loadLegacy, packets, tries)
			must(t, err)
			for _, f := range found {
				t.Errorf("iptables differs from itself: %s %s", f.packet, f.what)
			}
			wrong := func(s *site) error {
				_, err := s.run(w.nft, "nft", "-f", "-")
				return err
			}
			if w.nft == "" {
				other := *d
				other.text = strings.Replace(d.text, w.edit, w.by, 1)
				if other.text == d.text {
					t.Fatal("nothing is wrong here")
				}
				wrong = other.loadLegacy
			}
			found, _, err = compare(t, tables, d.loadLegacy, wrong, packets, 1)
			must(t, err)
			if len(found) == 0 {
				t.Error("goes unnoticed")
			}
		})
	}
}
