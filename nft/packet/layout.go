package packet

import "fmt"

// Header is where offsets in a packet count from.
type Header uint8

// The headers.
const (
	LinkHeader Header = iota
	NetworkHeader
	TransportHeader
)

// Part is bits of a field: Bits of them, above the Low lowest ones.
type Part struct {
	Field Field
	Low   uint8
	Bits  uint8
}

// span is where a field lies in a header, in bits.
type span struct {
	offset uint32
	field  Field
}

// layouts are headers without gaps, from bit 0 on (RFC 791, 8200, 9293, 768, 792, 4443, 4302, 4303, 3173).
var (
	etherLayout = []span{{0, EtherDst}, {48, EtherSrc}, {96, EtherTyp}}
	ipv4Layout  = []span{{0, IPv4Version}, {4, IPv4IHL}, {8, DSCP}, {14, ECN}, {16, IPv4Length}, {32, IPv4ID}, {48, FragFlags}, {51, FragOffset},
		{64, TTL}, {72, IPv4Proto}, {80, IPv4Checksum}, {96, IPv4Src}, {128, IPv4Dst}}
	ipv6Layout = []span{{0, IPv6Version}, {4, DSCP}, {10, ECN}, {12, IPv6Flow}, {32, IPv6Length}, {48, IPv6Next}, {56, TTL}, {64, IPv6Src}, {192, IPv6Dst}}
	portLayout = []span{{0, SrcPort}, {16, DstPort}}
	tcpLayout  = []span{{0, SrcPort}, {16, DstPort}, {32, TCPSeq}, {64, TCPAck}, {96, TCPDoff}, {100, TCPReserved}, {104, TCPFlags}, {112, TCPWindow},
		{128, TCPChecksum}, {144, TCPUrgent}}
	udpLayout  = []span{{0, SrcPort}, {16, DstPort}, {32, UDPLength}, {48, UDPChecksum}}
	icmpLayout = []span{{0, ICMPType}, {8, ICMPCode}}
	ahLayout   = []span{{0, AHNext}, {8, AHLength}, {16, AHReserved}, {32, AHSPI}}
	espLayout  = []span{{0, ESPSPI}}
	compLayout = []span{{0, CompNext}, {8, CompFlags}, {16, CompCPI}}
)

// transports are the headers of protocols (IANA's numbers). Those that are not here are taken to begin with ports.
var transports = map[uint8][]span{
	1: icmpLayout, 58: icmpLayout, 6: tcpLayout, 17: udpLayout, 136: udpLayout, 50: espLayout, 51: ahLayout, 108: compLayout,
}

// At cuts the bits of a header, from offset on, into the fields that cover them, the most significant first. ipv6 says which network
// header it is, and proto which transport header; 0 when that is not known. What no field names is bytes of their own.
func At(ipv6 bool, proto uint8, base Header, offset, length uint32) []Part {
	var layout []span
	raw := ""
	switch {
	case base == LinkHeader:
		layout, raw = etherLayout, "@ll"
	case base == NetworkHeader && ipv6:
		layout, raw = ipv6Layout, "@nh"
	case base == NetworkHeader:
		layout, raw = ipv4Layout, "@nh"
	default:
		raw = "@th"
		if layout = transports[proto]; layout == nil {
			layout = portLayout
		}
	}
	var parts []Part
	for length > 0 {
		s := covering(layout, raw, offset)
		end := s.offset + uint32(s.field.Bits)
		n := min(length, end-offset)
		parts = append(parts, Part{Field: s.field, Low: uint8(end - offset - n), Bits: uint8(n)})
		offset += n
		length -= n
	}
	return parts
}

// covering is the field that holds the bit at offset.
func covering(layout []span, raw string, offset uint32) span {
	for _, s := range layout {
		if s.offset <= offset && offset < s.offset+uint32(s.field.Bits) {
			return s
		}
	}
	start := offset &^ 7
	return span{start, Field{fmt.Sprintf("%s,%d,8", raw, start), 8, Hex}}
}

// Protocol numbers of headers that other fields tell of as well.
const (
	fragmentHeader = 44
	mobilityHeader = 135
)

// Extended says that an IPv6 packet has an extension header. One that is a later fragment has a fragment header, and a mobility header is
// the packet's protocol too.
func Extended(header uint8) Pred {
	has := Set(HasExtension(header))
	switch header {
	case fragmentHeader:
		return Any{has, Not{Eq(FragOffset, Value{})}}
	case mobilityHeader:
		return Any{has, Eq(L4Proto, Num(mobilityHeader))}
	}
	return has
}

// Extension cuts n bytes of an extension header into fields. The offset of a fragment is the first 13 bits behind two bytes.
func Extension(header uint8, offset, n uint32) (parts []Part) {
	for i := offset; i < offset+n; i++ {
		switch {
		case header == fragmentHeader && i == 2:
			parts = append(parts, Part{FragOffset, 5, 8})
		case header == fragmentHeader && i == 3:
			parts = append(parts, Part{FragOffset, 0, 5}, Part{ExtensionByte(header, i), 0, 3})
		default:
			parts = append(parts, Part{ExtensionByte(header, i), 0, 8})
		}
	}
	return parts
}
