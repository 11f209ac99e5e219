package ext

import (
	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_tcpudp.c, icmp_match. Type 255 is any.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "icmp",
		Families:  []iptables.Family{iptables.IPv4},
		Protocols: []uint8{1},
		Options:   []*iptables.OptionSpec{{Name: "--icmp-type", Kind: icmpKind(icmpNames), Neg: true, Required: true}},
		Canonical: func(_ *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			for i, o := range options {
				if o.Value.(icmpType).Type == 255 {
					options[i].Value = icmpType{Type: 255, Any: true}
				}
			}
			return options
		},
		Listing: listICMP("icmp", "--icmp-type"),
	},
	Header: Header{Size: 8},
	Lower: func(c *Context, m *iptables.Match) Cond {
		return negated(ofType(m.Options[0].Value.(icmpType), nft.TypeICMPType, nft.TypeICMPCode), m.Options[0].Neg)
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		return append(append(packet.All{}, firstFragment...), packet.Negate(icmpMeaning(m.Options[0].Value.(icmpType)), m.Options[0].Neg))
	},
})

// icmpNames are iptables' names (libxt_icmp.h), after RFC 792, RFC 1122 and RFC 1812.
var icmpNames = map[string]icmpType{
	"any":                        {Type: 255, Any: true},
	"echo-reply":                 {Type: 0},
	"pong":                       {Type: 0},
	"destination-unreachable":    {Type: 3},
	"network-unreachable":        {Type: 3, Code: 0, HasCode: true},
	"host-unreachable":           {Type: 3, Code: 1, HasCode: true},
	"protocol-unreachable":       {Type: 3, Code: 2, HasCode: true},
	"port-unreachable":           {Type: 3, Code: 3, HasCode: true},
	"fragmentation-needed":       {Type: 3, Code: 4, HasCode: true},
	"source-route-failed":        {Type: 3, Code: 5, HasCode: true},
	"network-unknown":            {Type: 3, Code: 6, HasCode: true},
	"host-unknown":               {Type: 3, Code: 7, HasCode: true},
	"network-prohibited":         {Type: 3, Code: 9, HasCode: true},
	"host-prohibited":            {Type: 3, Code: 10, HasCode: true},
	"tos-network-unreachable":    {Type: 3, Code: 11, HasCode: true},
	"tos-host-unreachable":       {Type: 3, Code: 12, HasCode: true},
	"communication-prohibited":   {Type: 3, Code: 13, HasCode: true},
	"host-precedence-violation":  {Type: 3, Code: 14, HasCode: true},
	"precedence-cutoff":          {Type: 3, Code: 15, HasCode: true},
	"source-quench":              {Type: 4},
	"redirect":                   {Type: 5},
	"network-redirect":           {Type: 5, Code: 0, HasCode: true},
	"host-redirect":              {Type: 5, Code: 1, HasCode: true},
	"tos-network-redirect":       {Type: 5, Code: 2, HasCode: true},
	"tos-host-redirect":          {Type: 5, Code: 3, HasCode: true},
	"echo-request":               {Type: 8},
	"ping":                       {Type: 8},
	"router-advertisement":       {Type: 9},
	"router-solicitation":        {Type: 10},
	"time-exceeded":              {Type: 11},
	"ttl-exceeded":               {Type: 11},
	"ttl-zero-during-transit":    {Type: 11, Code: 0, HasCode: true},
	"ttl-zero-during-reassembly": {Type: 11, Code: 1, HasCode: true},
	"parameter-problem":          {Type: 12},
	"ip-header-bad":              {Type: 12, Code: 0, HasCode: true},
	"required-option-missing":    {Type: 12, Code: 1, HasCode: true},
	"timestamp-request":          {Type: 13},
	"timestamp-reply":            {Type: 14},
	"address-mask-request":       {Type: 17},
	"address-mask-reply":         {Type: 18},
}
