//go:build linux

package twin

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"
)

// packet is what is sent first in a conversation. The path is in, fwd, out or lo: to the site from outside, through it, and from its
// sockets to outside or to itself.
type packet struct {
	path         string
	dev, to      string // where it comes in, and where it should leave
	mac          [6]byte
	cast         string // who the frame is for: "" the site, or broadcast, multicast, otherhost
	src, dst     netip.Addr
	proto        uint8
	sport, dport uint16
	flags        uint8  // TCP
	options      []byte // TCP
	icmpType     uint8
	icmpCode     uint8
	ttl, tos     uint8
	headers      []uint8 // extension headers of IPv6
	text         string  // the start of the payload
	length       int     // of the whole packet; 0: as it comes
	mark         uint32
	uid, gid     uint32
	broken       string   // how it is malformed: "checksum"; "cut", or "cut in two" fragments, in its header
	pieces       string   // how it is fragmented: "" not, "two" both, "later" the second only
	about        *packet  // what an ICMP error tells of
	mirrored     bool     // send what this answers first
	_            struct{} // no unkeyed literals
}

// IP protocol numbers (IANA).
const (
	icmp, tcp, udp, dccp, esp, ah, icmp6, sctp, mobility, udplite = 1, 6, 17, 33, 50, 51, 58, 132, 135, 136
)

func (p *packet) v6() bool { return p.dst.Is6() }

func (p *packet) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", p.path, shown(p.whole(), false))
	for _, f := range []struct {
		name  string
		value any
		zero  bool
	}{
		{"dev", p.dev, p.dev == ""}, {"mac", fmt.Sprintf("%x", p.mac), p.mac == peerMAC}, {"cast", p.cast, p.cast == ""}, {"mark", fmt.Sprintf("%#x", p.mark), p.mark == 0},
		{"uid", p.uid, p.uid == 0}, {"gid", p.gid, p.gid == 0}, {"broken", p.broken, p.broken == ""}, {"pieces", p.pieces, p.pieces == ""},
	} {
		if !f.zero {
			fmt.Fprintf(&b, " %s=%v", f.name, f.value)
		}
	}
	return b.String()
}

// wire is the packet as it is sent: itself, or its fragments.
func (p *packet) wire() [][]byte {
	w := p.whole()
	if p.pieces == "" && p.broken != "cut in two" {
		return [][]byte{w}
	}
	head := 20
	if p.v6() {
		head = 40
	}
	cut := min(len(w)-head, 24) // with all of a TCP header
	if p.broken == "cut in two" {
		cut = min(len(w)-head, 8)
	}
	parts := [][]byte{p.piece(w, head, 0, cut), p.piece(w, head, cut, len(w)-head)}
	if p.pieces == "later" {
		return parts[1:]
	}
	return parts
}

// piece is the part from lo to hi of what follows a packet's head.
func (p *packet) piece(w []byte, head, lo, hi int) []byte {
	out := slices.Clone(w[:head])
	offset := uint16(lo)
	if !p.v6() {
		offset /= 8
		if head+hi < len(w) {
			offset |= 0x2000
		}
		binary.BigEndian.PutUint16(out[2:], uint16(head+hi-lo))
		binary.BigEndian.PutUint16(out[6:], offset)
		out[10], out[11] = 0, 0
		binary.BigEndian.PutUint16(out[10:], checksum(0, out))
		return append(out, w[head+lo:head+hi]...)
	}
	if head+hi < len(w) {
		offset |= 1
	}
	binary.BigEndian.PutUint16(out[4:], uint16(8+hi-lo))
	out = append(out, out[6], 0, byte(offset>>8), byte(offset), 0, 0, byte(p.sport>>8), byte(p.sport))
	out[6] = 44
	return append(out, w[head+lo:head+hi]...)
}

// whole is the packet from the IP header on.
func (p *packet) whole() []byte {
	body := p.transport()
	if p.broken == "cut" {
		body = body[:min(len(body), 3)]
	}
	if !p.v6() {
		h := make([]byte, 20, 20+len(body))
		h[0], h[1] = 0x45, p.tos
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(body)))
		binary.BigEndian.PutUint16(h[4:], p.sport)
		h[8], h[9] = p.ttl, p.proto
		copy(h[12:], p.src.AsSlice())
		copy(h[16:], p.dst.AsSlice())
		binary.BigEndian.PutUint16(h[10:], checksum(0, h))
		return append(h, body...)
	}
	next := p.proto
	for _, e := range slices.Backward(p.headers) {
		body = append(extension(e, next, p.dst), body...)
		next = e
	}
	h := make([]byte, 40, 40+len(body))
	h[0], h[1] = 0x60|p.tos>>4, p.tos<<4
	binary.BigEndian.PutUint16(h[4:], uint16(len(body)))
	h[6], h[7] = next, p.ttl
	copy(h[8:], p.src.AsSlice())
	copy(h[24:], p.dst.AsSlice())
	return append(h, body...)
}

