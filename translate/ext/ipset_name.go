package ext

import (
	"strings"

	"rechain/nft"
)

// namedSet returns the table's set that is named after an ipset, which make builds when a rule asks for it first. An ipset that is
// parted has several, with suffixes.
func (c *Context) namedSet(name, suffix string, make func() *nft.Set) *nft.Set {
	return c.setNamed("ipset"+suffix, name, nftName(name+suffix), make)
}

// nftName is a name that nft reads as one: it must begin with a letter, and be none of the words of its own (nft 1.0.9,
// src/scanner.l) that ipsets are called by.
func nftName(name string) string {
	first := name[0] | 0x20
	if first < 'a' || first > 'z' || nftWords[name] {
		return "set-" + name
	}
	return name
}

var nftWords = func() map[string]bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq(`accept add address ah all arp audit auto-merge bridge burst bypass chain chains checksum class
		code comment constant continue counter counters cpu create ct daddr day dccp debug delete describe destroy device devices
		dnat drop dscp dup dynamic ecn element elements eq ether ethertype export fanout fib flags flow flowtable flush frag
		fwd ge goto gt hash hbh helper hook host hour ibrname icmp icmpv6 id igmp iif iifgroup iifname iiftype import in index inet
		ingress insert interval ip ip6 jhash jump l4proto last le length level limit list log lt mac mark masquerade maps meta
		meter meters mh monitor nat ne netdev notrack obrname offset oif oifgroup oifname oiftype osf over packets performance
		permanent persistent pkttype policy position postrouting prefix prerouting priority proto protocol queue quota quotas random
		redirect reject rename replace reset return rt rule rules ruleset saddr sctp secmark set sets size skgid skuid snat socket
		sport dport state statefull status symhash synproxy table tables tcp time timeout to total tproxy type typeof udp udplite
		until update version vlan vmap xml xor zone`) {
		words[w] = true
	}
	return words
}()
