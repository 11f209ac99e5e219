package nft

import "rechain/nft/bytecode"

// protoTCP is RFC 9293; the flags are the classic eight, so that the reserved bits are four.
var protoTCP = &protocol{name: "tcp", base: bytecode.TransportHeader, id: 8, fields: []field{
	{name: "sport", off: 0, bits: 16, typ: TypeInetService},
	{name: "dport", off: 16, bits: 16, typ: TypeInetService},
	{name: "sequence", off: 32, bits: 32, typ: TypeInteger},
	{name: "ackseq", off: 64, bits: 32, typ: TypeInteger},
	{name: "doff", off: 96, bits: 4, typ: TypeInteger},
	{name: "reserved", off: 100, bits: 4, typ: TypeInteger},
	{name: "flags", off: 104, bits: 8, typ: TypeTCPFlag},
	{name: "window", off: 112, bits: 16, typ: TypeInteger},
	{name: "checksum", off: 128, bits: 16, typ: TypeInteger},
	{name: "urgptr", off: 144, bits: 16, typ: TypeInteger},
}}

// protoUDP is RFC 768.
var protoUDP = &protocol{name: "udp", base: bytecode.TransportHeader, id: 6, fields: []field{
	{name: "sport", off: 0, bits: 16, typ: TypeInetService},
	{name: "dport", off: 16, bits: 16, typ: TypeInetService},
	{name: "length", off: 32, bits: 16, typ: TypeInteger},
	{name: "checksum", off: 48, bits: 16, typ: TypeInteger},
}}

// protoUDPLite is RFC 3828.
var protoUDPLite = &protocol{name: "udplite", base: bytecode.TransportHeader, id: 7, fields: []field{
	{name: "sport", off: 0, bits: 16, typ: TypeInetService},
	{name: "dport", off: 16, bits: 16, typ: TypeInetService},
	{name: "csumcov", off: 32, bits: 16, typ: TypeInteger},
	{name: "checksum", off: 48, bits: 16, typ: TypeInteger},
}}

// protoSCTP is RFC 9260.
var protoSCTP = &protocol{name: "sctp", base: bytecode.TransportHeader, id: 10, fields: []field{
	{name: "sport", off: 0, bits: 16, typ: TypeInetService},
	{name: "dport", off: 16, bits: 16, typ: TypeInetService},
	{name: "vtag", off: 32, bits: 32, typ: TypeInteger},
	{name: "checksum", off: 64, bits: 32, typ: TypeInteger},
}}

// protoDCCP is RFC 4340.
var protoDCCP = &protocol{name: "dccp", base: bytecode.TransportHeader, id: 9, fields: []field{
	{name: "sport", off: 0, bits: 16, typ: TypeInetService},
	{name: "dport", off: 16, bits: 16, typ: TypeInetService},
	{name: "type", off: 67, bits: 4, typ: TypeDCCPType},
}}

// protoAH is RFC 4302.
var protoAH = &protocol{name: "ah", base: bytecode.TransportHeader, id: 1, key: "nexthdr", fields: []field{
	{name: "nexthdr", off: 0, bits: 8, typ: TypeInetProto},
	{name: "hdrlength", off: 8, bits: 8, typ: TypeInteger},
	{name: "reserved", off: 16, bits: 16, typ: TypeInteger},
	{name: "spi", off: 32, bits: 32, typ: TypeInteger},
	{name: "sequence", off: 64, bits: 32, typ: TypeInteger},
}}

// protoESP is RFC 4303.
var protoESP = &protocol{name: "esp", base: bytecode.TransportHeader, id: 2, fields: []field{
	{name: "spi", off: 0, bits: 32, typ: TypeInteger},
	{name: "sequence", off: 32, bits: 32, typ: TypeInteger},
}}

// protoComp is RFC 3173.
var protoComp = &protocol{name: "comp", base: bytecode.TransportHeader, id: 3, key: "nexthdr", fields: []field{
	{name: "nexthdr", off: 0, bits: 8, typ: TypeInetProto},
	{name: "flags", off: 8, bits: 8, typ: TypeBitmask},
	{name: "cpi", off: 16, bits: 16, typ: TypeInteger},
}}

// protoTH is what the headers with ports have in common, for rules that do not say which it is.
var protoTH = &protocol{name: "th", base: bytecode.TransportHeader, id: 11, fields: []field{
	{name: "sport", off: 0, bits: 16, typ: TypeInetService},
	{name: "dport", off: 16, bits: 16, typ: TypeInetService},
}}
