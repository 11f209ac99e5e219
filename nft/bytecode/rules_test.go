package bytecode

import (
	"fmt"
	"testing"

	"rechain/nft/kernel/testlab"
)

// judgeSetup is what the rules below stand in and refer to.
const judgeSetup = `
table ip t {
	counter c { }
	quota q { over 1000 bytes }
	set addrs { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }
	chain to { }
	chain pre { type filter hook prerouting priority mangle; }
	chain in { type filter hook input priority filter; }
	chain forw { type filter hook forward priority filter; }
	chain out { type route hook output priority mangle; }
	chain dn { type nat hook prerouting priority dstnat; }
	chain dnout { type nat hook output priority -100; }
	chain sn { type nat hook postrouting priority srcnat; }
}
table inet t {
	ct helper ftp { type "ftp" protocol tcp; }
	counter c { }
	limit l { rate 10/second }
	map verdicts { type inet_service : verdict; elements = { 80 : accept, 443 : jump to } }
	map ports { type inet_service : inet_service; elements = { 80 : 8080 } }
	map counters { type inet_service : counter; elements = { 80 : "c" } }
	map marks { type ipv4_addr : mark; flags timeout; }
	set seen { type ipv4_addr; flags dynamic, timeout; timeout 1m; }
	set meters { type ipv4_addr; flags dynamic; }
	set ports6 { type inet_service; elements = { 1, 2 } }
	set pairs { type ipv4_addr . inet_service; }
	chain to { }
	chain pre { type filter hook prerouting priority raw; }
	chain mangle { type filter hook prerouting priority mangle; }
	chain in { type filter hook input priority filter; }
	chain forw { type filter hook forward priority filter; }
	chain out { type route hook output priority mangle; }
	chain post { type filter hook postrouting priority mangle; }
	chain dn { type nat hook prerouting priority dstnat; }
	chain sn { type nat hook postrouting priority srcnat; }
}
table ip6 t {
	chain pre { type filter hook prerouting priority mangle; }
	chain in { type filter hook input priority filter; }
	chain dn { type nat hook prerouting priority dstnat; }
	chain sn { type nat hook postrouting priority srcnat; }
}
table bridge t {
	chain pre { type filter hook prerouting priority filter; }
}
table netdev t {
	chain ing { type filter hook ingress device lo priority filter; }
}
table arp t {
	chain in { type filter hook input priority filter; }
}
`

