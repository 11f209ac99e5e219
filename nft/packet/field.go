package packet

import "fmt"

// Field is something that a packet has a value of. Fields are compared with ==.
type Field struct {
	// Name is how people write it: "ip saddr", "tcp dport", "mark".
	Name string
	// Bits is its width, 1 to 128.
	Bits uint8
	// Show is how its values are written.
	Show Show
}

// Show is a way to write a field's values.
type Show uint8

// The ways.
const (
	Number   Show = iota
	Hex           // 0x10
	Bool          // a field of one bit that says yes or no
	Address       // IPv4 or IPv6, by the width
	Ethernet      // a hardware address
	Text          // bytes padded with NUL: names
	Protocol      // a protocol number of IP
	Flags         // TCP flags
	State         // conntrack states
	Status        // conntrack status
	Owner         // what socket there is, see [HasSocket]
)

// What the kernel knows of a packet (struct sk_buff and what hangs on it).
var (
	Iif      = Field{"iif", 128, Text} // the name; 0: no device
	Oif      = Field{"oif", 128, Text}
	IifIndex = Field{"iif index", 32, Number}
	OifIndex = Field{"oif index", 32, Number}
	IifGroup = Field{"iif group", 32, Hex}
	OifGroup = Field{"oif group", 32, Hex}
	IifType  = Field{"iif type", 16, Number}
	OifType  = Field{"oif type", 16, Number}
	Mark     = Field{"mark", 32, Hex}
	Priority = Field{"priority", 32, Hex}
	// PktType is PACKET_HOST 0, BROADCAST 1, MULTICAST 2 or OTHERHOST 3. What loops back is the one that its address says, to both engines.
	PktType  = Field{"pkttype", 3, Number}
	Length   = Field{"length", 32, Number} // of the packet from its network header on
	CPU      = Field{"cpu", 32, Number}
	Realm    = Field{"realm", 32, Hex} // of the route
	Cgroup   = Field{"cgroup", 32, Hex}
	IPsec    = Field{"ipsec", 1, Bool}     // came through a transformation (struct sec_path)
	IPsecOut = Field{"ipsec out", 1, Bool} // will go through one (struct dst_entry, xfrm)
	HasRoute = Field{"has route", 1, Bool}

	// HasSocket says which socket the packet comes from: 0 none, 1 one of the kernel, 2 one of a process (with a struct file). Only
	// the last has a UID and a GID.
	HasSocket = Field{"socket", 2, Owner}
	UID       = Field{"uid", 32, Number}
	GID       = Field{"gid", 32, Number}
)

// The socket that a packet is for, as nf_sk_lookup_slow_v4 and _v6 find it. One in the state TIME_WAIT (no sk_fullsock) has only the bit
// for transparent proxies.
var (
	SocketFound       = Field{"socket found", 1, Bool}
	SocketWaits       = Field{"socket in TIME_WAIT", 1, Bool}
	SocketTransparent = Field{"socket transparent", 1, Bool}
	SocketWildcard    = Field{"socket wildcard", 1, Bool} // bound to no address
	SocketMark        = Field{"socket mark", 32, Hex}
)

// The clock, in UTC.
var (
	Time = Field{"time", 64, Number} // nanoseconds since 1970
	Day  = Field{"day", 8, Number}   // of the week; 0 is Sunday
	Hour = Field{"hour", 32, Number} // seconds since midnight
)

// Connection tracking (struct nf_conn). Only packets in the states NEW, ESTABLISHED and RELATED have an entry.
var (
	CTState   = Field{"ct state", 7, State}    // one bit: 1 INVALID, 2 ESTABLISHED, 4 RELATED, 8 NEW, 64 UNTRACKED
	CTStatus  = Field{"ct status", 32, Status} // enum ip_conntrack_status
	CTReply   = Field{"ct reply", 1, Bool}     // the direction: 0 original, 1 reply
	CTMark    = Field{"ct mark", 32, Hex}
	CTLabel   = Field{"ct label", 128, Hex}
	CTZone    = Field{"ct zone", 16, Number}
	CTExpires = Field{"ct expiration", 32, Number} // milliseconds
	CTProto   = Field{"ct protocol", 8, Protocol}
	HasHelper = Field{"ct has helper", 1, Bool}
	CTHelper  = Field{"ct helper", 128, Text}
)

