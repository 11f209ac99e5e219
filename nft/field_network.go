package nft

import "rechain/nft/bytecode"

// protoIP is RFC 791.
var protoIP = &protocol{name: "ip", base: bytecode.NetworkHeader, id: 12, fields: []field{
	{name: "version", off: 0, bits: 4, typ: TypeInteger},
	{name: "hdrlength", off: 4, bits: 4, typ: TypeInteger},
	{name: "dscp", off: 8, bits: 6, typ: TypeDSCP},
	{name: "ecn", off: 14, bits: 2, typ: TypeECN},
	{name: "length", off: 16, bits: 16, typ: TypeInteger},
	{name: "id", off: 32, bits: 16, typ: TypeInteger},
	{name: "frag-off", off: 48, bits: 16, typ: TypeInteger},
	{name: "ttl", off: 64, bits: 8, typ: TypeInteger},
	{name: "protocol", off: 72, bits: 8, typ: TypeInetProto},
	{name: "checksum", off: 80, bits: 16, typ: TypeInteger},
	{name: "saddr", off: 96, bits: 32, typ: TypeIPAddr},
	{name: "daddr", off: 128, bits: 32, typ: TypeIPAddr},
}}

// protoIP6 is RFC 8200.
var protoIP6 = &protocol{name: "ip6", base: bytecode.NetworkHeader, id: 13, fields: []field{
	{name: "version", off: 0, bits: 4, typ: TypeInteger},
	{name: "dscp", off: 4, bits: 6, typ: TypeDSCP},
	{name: "ecn", off: 10, bits: 2, typ: TypeECN},
	{name: "flowlabel", off: 12, bits: 20, typ: TypeInteger},
	{name: "length", off: 32, bits: 16, typ: TypeInteger},
	{name: "nexthdr", off: 48, bits: 8, typ: TypeInetProto},
	{name: "hoplimit", off: 56, bits: 8, typ: TypeInteger},
	{name: "saddr", off: 64, bits: 128, typ: TypeIP6Addr},
	{name: "daddr", off: 192, bits: 128, typ: TypeIP6Addr},
}}

// protoICMP is RFC 792.
var protoICMP = &protocol{name: "icmp", base: bytecode.TransportHeader, id: 4, key: "type", fields: []field{
	{name: "type", off: 0, bits: 8, typ: TypeICMPType},
	{name: "code", off: 8, bits: 8, typ: TypeICMPCode},
	{name: "checksum", off: 16, bits: 16, typ: TypeInteger},
	{name: "id", off: 32, bits: 16, typ: TypeInteger, icmp: icmpEcho},
	{name: "sequence", off: 48, bits: 16, typ: TypeInteger, icmp: icmpEcho},
	{name: "gateway", off: 32, bits: 32, typ: TypeInteger, icmp: icmpRedirect},
	{name: "mtu", off: 48, bits: 16, typ: TypeInteger, icmp: icmpMTU},
}}

// protoICMPv6 is RFC 4443; max-delay is RFC 2710.
var protoICMPv6 = &protocol{name: "icmpv6", base: bytecode.TransportHeader, id: 14, key: "type", fields: []field{
	{name: "type", off: 0, bits: 8, typ: TypeICMP6Type},
	{name: "code", off: 8, bits: 8, typ: TypeICMPv6Code},
	{name: "checksum", off: 16, bits: 16, typ: TypeInteger},
	{name: "parameter-problem", off: 32, bits: 32, typ: TypeInteger, icmp: icmp6Pointer},
	{name: "mtu", off: 32, bits: 32, typ: TypeInteger, icmp: icmp6MTU},
	{name: "id", off: 32, bits: 16, typ: TypeInteger, icmp: icmp6Echo},
	{name: "sequence", off: 48, bits: 16, typ: TypeInteger, icmp: icmp6Echo},
	{name: "max-delay", off: 32, bits: 16, typ: TypeInteger, icmp: icmp6Query},
}}

// protoIGMP is RFC 2236.
var protoIGMP = &protocol{name: "igmp", base: bytecode.TransportHeader, id: 5, fields: []field{
	{name: "type", off: 0, bits: 8, typ: TypeIGMPType},
	{name: "checksum", off: 16, bits: 16, typ: TypeInteger},
	{name: "mrt", off: 8, bits: 8, typ: TypeInteger},
	{name: "group", off: 32, bits: 32, typ: TypeInteger},
}}
