package packet

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// Bytes is the packet as it is on the wire, from its network header on: the header, extension headers of IPv6, the transport header with
// its options, and zeros up to its length. Lengths and checksums are those that the fields say, or right ones where they say 0. A packet
// without transport header ends before it.
func (l *Line) Bytes() []byte {
	p := l.Packet
	head := networkHeaders(l.IPv6, p)
	var body []byte
	if !p.Get(HasTransport).IsZero() {
		body = transport(p)
	}
	if room := int(p.Get(Length).Lo) - len(head) - len(body); room > 0 && room <= 0xffff {
		body = append(body, make([]byte, room)...)
	}
	if l.IPv6 && p.Get(IPv6Length).IsZero() {
		binary.BigEndian.PutUint16(head[4:], uint16(len(head)-40+len(body)))
	}
	if !l.IPv6 && p.Get(IPv4Length).IsZero() {
		binary.BigEndian.PutUint16(head[2:], uint16(len(head)+len(body)))
	}
	if !l.IPv6 && p.Get(IPv4Checksum).IsZero() {
		binary.BigEndian.PutUint16(head[10:], ^sum(head))
	}
	if proto := uint8(p.Get(L4Proto).Lo); !p.Get(HasTransport).IsZero() && p.Get(FragFlags).Lo&1 == 0 {
		sign(body, proto, p.Get(l.Src()).Bytes(16), p.Get(l.Dst()).Bytes(16))
	}
	return append(head, body...)
}

// put writes fields where a layout has them.
func put(b []byte, layout []span, p *Packet) {
	for _, s := range layout {
		v := p.Get(s.field)
		for i := range uint32(s.field.Bits) {
			at := s.offset + i
			if v.Bit(uint(uint32(s.field.Bits)-1-i)) && int(at/8) < len(b) {
				b[at/8] |= 0x80 >> (at % 8)
			}
		}
	}
}

// networkHeaders are the IP header and what IPv6 has between it and the transport header.
func networkHeaders(ipv6 bool, p *Packet) []byte {
	if !ipv6 {
		b := make([]byte, max(20, 4*p.Get(IPv4IHL).Lo)) // options are zeros: the end of the list
		put(b, ipv4Layout, p)
		return b
	}
	b := make([]byte, 40)
	put(b, ipv6Layout, p)
	kinds := extensions(p)
	for i, kind := range kinds {
		next := uint8(p.Get(L4Proto).Lo)
		if i+1 < len(kinds) {
			next = kinds[i+1]
		}
		b = append(b, extension(kind, next, p)...)
	}
	return b
}

// Extension headers (IANA's numbers).
const (
	hopByHop    = 0
	routing     = 43
	fragmentary = 44
	authentic   = 51
	destination = 60
)

// extensions are the extension headers of an IPv6 packet, in the order of RFC 8200, 4.1. A fragment has the header that says so.
func extensions(p *Packet) []uint8 {
	have := kindsOf(p, "exthdr ")
	var out []uint8
	for _, k := range []uint8{hopByHop, destination, routing, fragmentary, authentic} {
		isFragment := k == fragmentary && (!p.Get(FragOffset).IsZero() || p.Get(FragFlags).Lo&1 != 0)
		if slices.Contains(have, k) || isFragment {
			out = append(out, k)
		}
	}
	return out
}

