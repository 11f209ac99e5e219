package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// mix is an iptables-save dump of n rules like those of large hosts: networks and ports in user chains of 50 rules, with port
// lists of which the same 40 come again and again. It is the same for the same n.
func mix(n int) string {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	var lists [40]string
	for i := range lists {
		var ports []string
		for range 3 + r.IntN(8) {
			ports = append(ports, fmt.Sprint(1+r.IntN(60000)))
		}
		lists[i] = strings.Join(ports, ",")
	}
	network := func() string {
		return fmt.Sprintf("%d.%d.%d.%d/%d", 1+r.IntN(220), r.IntN(256), r.IntN(256), r.IntN(256), 16+r.IntN(17))
	}
	port := func() int { return 1 + r.IntN(60000) }
	chains := n/50 + 1
	var b strings.Builder
	b.WriteString("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")
	for i := range chains {
		fmt.Fprintf(&b, ":c%d - [0:0]\n", i)
	}
	for i := range n {
		chain := i / 50
		fmt.Fprintf(&b, "-A c%d ", chain)
		switch k := r.IntN(100); {
		case i%50 == 49 && chain+1 < chains: // one chain leads to the next only now and then: the kernel follows 16 levels
			if chain%10 == 9 {
				fmt.Fprintf(&b, "-s %s -j RETURN", network())
			} else {
				fmt.Fprintf(&b, "-s %s -j c%d", network(), chain+1)
			}
		case k < 35:
			fmt.Fprintf(&b, "-s %s -d %s -p tcp -m tcp --dport %d -j ACCEPT", network(), network(), port())
		case k < 50:
			fmt.Fprintf(&b, "-s %s -p udp -m udp --dport %d -j DROP", network(), port())
		case k < 60:
			from := port()
			fmt.Fprintf(&b, "-s %s -p tcp -m tcp --dport %d:%d -j ACCEPT", network(), from, from+1+r.IntN(5000))
		case k < 70:
			fmt.Fprintf(&b, "-i eth%d -d %s -j DROP", r.IntN(8), network())
		case k < 80:
			fmt.Fprintf(&b, "-s %s -p tcp -m multiport --dports %s -j ACCEPT", network(), lists[r.IntN(len(lists))])
		case k < 87:
			fmt.Fprintf(&b, "-s %s -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT", network())
		case k < 92:
			fmt.Fprintf(&b, "-s %s -p icmp -m icmp --icmp-type 8 -j ACCEPT", network())
		default:
			fmt.Fprintf(&b, "-s %s -p tcp -m tcp --dport %d -m comment --comment \"rule %d of the mix\" -j ACCEPT", network(), port(), i)
		}
		b.WriteByte('\n')
	}
	for i := 0; i < chains; i += 10 {
		fmt.Fprintf(&b, "-A INPUT -s %s -j c%d\n", network(), i)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}