// extension is an extension header of IPv6.
func extension(kind, next uint8, dst netip.Addr) []byte {
	switch kind {
	case 44: // fragment: the only one
		return []byte{next, 0, 0, 0, 0, 0, 0, 1}
	case 43: // routing, of type 2 with no segments left
		return append([]byte{next, 2, 2, 0, 0, 0, 0, 0}, dst.AsSlice()...)
	case ah:
		return append([]byte{next, 4, 0, 0, 0, 0, 0, 100}, make([]byte, 16)...)
	}
	return []byte{next, 0, 1, 4, 0, 0, 0, 0} // hop-by-hop or destination options: padding
}

func be16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }

// transport is what follows the IP header.
func (p *packet) transport() []byte {
	payload := []byte(p.text)
	if p.about != nil {
		payload = p.about.whole()
		payload = payload[:min(len(payload), 48)]
	} else {
		payload = append(payload, "twintwintwintwintwintwin"...)
	}
	out := p.around(payload)
	if head := 20 + len(out); p.length > head && !p.v6() {
		out = p.around(append(payload, make([]byte, p.length-head)...))
	} else if head := 40 + len(out); p.length > head && p.v6() {
		out = p.around(append(payload, make([]byte, p.length-head)...))
	} else if p.length > 0 {
		head := len(p.around(nil))
		base := 20
		if p.v6() {
			base = 40
		}
		out = p.around(payload[:max(0, min(len(payload), p.length-base-head))])
	}
	if p.broken == "checksum" && len(out) >= 8 {
		if at := checksumAt(p.proto); at >= 0 {
			out[at] ^= 0x55
		}
	}
	return out
}

// checksumAt is where a protocol has its checksum; -1 for none.
func checksumAt(proto uint8) int {
	switch proto {
	case tcp:
		return 16
	case udp, udplite, dccp:
		return 6
	case icmp, icmp6:
		return 2
	case mobility:
		return 4
	case sctp:
		return 8
	}
	return -1
}

// around puts the protocol's header before a payload.
func (p *packet) around(payload []byte) []byte {
	ports := append(be16(p.sport), be16(p.dport)...)
	var h []byte
	switch p.proto {
	case tcp:
		options := append(slices.Clip(p.options), make([]byte, -len(p.options)&3)...)
		h = append(ports, 0, 0, 0, 1, 0, 0, 0, 2, byte(20+len(options))<<2, p.flags, 0x10, 0, 0, 0, 0, 0)
		h = append(h, options...)
	case udp, udplite:
		h = append(append(ports, be16(uint16(8+len(payload)))...), 0, 0)
	case icmp, icmp6:
		h = append([]byte{p.icmpType, p.icmpCode, 0, 0}, append(be16(p.sport), 0, 1)...)
		if _, isError := (view{b: h, proto: p.proto}).isError(); isError { // it has neither number nor sequence
			copy(h[4:], []byte{0, 0, 0, 0})
		}
	case sctp:
		chunk := []byte{1, 0, 0, 20, 0, 0, 0, 9, 0, 0, 0x10, 0, 0, 1, 0, 1, 0, 0, 0, 1} // INIT
		h = append(append(ports, 0, 0, 0, 0, 0, 0, 0, 0), chunk...)
		payload = nil
		binary.LittleEndian.PutUint32(h[8:], crc32.Checksum(h, crc32.MakeTable(crc32.Castagnoli)))
	case dccp:
		h = append(ports, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0) // a request
	case mobility: // a message without data: no next header
		h = []byte{59, 0, p.icmpType, 0, 0, 0, 0, 0}
		payload = nil
	case esp:
		h = []byte{0, 0, 0, 100, 0, 0, 0, 1}
	case ah:
		h = append([]byte{59, 4, 0, 0, 0, 0, 0, 100}, make([]byte, 16)...)
	}
	out := append(h, payload...)
	sign(out, p.proto, p.src, p.dst)
	return out
}

// sign puts the checksum into a transport header with its payload.
func sign(out []byte, proto uint8, src, dst netip.Addr) {
	at := checksumAt(proto)
	if at < 0 || proto == sctp || len(out) < at+2 {
		return
	}
	out[at], out[at+1] = 0, 0
	sum := uint32(0)
	if proto != icmp {
		sum = sumOf(sumOf(uint32(len(out))+uint32(proto), src.AsSlice()), dst.AsSlice())
	}
	binary.BigEndian.PutUint16(out[at:], checksum(sum, out))
}

func sumOf(sum uint32, b []byte) uint32 {
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	return sum
}

// checksum is that of RFC 1071.
func checksum(sum uint32, b []byte) uint16 {
	sum = sumOf(sum, b)
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// mirror is what p would answer.
func (p packet) mirror() packet {
	p.src, p.dst, p.sport, p.dport = p.dst, p.src, p.dport, p.sport
	p.mirrored = false
	switch p.path {
	case "in":
		p.path, p.to, p.dev = "out", p.dev, ""
	case "out":
		p.path, p.dev, p.to = "in", p.to, ""
		if p.dev == "" {
			p.dev = outside
		}
	case "fwd":
		p.dev, p.to = p.to, p.dev
		if p.dev == "" {
			p.dev = inside
		}
	}
	switch {
	case p.proto == tcp:
		p.flags = 2
	case p.proto == icmp && p.icmpType == 0:
		p.icmpType = 8
	case p.proto == icmp6 && p.icmpType == 129:
		p.icmpType = 128
	}
	return p
}