// extension is one of them: what fields say of its bytes, and else padding (RFC 8200), for AH numbers that count as one (RFC 4302).
func extension(kind, next uint8, p *Packet) []byte {
	const padN = 1
	var b []byte
	switch kind {
	case fragmentary:
		offset := uint16(p.Get(FragOffset).Lo<<3 | p.Get(FragFlags).Lo&1)
		b = []byte{next, 0, byte(offset >> 8), byte(offset), 0, 0, 0, 1}
	case routing: // of type 2, with no segments left: the address of home (RFC 6275, 6.4)
		b = append([]byte{next, 2, 2, 0, 0, 0, 0, 0}, p.Get(IPv6Dst).Bytes(16)...)
	case authentic:
		b = append([]byte{next, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, make([]byte, 12)...)
	default:
		b = []byte{next, 0, padN, 4, 0, 0, 0, 0}
	}
	for i := 1; i < len(b); i++ {
		if v, ok := p.Fields[ExtensionByte(kind, uint32(i))]; ok {
			b[i] = byte(v.Lo)
		}
	}
	return b
}

// transport is the transport header.
func transport(p *Packet) []byte {
	proto := uint8(p.Get(L4Proto).Lo)
	layout := transports[proto]
	if layout == nil && hasPorts(p) {
		layout = portLayout
	}
	b := make([]byte, transportSize[proto])
	switch proto {
	case 33: // DCCP: a request, of a header with long sequence numbers (RFC 4340, 5.1)
		b[4], b[8] = 5, 1
	case 132: // SCTP: an INIT chunk (RFC 9260, 3.3.2)
		copy(b[12:], []byte{1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, 1, 0, 1, 0, 0, 0, 1})
	}
	put(b, layout, p)
	if proto == 6 {
		b = append(b, tcpOptions(p)...)
	}
	return b
}

// transportSize is how long headers are (RFC 9293, 768, 792, 4443, 4340, 9260, 3828, 4303, 4302, 3173, 2784).
var transportSize = map[uint8]int{1: 8, 6: 20, 17: 8, 33: 20, 47: 4, 50: 8, 51: 24, 58: 8, 108: 4, 132: 32, 136: 8}

// optionSize are the lengths of TCP's options (RFC 9293, 3.2; 7323; 2018); all others have 2 bytes.
var optionSize = map[uint8]int{0: 1, 1: 1, 2: 4, 3: 3, 8: 10}

// tcpOptions are the options that the packet has, in order, and the end of the list up to a whole word.
func tcpOptions(p *Packet) []byte {
	var b []byte
	for _, kind := range kindsOf(p, "tcp option ") {
		size := optionSize[kind]
		if size == 0 {
			size = 2
		}
		o := make([]byte, size)
		if o[0] = kind; size > 1 {
			o[1] = byte(size)
		}
		if kind == 2 {
			binary.BigEndian.PutUint16(o[2:], uint16(p.Get(TCPMSS).Lo))
		}
		b = append(b, o...)
	}
	return append(b, make([]byte, -len(b)&3)...)
}

// headerBytes is how long a packet without payload is. Later fragments have eight bytes of it.
func headerBytes(ipv6 bool, p *Packet) int {
	n := len(networkHeaders(ipv6, p))
	switch {
	case !p.Get(HasTransport).IsZero():
		n += len(transport(p))
	case !p.Get(FragOffset).IsZero():
		n += 8
	}
	return n
}

// checksumAt is where a protocol has the checksum of RFC 1071.
var checksumAt = map[uint8]int{1: 2, 6: 16, 17: 6, 33: 6, 58: 2, 136: 6}

// sign puts the checksum into a transport header with its payload, unless there is one. All but ICMP count the addresses, the length and the
// protocol with it, for which it does not matter how they are ordered.
func sign(b []byte, proto uint8, src, dst []byte) {
	if proto == 132 && len(b) >= 12 && bytes.Equal(b[8:12], make([]byte, 4)) {
		binary.LittleEndian.PutUint32(b[8:], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))) // RFC 9260, appendix A
	}
	at, ok := checksumAt[proto]
	if !ok || len(b) < at+2 || b[at] != 0 || b[at+1] != 0 {
		return
	}
	counted := slices.Clone(b)
	if proto != 1 {
		counted = append(counted, make([]byte, len(counted)&1)...)
		counted = slices.Concat(counted, src, dst, []byte{0, proto}, binary.BigEndian.AppendUint16(nil, uint16(len(b))))
	}
	s := ^sum(counted)
	if s == 0 && proto == 17 {
		s = 0xffff // 0 says that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(b[at:], s)
}

// sum is the sum of 16-bit words in ones' complement (RFC 1071).
func sum(b []byte) uint16 {
	s := uint32(0)
	for i, c := range b {
		s += uint32(c) << (8 * (1 - i%2))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// Headers reads a packet's protocol, addresses and ports, and the rest of its headers, from their bytes, which may be cut off. It
// returns false for what is neither IPv4 nor IPv6.
func Headers(network, transport []byte) (l *Line, ok bool) {
	l = &Line{Packet: &Packet{Fields: map[Field]Value{}}}
	layout := ipv4Layout
	switch {
	case len(network) >= 20 && network[0]>>4 == 4:
	case len(network) >= 40 && network[0]>>4 == 6:
		l.IPv6, layout = true, ipv6Layout
	default:
		return nil, false
	}
	get(network, layout, l.Packet)
	if l.IPv6 {
		l.Packet.Set(L4Proto, l.Packet.Get(IPv6Next))
	}
	proto := uint8(l.Packet.Get(L4Proto).Lo)
	if layout = transports[proto]; layout == nil && hasPorts(l.Packet) {
		layout = portLayout
	}
	get(transport, layout, l.Packet)
	return l, true
}

// get reads fields where a layout has them.
func get(b []byte, layout []span, p *Packet) {
	for _, s := range layout {
		if int(s.offset+uint32(s.field.Bits)) > 8*len(b) {
			continue
		}
		var v Value
		for i := range uint32(s.field.Bits) {
			at := s.offset + i
			v = v.Shl(1).Or(Num(uint64(b[at/8] >> (7 - at%8) & 1)))
		}
		p.Set(s.field, v)
	}
}
