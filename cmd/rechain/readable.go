package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"rechain/nft"
)

// readable makes a rule set of ours one whose text "nft -f" reads: it has no comment longer than nft reads, of which the rest becomes
// a remark, and no chain that is called as nft does not read chains, which get other names; talk is told.
func readable(rs *nft.Ruleset, talk io.Writer) {
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				if len(r.Comment) > commentMax {
					r.Remarks = append(r.Remarks, "comment: "+r.Comment)
					r.Comment = cut(r.Comment, commentMax)
				}
			}
		}
		for _, c := range t.Chains {
			name := readableName(c.Name, func(s string) bool { return findChain(t, s) != nil })
			if name != c.Name {
				fmt.Fprintf(talk, "%s:%d: chain %s is called %s, since nft cannot read that name\n", c.Origin.File, c.Origin.Line, c.Name, name)
				rename(t, c, name)
			}
		}
	}
}

// commentMax is NFTNL_UDATA_COMMENT_MAXLEN of libnftnl.
const commentMax = 128

// cut shortens text to n bytes, or to fewer where a character would break.
func cut(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// readableName is a name like the one given that nft's scanner takes for one: letters, digits and some signs, no digit first, and
// not one of its words.
func readableName(name string, taken func(string) bool) string {
	letter := func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '.' }
	plain := strings.Map(func(r rune) rune {
		if letter(r) || r >= '0' && r <= '9' || r == '-' || r == '/' {
			return r
		}
		return '_'
	}, name)
	if !letter(rune(plain[0])) {
		plain = "_" + plain
	}
	if slices.Contains(nftWords, plain) {
		plain += "-chain"
	}
	if plain == name {
		return name
	}
	unique := plain
	for n := 2; taken(unique); n++ {
		unique = fmt.Sprintf("%s-%d", plain, n)
	}
	return unique
}

// rename gives a chain another name, wherever a rule leads to it.
func rename(t *nft.Table, c *nft.Chain, name string) {
	for _, other := range t.Chains {
		for _, r := range other.Rules {
			for _, s := range r.Stmts {
				if v, ok := s.(*nft.Verdict); ok && v.Chain == c.Name {
					v.Chain = name
				}
			}
		}
	}
	c.Name = name
}

// nftWords are the words that nft 1.0.6 does not take for a chain's name, which its scanner knows (scanner.l), and those that later
// versions know as well.
var nftWords = strings.Fields(`
	accept add ah all and arp auto-merge bridge cgroup chain comment comp constant continue counter cpu create ct day dccp
	define delete describe destroy device devices dnat drop dst dup dynamic ecn element elements eq esp ether exists
	expires export exthdr fib flags flow flowtable flush frag fwd gc-interval ge geneve get goto gre gretap gt handle hbh
	hook hour ibriport ibrname icmp icmpv6 igmp iif iifgroup iifname iiftype import include index inet insert interval ip
	ip6 ipsec jhash jump last le limit list log lshift lt map mark masquerade meta meter mh missing monitor ne netdev
	nftrace not notrack numgen obriport obrname offload oif oifgroup oifname oiftype or osf pkttype policy position
	priority queue quota random redefine redirect reject rename replace reset return rshift rt rt0 rt2 rtclassid rule
	ruleset sctp secmark set size skgid skuid snat socket srh symhash synproxy table tcp th time timeout tproxy tunnel type
	typeof udp udplite undefine update vlan vmap vxlan xor xt
`)