// The network header.
var (
	IPv4Src      = Field{"ip saddr", 32, Address}
	IPv4Dst      = Field{"ip daddr", 32, Address}
	IPv6Src      = Field{"ip6 saddr", 128, Address}
	IPv6Dst      = Field{"ip6 daddr", 128, Address}
	DSCP         = Field{"dscp", 6, Hex}
	ECN          = Field{"ecn", 2, Number}
	TTL          = Field{"ttl", 8, Number} // the hop limit of IPv6 as well
	FragOffset   = Field{"fragment offset", 13, Number}
	FragFlags    = Field{"fragment flags", 3, Hex} // 1: more fragments, 2: don't fragment
	IPv4Length   = Field{"ip length", 16, Number}
	IPv4ID       = Field{"ip id", 16, Number}
	IPv4Version  = Field{"ip version", 4, Number}
	IPv4IHL      = Field{"ip hdrlength", 4, Number}
	IPv4Proto    = L4Proto // the same number wherever IPv4 has it
	IPv4Checksum = Field{"ip checksum", 16, Hex}
	IPv6Version  = Field{"ip6 version", 4, Number}
	IPv6Flow     = Field{"ip6 flowlabel", 20, Hex}
	IPv6Length   = Field{"ip6 length", 16, Number}
	IPv6Next     = Field{"ip6 nexthdr", 8, Protocol}

	// L4Proto is the protocol behind the extension headers.
	L4Proto = Field{"protocol", 8, Protocol}
)

// The transport header. Which of these fields a packet has goes with its protocol.
var (
	// HasTransport says that the header is there: the packet is no later fragment, and is not cut off before it.
	HasTransport = Field{"transport header", 1, Bool}
	SrcPort      = Field{"sport", 16, Number} // TCP, UDP, UDP-Lite, SCTP, DCCP
	DstPort      = Field{"dport", 16, Number}
	TCPFlags     = Field{"tcp flags", 8, Flags} // CWR ECE URG ACK PSH RST SYN FIN
	TCPReserved  = Field{"tcp reserved", 4, Hex}
	TCPDoff      = Field{"tcp doff", 4, Number}
	TCPSeq       = Field{"tcp sequence", 32, Number}
	TCPAck       = Field{"tcp ackseq", 32, Number}
	TCPWindow    = Field{"tcp window", 16, Number}
	TCPChecksum  = Field{"tcp checksum", 16, Hex}
	TCPUrgent    = Field{"tcp urgptr", 16, Number}
	TCPMSS       = Field{"tcp mss", 16, Number} // of the option, where HasTCPOption(2)
	UDPLength    = Field{"udp length", 16, Number}
	UDPChecksum  = Field{"udp checksum", 16, Hex}
	ICMPType     = Field{"icmp type", 8, Number} // ICMP and ICMPv6
	ICMPCode     = Field{"icmp code", 8, Number}
	ESPSPI       = Field{"esp spi", 32, Hex}
	AHSPI        = Field{"ah spi", 32, Hex}
	AHNext       = Field{"ah nexthdr", 8, Protocol}
	AHLength     = Field{"ah hdrlength", 8, Number}
	AHReserved   = Field{"ah reserved", 16, Hex}
	CompNext     = Field{"comp nexthdr", 8, Protocol}
	CompFlags    = Field{"comp flags", 8, Hex}
	CompCPI      = Field{"comp cpi", 16, Number}
)

// The link header, where the packet came in over Ethernet.
var (
	HasEther = Field{"ethernet header", 1, Bool}
	EtherSrc = Field{"ether saddr", 48, Ethernet}
	EtherDst = Field{"ether daddr", 48, Ethernet}
	EtherTyp = Field{"ether type", 16, Hex}
)

// HasTCPOption says whether a TCP header has an option of a kind.
func HasTCPOption(kind uint8) Field { return Field{fmt.Sprintf("tcp option %d", kind), 1, Bool} }

