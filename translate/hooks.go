package translate

import (
	"rechain/nft"
	"rechain/nft/bytecode"
)

// anchors are the built-in chains of each table: where the kernel's tables hook in (net/ipv4/netfilter/iptable_*.c, with the
// priorities of enum nf_ip_hook_priorities), said as base chains. mangle OUTPUT routes a packet again after changing it, which is
// what nft's type "route" does.
var anchors = map[string]map[string]nft.Base{
	"raw": {
		"PREROUTING": {Type: "filter", Hook: bytecode.Prerouting, Priority: -300},
		"OUTPUT":     {Type: "filter", Hook: bytecode.Output, Priority: -300},
	},
	"mangle": {
		"PREROUTING":  {Type: "filter", Hook: bytecode.Prerouting, Priority: -150},
		"INPUT":       {Type: "filter", Hook: bytecode.Input, Priority: -150},
		"FORWARD":     {Type: "filter", Hook: bytecode.Forward, Priority: -150},
		"OUTPUT":      {Type: "route", Hook: bytecode.Output, Priority: -150},
		"POSTROUTING": {Type: "filter", Hook: bytecode.Postrouting, Priority: -150},
	},
	"nat": {
		"PREROUTING":  {Type: "nat", Hook: bytecode.Prerouting, Priority: -100},
		"INPUT":       {Type: "nat", Hook: bytecode.Input, Priority: 100},
		"OUTPUT":      {Type: "nat", Hook: bytecode.Output, Priority: -100},
		"POSTROUTING": {Type: "nat", Hook: bytecode.Postrouting, Priority: 100},
	},
	"filter": {
		"INPUT":   {Type: "filter", Hook: bytecode.Input, Priority: 0},
		"FORWARD": {Type: "filter", Hook: bytecode.Forward, Priority: 0},
		"OUTPUT":  {Type: "filter", Hook: bytecode.Output, Priority: 0},
	},
	"security": {
		"INPUT":   {Type: "filter", Hook: bytecode.Input, Priority: 50},
		"FORWARD": {Type: "filter", Hook: bytecode.Forward, Priority: 50},
		"OUTPUT":  {Type: "filter", Hook: bytecode.Output, Priority: 50},
	},
}

// base returns the base chain that a built-in chain becomes, or nil for a user chain.
func base(table, chain, policy string) *nft.Base {
	b, ok := anchors[table][chain]
	if !ok {
		return nil
	}
	b.Policy = bytecode.Accept
	if policy == "DROP" {
		b.Policy = bytecode.Drop
	}
	return &b
}