var judgeRules = []struct{ family, chain, rule string }{
	// Loads and comparisons.
	{"inet", "in", "meta l4proto tcp accept"},
	{"inet", "in", "meta nfproto ipv6 drop"},
	{"inet", "in", "meta length 100-200"},
	{"inet", "in", "meta mark and 0xf0 == 0x10"},
	{"inet", "in", "meta mark & 0xff != 3"},
	{"inet", "in", "meta priority 1:2"},
	{"inet", "in", "iif lo"},
	{"inet", "in", "oif != lo"},
	{"inet", "in", `iifname "eth0" oifname != "eth*"`},
	{"inet", "in", "iiftype ether oiftype loopback"},
	{"inet", "in", "meta skuid 1000 meta skgid != 5-9"},
	{"inet", "in", "meta pkttype broadcast"},
	{"inet", "in", "meta cpu 1 meta iifgroup 2 meta oifgroup 3 meta cgroup 4"},
	{"inet", "in", "meta random > 1000"},
	{"inet", "in", "meta ipsec exists"},
	{"inet", "in", `meta iifkind "vlan" meta oifkind "bond"`},
	{"inet", "in", `meta time < "2030-01-01 00:00:00"`},
	{"inet", "in", `meta day "Saturday" meta hour "10:00"-"11:00"`},
	{"inet", "in", "meta sdif 1"},
	{"inet", "in", `meta sdifname "vrf0"`},
	{"inet", "in", "rtclassid 5"},
	{"inet", "pre", "meta mark set 0x1 meta priority set 1:1 meta nftrace set 1 meta pkttype set host"},
	{"inet", "pre", "meta mark set meta mark & 0xffff00ff | 0x100"},
	{"inet", "pre", "meta mark set ct mark"},
	{"bridge", "pre", `meta ibrname "br0" meta obrname "br1"`},
	{"bridge", "pre", "meta ibrpvid 2 meta ibrvproto 8021q"},
	{"bridge", "pre", "ether saddr 00:11:22:33:44:55 vlan id 7"},

	// Payload.
	{"ip", "in", "ip saddr 10.0.0.0/8 ip daddr != 192.0.2.1-192.0.2.9"},
	{"ip", "in", "ip protocol icmp ip ttl < 5 ip dscp 10 ip frag-off & 0x1fff != 0"},
	{"ip", "in", "ip saddr @addrs"},
	{"ip", "in", "ip saddr != @addrs"},
	{"ip", "in", "tcp flags & (syn | ack) == syn"},
	{"ip", "in", "tcp dport 1000-2000 tcp sport != 53"},
	{"ip", "in", "udp dport >= 1024"},
	{"ip", "in", "icmp type echo-request icmp code 0"},
	{"ip", "in", "@th,160,32 0x1 @nh,0,8 0x45 @ll,0,16 1"},
	{"ip", "in", "@ih,0,32 0x47455420"},
	{"ip6", "in", "ip6 saddr 2001:db8::/33 ip6 daddr ::1 ip6 hoplimit 255"},
	{"ip6", "in", "icmpv6 type nd-neighbor-solicit"},
	{"ip", "pre", "ip dscp set 0x10"},
	{"ip", "pre", "ip ttl set 4 tcp dport set 81"},
	{"ip", "pre", "ip saddr set 10.0.0.9 udp sport set 53"},
	{"ip", "pre", "sctp dport set 5"},
	{"ip6", "pre", "ip6 hoplimit set 3 ip6 flowlabel set 5"},
	{"arp", "in", "arp operation request arp saddr ip 10.0.0.1"},
	{"netdev", "ing", "ether type ip ip saddr 10.0.0.1 drop"},

	// Extension headers and options.
	{"ip6", "in", "exthdr frag exists frag id 5 rt type 0"},
	{"ip6", "in", "hbh nexthdr 6 dst hdrlength 1"},
	{"ip", "in", "tcp option maxseg size > 1000 tcp option sack-permitted exists"},
	{"ip", "in", "ip option lsrr exists ip option ra value 1"},
	{"ip", "in", "sctp chunk data exists sctp chunk init flags 1"},
	{"ip", "pre", "tcp option maxseg size set 1400"},
	{"ip", "out", "tcp option maxseg size set rt mtu"},
	{"ip", "pre", "reset tcp option sack-permitted"},

	// Connection tracking.
	{"inet", "in", "ct state established,related accept"},
	{"inet", "in", "ct state invalid drop"},
	{"inet", "in", "ct direction original ct status dnat"},
	{"inet", "in", "ct mark 5 ct mark & 0xff == 1"},
	{"inet", "in", `ct helper "ftp" ct expiration 30s`},
	{"inet", "in", "ct l3proto ipv4 ct protocol 6"},
	{"inet", "in", "ct original ip saddr 10.0.0.1 ct reply ip6 daddr ::1"},
	{"inet", "in", "meta l4proto tcp ct original proto-dst 80 ct reply proto-src 5"},
	{"inet", "in", "ct original packets > 5 ct bytes > 1000 ct avgpkt > 3 ct reply bytes 9"},
	{"inet", "in", "ct original protocol 17"},
	{"inet", "in", "ct zone 3 ct id 7"},
	{"inet", "in", "ct original zone 4"},
	{"inet", "in", "ct label 5"},
	{"ip", "in", "ct original saddr 10.0.0.1"},
	{"inet", "pre", "ct mark set 7 ct zone set 3"},
	{"inet", "pre", "ct original zone set 9"},
	{"inet", "pre", "ct event set new,destroy"},
	{"inet", "pre", "ct mark set meta mark and 0xff"},
	{"inet", "mangle", `ct helper set "ftp"`},
	{"inet", "pre", "notrack"},

	// Verdicts, sets and maps.
	{"ip", "in", "jump to"},
	{"ip", "in", "goto to"},
	{"ip", "in", "return"},
	{"ip", "in", "continue"},
	{"inet", "in", "tcp dport { 80, 443 } accept"},
	{"inet", "in", "tcp dport @ports6 accept"},
	{"inet", "in", "tcp dport != @ports6 drop"},
	{"inet", "in", "tcp dport vmap @verdicts"},
	{"inet", "in", "ip saddr . tcp dport @pairs"},
	{"inet", "in", "tcp dport vmap { 22 : accept, 23 : drop }"},
	{"inet", "in", "meta mark set tcp dport map { 80 : 1, 90 : 2 }"},

	// State.
	{"inet", "in", "counter"},
	{"inet", "in", "counter packets 5 bytes 600"},
	{"inet", "in", "limit rate 10/second"},
	{"inet", "in", "limit rate over 3/minute burst 9 packets drop"},
	{"inet", "in", "limit rate 10 kbytes/hour burst 1 mbytes"},
	{"inet", "in", "limit rate 7/day"},
	{"inet", "in", "limit rate 7/week"},
	{"inet", "in", "quota over 10 mbytes drop"},
	{"inet", "in", "quota 500 bytes used 20 bytes"},
	{"inet", "in", "ct count over 5 drop"},
	{"inet", "in", "ct count 7"},
	{"ip", "in", "counter name c"},
	{"ip", "in", "quota name q drop"},
	{"inet", "in", "limit name l"},
	{"inet", "in", "counter name tcp dport map @counters"},

	// Changes of sets.
	{"inet", "in", "add @seen { ip saddr }"},
	{"inet", "in", "update @seen { ip saddr timeout 30s }"},
	{"inet", "in", "delete @seen { ip daddr }"},
	{"inet", "in", "add @meters { ip saddr limit rate over 5/second burst 8 packets } drop"},
	{"inet", "in", "add @meters { ip saddr ct count over 3 }"},
	{"inet", "in", "add @meters { ip saddr counter limit rate 4/second }"},
	{"inet", "in", "update @marks { ip saddr : 0x5 }"},

	// NAT.
	{"ip", "dn", "dnat to 10.0.0.1"},
	{"ip", "dn", "tcp dport 80 dnat to 10.0.0.1:8080"},
	{"ip", "dn", "tcp dport 80 dnat to 10.0.0.1-10.0.0.9:8000-8010 random,persistent"},
	{"ip", "sn", "snat to 10.0.0.1 fully-random"},
	{"ip", "sn", "tcp dport 1 snat to 10.0.0.1-10.0.0.2:1-5"},
	{"ip", "sn", "masquerade"},
	{"ip", "sn", "tcp dport 1 masquerade to :1024-65535 random"},
	{"ip", "dn", "redirect"},
	{"ip", "dn", "tcp dport 80 redirect to :15006"},
	{"ip", "dnout", "tcp dport 80 redirect to :1-9 fully-random"},
	{"ip", "dn", "dnat to tcp dport map { 80 : 10.0.0.1 }"},
	{"ip", "dn", "dnat prefix to 10.0.0.0/24"},
	{"ip6", "dn", "tcp dport 80 dnat to [2001:db8::1]:80"},
	{"ip6", "sn", "snat to 2001:db8::1-2001:db8::5"},
	{"inet", "dn", "dnat ip to 10.0.0.1"},
	{"inet", "dn", "tcp dport 80 dnat ip6 to [::1]:81"},
	{"inet", "dn", "tcp dport 80 redirect to :81"},
	{"inet", "dn", "meta l4proto tcp redirect to :tcp dport map @ports"},
	{"inet", "sn", "meta nfproto ipv4 masquerade persistent"},

	// Sockets and proxies.
	{"ip", "pre", "tcp dport 80 tproxy to :15001 meta mark set 1 accept"},
	{"ip", "pre", "meta l4proto tcp tproxy to 127.0.0.1:15001"},
	{"ip6", "pre", "meta l4proto udp tproxy to [::1]:15001"},
	{"inet", "mangle", "meta l4proto tcp tproxy to :15001"},
	{"inet", "mangle", "meta l4proto tcp tproxy ip to 127.0.0.1:5"},
	{"inet", "mangle", "meta l4proto tcp tproxy ip6 to [::1]"},
	{"inet", "mangle", "socket transparent 1 socket mark 5 socket wildcard 0"},
	{"inet", "in", "tcp flags syn synproxy mss 1460 wscale 7 timestamp sack-perm"},
	{"inet", "in", `osf name "Linux"`},
	{"inet", "in", `osf ttl skip version "Linux:3.0"`},

	// Routing.
	{"inet", "pre", "fib saddr . iif oif missing drop"},
	{"inet", "pre", "fib daddr . mark type local"},
	{"inet", "pre", `fib daddr oifname "lo"`},
	{"inet", "pre", "fib saddr . mark . iif oif exists"},
	{"inet", "post", "rt classid 5 rt ip nexthop 10.0.0.1 rt ip6 nexthop ::1"},
	{"inet", "post", "rt mtu 1500 rt ipsec exists"},
	{"inet", "post", "ipsec out ip daddr 10.0.0.1 ipsec out reqid 5"},
	{"inet", "in", "ipsec in spnum 1 ip6 saddr ::1 ipsec in spi 9"},
	{"ip", "pre", "dup to 10.0.0.1"},
	{"ip", "pre", "dup to 10.0.0.1 device lo"},
	{"netdev", "ing", "dup to lo"},
	{"netdev", "ing", "fwd to lo"},
	{"netdev", "ing", "fwd ip to 10.0.0.1 device lo"},

	// Numbers.
	{"inet", "pre", "meta mark set numgen inc mod 4 offset 100"},
	{"inet", "pre", "meta mark set numgen random mod 4"},
	{"ip", "pre", "meta mark set jhash ip saddr . ip daddr mod 8 seed 0xdeadbeef offset 3"},
	{"ip", "pre", "meta mark set jhash ip saddr mod 8"},
	{"ip", "pre", "meta mark set symhash mod 5 offset 1"},
	{"ip", "pre", "meta mark set meta mark << 8"},
	{"ip", "pre", "meta mark set meta mark >> 3"},

	// Endings.
	{"inet", "in", `log prefix "a b: "`},
	{"inet", "in", `log prefix "x" level debug flags tcp sequence,options flags ip options flags skuid flags ether`},
	{"inet", "in", "log level audit"},
	{"inet", "in", `log prefix "y" group 5 snaplen 80 queue-threshold 7`},
	{"inet", "in", "log group 0"},
	{"inet", "in", "log flags all"},
	{"inet", "in", "reject"},
	{"inet", "in", "meta l4proto tcp reject with tcp reset"},
	{"inet", "in", "reject with icmpx admin-prohibited"},
	{"ip", "in", "reject with icmp host-prohibited"},
	{"ip6", "in", "reject with icmpv6 no-route"},
	{"inet", "in", "queue num 3"},
	{"inet", "in", "queue flags bypass,fanout to 1-4"},
	{"inet", "in", "queue to numgen inc mod 4"},
}

func TestJudgedByNft(t *testing.T) {
	testlab.Programs(t, "nft")
	testlab.Isolate(t)
	k := dial(t)
	if _, err := run("ip", "link", "set", "lo", "up"); err != nil {
		t.Log(err)
	}
	if _, err := run("nft", judgeSetup); err != nil {
		testlab.Need(t, false, fmt.Sprintf("what nft sets up here: %v", err))
	}
	for _, r := range judgeRules {
		judge(t, k, r.family, "t", r.chain, r.rule)
		if _, err := run("nft", "flush", "chain", r.family, "t", r.chain); err != nil {
			t.Fatal(err)
		}
	}
}