// HasExtension says whether an IPv6 packet has an extension header, by its protocol number.
func HasExtension(header uint8) Field { return Field{fmt.Sprintf("exthdr %d", header), 1, Bool} }

// ExtensionByte is a byte of an IPv6 extension header.
func ExtensionByte(header uint8, offset uint32) Field {
	return Field{fmt.Sprintf("exthdr %d @%d", header, offset), 8, Hex}
}

// HasChunk says whether an SCTP packet has a chunk of a type.
func HasChunk(typ uint8) Field { return Field{fmt.Sprintf("sctp chunk %d", typ), 1, Bool} }

// ChunkByte is a byte of the first such chunk.
func ChunkByte(typ uint8, offset uint32) Field {
	return Field{fmt.Sprintf("sctp chunk %d @%d", typ, offset), 8, Hex}
}

// HasTransform says whether IPsec has more than n transformations of a packet, which it came through, or is to go through.
func HasTransform(out bool, n uint32) Field { return transform(out, n, "", 1, Bool) }

// TransformMode is the mode of the n-th transformation (XFRM_MODE_*), 0 being the first that was made or will be.
func TransformMode(out bool, n uint32) Field { return transform(out, n, " mode", 3, Number) }

// TransformProto is the protocol of a transformation.
func TransformProto(out bool, n uint32) Field { return transform(out, n, " protocol", 8, Protocol) }

// TransformReqID is the identifier of a transformation's policy.
func TransformReqID(out bool, n uint32) Field { return transform(out, n, " reqid", 32, Number) }

// TransformSPI is the index of a transformation, in the host's byte order as if the packet's were that.
func TransformSPI(out bool, n uint32) Field { return transform(out, n, " spi", 32, Hex) }

// TransformAddr is an end of a transformation: of is IPv4Src and the like.
func TransformAddr(out bool, n uint32, of Field) Field {
	return transform(out, n, " "+of.Name, of.Bits, Address)
}

func transform(out bool, n uint32, name string, bits uint8, show Show) Field {
	way := "in"
	if out {
		way = "out"
	}
	return Field{fmt.Sprintf("ipsec %s %d%s", way, n, name), bits, show}
}

// CTTuple is a field of a connection's addresses in one direction, "ip saddr", "ip6 daddr", "sport" …
func CTTuple(reply bool, of Field) Field {
	dir := "original"
	if reply {
		dir = "reply"
	}
	return Field{"ct " + dir + " " + of.Name, of.Bits, of.Show}
}

// Named is a field that only its name tells from others.
func Named(name string, bits uint8, show Show) Field { return Field{name, bits, show} }

// ScratchField is a field that only rules of the same hook can see: it begins with 0, and what becomes of it does not matter.
func ScratchField(name string, bits uint8) Field { return Field{"~" + name, bits, Hex} }

// Scratch says whether the field is one of these.
func (f Field) Scratch() bool { return f.Name[0] == '~' }

// Domain is what values a field can have; nil: all that fit.
func Domain(f Field) []Range {
	switch f {
	case CTState:
		return points(StateInvalid, StateEstablished, StateRelated, StateNew, StateUntracked)
	case HasSocket:
		return []Range{{Num(0), Num(2)}}
	case Hour:
		return []Range{{Num(0), Num(24*60*60 - 1)}}
	case Day:
		return []Range{{Num(0), Num(6)}}
	case PktType:
		return []Range{{Num(0), Num(3)}}
	}
	return nil
}

// The values of CTState: NF_CT_STATE_BIT of nf_conntrack_common.h, as nft_ct.c gives them.
const (
	StateInvalid     = 1
	StateEstablished = 2
	StateRelated     = 4
	StateNew         = 8
	StateUntracked   = 64
)

// Tracked says that a packet has a conntrack entry.
var Tracked Pred = &In{CTState, points(StateEstablished, StateRelated, StateNew)}

func points(values ...uint64) []Range {
	var out []Range
	for _, v := range values {
		out = append(out, Range{Num(v), Num(v)})
	}
	return out
}
