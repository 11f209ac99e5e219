package nft

import "rechain/nft/bytecode"

// The tables of protocol headers, as nft names them (nft(8), "PAYLOAD EXPRESSIONS"). Offsets and lengths are in bits, as raw
// payload expressions print them, and come from the RFC that a table names.

// field is one field of a header.
type field struct {
	name string
	off  uint32
	bits uint32
	typ  Datatype
	icmp icmpKind
}

// icmpKind says that a field only exists in some ICMP messages: the rest of the header means something else in each.
type icmpKind uint8

const (
	icmpAny icmpKind = iota
	icmpEcho
	icmpMTU
	icmpRedirect
	icmp6MTU
	icmp6Pointer
	icmp6Echo
	icmp6Query
)

// icmpTypes is the message type that has a field; an echo reply shares the fields of the request (RFC 792, RFC 4443, RFC 2710).
var icmpTypes = map[icmpKind]uint8{
	icmpEcho: 8, icmpMTU: 3, icmpRedirect: 5,
	icmp6MTU: 2, icmp6Pointer: 4, icmp6Echo: 128, icmp6Query: 130,
}

// protocol is a header. The place of a field in fields, counted from one, is the number that nft's "typeof" notes use for it.
type protocol struct {
	name   string
	base   bytecode.PayloadBase
	id     uint32 // nft's number in "typeof" notes (enum proto_desc_id); 0 none
	key    string // the field that tells the next protocol
	length uint32 // of a link header that another may follow, in bits
	fields []field
}

// find returns the field at an offset with a length.
func (p *protocol) find(off, bits uint32, icmpType uint8) *field {
	for i := range p.fields {
		if f := &p.fields[i]; f.off == off && f.bits == bits && f.fits(icmpType) {
			return f
		}
	}
	return nil
}

// fits reports whether a field exists in an ICMP message; type 0 is not known.
func (f *field) fits(icmpType uint8) bool {
	return f.icmp == icmpAny || icmpType == 0 || icmpTypes[f.icmp] == icmpType
}

// isKey reports whether a field tells the protocol above. IP's is one although nft prefers "meta l4proto", which also looks
// behind IPv6 extension headers.
func (p *protocol) isKey(f *field) bool {
	return f != nil && (f.name == p.key || p == protoIP && f.name == "protocol" || p == protoIP6 && f.name == "nexthdr")
}

// The pseudo protocols below stand where the real one is not known: an inet or netdev packet's link layer, and the protocols
// above IP whichever IP it is. None has fields.
var (
	protoInet        = &protocol{name: "inet", base: bytecode.LinkHeader}
	protoNetdev      = &protocol{name: "netdev", base: bytecode.LinkHeader}
	protoInetService = &protocol{name: "inet-service", base: bytecode.TransportHeader}
	protoUnknown     = &protocol{name: "unknown"}
)

// upper returns the protocol that a key value selects above p; nil if there is none.
func (p *protocol) upper(num uint32) *protocol {
	switch p {
	case protoInet:
		return map[uint32]*protocol{uint32(IPv4): protoIP, uint32(IPv6): protoIP6}[num]
	case protoNetdev, protoEther, protoVLAN:
		return linkUpper[num]
	case protoIP, protoIP6, protoInetService:
		return ipUpper[num]
	case protoAH, protoComp:
		if ipUpper[num] != protoICMP && ipUpper[num] != protoIGMP && ipUpper[num] != protoICMPv6 {
			return ipUpper[num]
		}
	}
	return nil
}

// linkUpper is by Ethernet type (IEEE 802 numbers, linux/if_ether.h).
var linkUpper = map[uint32]*protocol{
	0x0800: protoIP, 0x0806: protoARP, 0x86dd: protoIP6, 0x8100: protoVLAN, 0x88a8: protoVLAN,
}

// ipUpper is by protocol number (IANA protocol numbers).
var ipUpper = map[uint32]*protocol{
	1: protoICMP, 2: protoIGMP, 6: protoTCP, 17: protoUDP, 33: protoDCCP, 50: protoESP, 51: protoAH, 58: protoICMPv6,
	108: protoComp, 132: protoSCTP, 136: protoUDPLite,
}

// notedProtocols are those that "typeof" notes name.
var notedProtocols = []*protocol{protoAH, protoESP, protoComp, protoICMP, protoIGMP, protoUDP, protoUDPLite, protoTCP, protoDCCP,
	protoSCTP, protoTH, protoIP, protoIP6, protoICMPv6, protoARP, protoVLAN, protoEther}

// protocolByID finds the protocol of a "typeof" note.
func protocolByID(id uint32) *protocol {
	for _, p := range notedProtocols {
		if p.id == id {
			return p
		}
	}
	return nil
}
