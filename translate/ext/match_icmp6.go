package ext

import (
	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// ip6_tables.c (now xt_tcpudp.c), icmp6_match.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "icmp6",
		Families:  []iptables.Family{iptables.IPv6},
		Protocols: []uint8{58},
		Options:   []*iptables.OptionSpec{{Name: "--icmpv6-type", Kind: icmpKind(icmp6Names), Neg: true, Required: true}},
		Listing:   listICMP("ipv6-icmp", "--icmpv6-type"),
	},
	Header: Header{Size: 8},
	Lower: func(c *Context, m *iptables.Match) Cond {
		return negated(ofType(m.Options[0].Value.(icmpType), nft.TypeICMP6Type, nft.TypeICMPv6Code), m.Options[0].Neg)
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		return append(append(packet.All{}, firstFragment...), packet.Negate(icmpMeaning(m.Options[0].Value.(icmpType)), m.Options[0].Neg))
	},
})

// icmp6Names are iptables' names (libxt_icmp.h), after RFC 4443, RFC 4861 and RFC 2710.
var icmp6Names = map[string]icmpType{
	"destination-unreachable":    {Type: 1},
	"no-route":                   {Type: 1, Code: 0, HasCode: true},
	"communication-prohibited":   {Type: 1, Code: 1, HasCode: true},
	"beyond-scope":               {Type: 1, Code: 2, HasCode: true},
	"address-unreachable":        {Type: 1, Code: 3, HasCode: true},
	"port-unreachable":           {Type: 1, Code: 4, HasCode: true},
	"failed-policy":              {Type: 1, Code: 5, HasCode: true},
	"reject-route":               {Type: 1, Code: 6, HasCode: true},
	"packet-too-big":             {Type: 2},
	"time-exceeded":              {Type: 3},
	"ttl-exceeded":               {Type: 3},
	"ttl-zero-during-transit":    {Type: 3, Code: 0, HasCode: true},
	"ttl-zero-during-reassembly": {Type: 3, Code: 1, HasCode: true},
	"parameter-problem":          {Type: 4},
	"bad-header":                 {Type: 4, Code: 0, HasCode: true},
	"unknown-header-type":        {Type: 4, Code: 1, HasCode: true},
	"unknown-option":             {Type: 4, Code: 2, HasCode: true},
	"echo-request":               {Type: 128},
	"ping":                       {Type: 128},
	"echo-reply":                 {Type: 129},
	"pong":                       {Type: 129},
	"mld-listener-query":         {Type: 130},
	"mld-listener-report":        {Type: 131},
	"mld-listener-done":          {Type: 132},
	"mld-listener-reduction":     {Type: 132},
	"router-solicitation":        {Type: 133},
	"router-advertisement":       {Type: 134},
	"neighbor-solicitation":      {Type: 135},
	"neighbour-solicitation":     {Type: 135},
	"neighbor-advertisement":     {Type: 136},
	"neighbour-advertisement":    {Type: 136},
	"redirect":                   {Type: 137},
}
