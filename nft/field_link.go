package nft

import "rechain/nft/bytecode"

// protoEther is IEEE 802.3.
var protoEther = &protocol{name: "ether", base: bytecode.LinkHeader, id: 17, key: "type", length: 112, fields: []field{
	{name: "daddr", off: 0, bits: 48, typ: TypeEtherAddr},
	{name: "saddr", off: 48, bits: 48, typ: TypeEtherAddr},
	{name: "type", off: 96, bits: 16, typ: TypeEtherType},
}}

// protoVLAN is IEEE 802.1Q.
var protoVLAN = &protocol{name: "vlan", base: bytecode.LinkHeader, id: 16, key: "type", length: 32, fields: []field{
	{name: "pcp", off: 0, bits: 3, typ: TypeInteger},
	{name: "dei", off: 3, bits: 1, typ: TypeInteger},
	{name: "cfi", off: 3, bits: 1, typ: TypeInteger},
	{name: "id", off: 4, bits: 12, typ: TypeInteger},
	{name: "type", off: 16, bits: 16, typ: TypeEtherType},
}}

// protoARP is RFC 826 for IPv4 over Ethernet.
var protoARP = &protocol{name: "arp", base: bytecode.NetworkHeader, id: 15, fields: []field{
	{name: "htype", off: 0, bits: 16, typ: TypeInteger},
	{name: "ptype", off: 16, bits: 16, typ: TypeEtherType},
	{name: "hlen", off: 32, bits: 8, typ: TypeInteger},
	{name: "plen", off: 40, bits: 8, typ: TypeInteger},
	{name: "operation", off: 48, bits: 16, typ: TypeArpOp},
	{name: "saddr ether", off: 64, bits: 48, typ: TypeEtherAddr},
	{name: "saddr ip", off: 112, bits: 32, typ: TypeIPAddr},
	{name: "daddr ether", off: 144, bits: 48, typ: TypeEtherAddr},
	{name: "daddr ip", off: 192, bits: 32, typ: TypeIPAddr},
}}
