//go:build linux

package translate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"

	"rechain/translate/iptables"
)

// probe is a packet to send. The path is in, fwd, out or lo: to the site from outside, through it, and from its sockets to
// outside or to itself.
type probe struct {
	path         string
	dev          string // where it comes in
	src, dst     netip.Addr
	proto        uint8
	sport, dport uint16
	flags        uint8  // TCP
	options      []byte // TCP
	icmpType     uint8
	icmpCode     uint8
	ttl, tos     uint8
	offset       uint16 // of a fragment, in units of 8 bytes
	more         bool   // fragments follow
	ext          []uint8
	heads        map[uint8][]byte // what extension headers hold behind their first byte, instead of the usual
	spi          uint32
	chunk        uint8  // SCTP: the type of the one chunk
	chunks       []byte // SCTP: chunks instead of that
	dccpType     uint8
	payload      string
	length       int // bytes of payload behind that
	mark         uint32
	uid, gid     uint32
	inner        *probe // of an ICMP error
	cut          int    // how many bytes there are behind the IP header; 0: all
}

// IP protocol numbers (IANA).
const (
	icmp, tcp, udp, dccp, esp, ah, icmp6, sctp, udplite = 1, 6, 17, 33, 50, 51, 58, 132, 136
)

func (p *probe) family() iptables.Family {
	if p.dst.Is4() {
		return iptables.IPv4
	}
	return iptables.IPv6
}

func (p *probe) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s:%d > %s:%d", p.path, iptables.ProtocolName(p.proto), p.src, p.sport, p.dst, p.dport)
	for _, f := range []struct {
		name  string
		value any
		zero  bool
	}{
		{"dev", p.dev, p.dev == ""}, {"flags", p.flags, p.proto != tcp}, {"opts", fmt.Sprintf("%x", p.options), len(p.options) == 0},
		{"icmp", fmt.Sprintf("%d/%d", p.icmpType, p.icmpCode), p.proto != icmp && p.proto != icmp6}, {"ttl", p.ttl, false},
		{"tos", p.tos, p.tos == 0}, {"frag", fmt.Sprint(p.offset, p.more), p.offset == 0 && !p.more}, {"ext", p.ext, p.ext == nil},
		{"heads", fmt.Sprintf("%x", p.heads), p.heads == nil}, {"chunks", fmt.Sprintf("%x", p.chunks), p.chunks == nil},
		{"dccp", p.dccpType, p.dccpType == 0},
		{"spi", p.spi, p.spi == 0}, {"mark", fmt.Sprintf("%#x", p.mark), p.mark == 0}, {"uid", p.uid, p.uid == 0}, {"gid", p.gid, p.gid == 0},
		{"len", p.length, false}, {"payload", p.payload, p.payload == ""}, {"about", p.inner, p.inner == nil}, {"cut", p.cut, p.cut == 0},
	} {
		if !f.zero {
			fmt.Fprintf(&b, " %s=%v", f.name, f.value)
		}
	}
	return b.String()
}

// frame is the packet as bytes, from the IP header on.
func (p *probe) frame() []byte {
	body := p.transport()
	if p.dst.Is4() {
		h := make([]byte, 20)
		h[0], h[1] = 0x45, p.tos
		body = p.shortened(body)
		binary.BigEndian.PutUint16(h[2:], uint16(20+len(body)))
		binary.BigEndian.PutUint16(h[4:], 0x1000+uint16(p.length))
		fragment := p.offset
		if p.more {
			fragment |= 0x2000
		}
		binary.BigEndian.PutUint16(h[6:], fragment)
		h[8], h[9] = p.ttl, p.proto
		copy(h[12:], p.src.AsSlice())
		copy(h[16:], p.dst.AsSlice())
		binary.BigEndian.PutUint16(h[10:], checksum(0, h))
		return append(h, body...)
	}
	chain := p.ext
	if p.offset != 0 || p.more {
		chain = append(slices.Clip(chain), 44)
	}
	next := p.proto
	for _, e := range slices.Backward(chain) {
		body = append(p.extension(e, next), body...)
		next = e
	}
	body = p.shortened(body)
	h := make([]byte, 40)
	h[0], h[1] = 0x60|p.tos>>4, p.tos<<4
	binary.BigEndian.PutUint16(h[4:], uint16(len(body)))
	h[6], h[7] = next, p.ttl
	copy(h[8:], p.src.AsSlice())
	copy(h[24:], p.dst.AsSlice())
	return append(h, body...)
}

func (p *probe) shortened(body []byte) []byte {
	if p.cut == 0 {
		return body
	}
	return body[:min(len(body), p.cut)]
}

// extension is an IPv6 extension header.
func (p *probe) extension(kind, next uint8) []byte {
	if rest := p.heads[kind]; rest != nil {
		return append([]byte{next}, rest...)
	}
	switch kind {
	case 44: // fragment
		f := p.offset << 3
		if p.more {
			f |= 1
		}
		return append([]byte{next, 0, byte(f >> 8), byte(f)}, be32(0x1000+uint32(p.length))...)
	case 43: // routing, of type 2 with no segments left
		return append([]byte{next, 2, 2, 0, 0, 0, 0, 0}, p.dst.AsSlice()...)
	case 51: // authentication
		return append([]byte{next, 4, 0, 0}, append(be32(p.spi), make([]byte, 16)...)...)
	}
	return []byte{next, 0, 1, 4, 0, 0, 0, 0} // hop-by-hop or destination options: padding
}

func be16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// transport is what follows the IP header. That of a fragment behind the first is only bytes.
func (p *probe) transport() []byte {
	payload := append([]byte(p.payload), bytes.Repeat([]byte{'.'}, p.length)...)
	if p.more && p.length > 0 { // all but the last fragment are made of units of 8 bytes
		payload = append(payload, bytes.Repeat([]byte{'.'}, -(len(payload)+p.headerLen())&7)...)
	}
	ports := append(be16(p.sport), be16(p.dport)...)
	if p.offset != 0 {
		return append(ports, payload...)
	}
	at, pseudo := -1, true // where the checksum is, and whether it covers the addresses
	var h []byte
	switch p.proto {
	case tcp:
		options := append(slices.Clip(p.options), make([]byte, -len(p.options)&3)...)
		h = append(ports, 0, 0, 0, 1, 0, 0, 0, 2, byte(20+len(options))<<2, p.flags, 0x10, 0, 0, 0, 0, 0)
		h = append(h, options...)
		at = 16
	case udp, udplite:
		h = append(append(ports, be16(uint16(8+len(payload)))...), 0, 0)
		at = 6
	case icmp:
		h = []byte{p.icmpType, p.icmpCode, 0, 0, 0, 1, 0, 1}
		at, pseudo = 2, false
	case icmp6:
		h = []byte{p.icmpType, p.icmpCode, 0, 0, 0, 1, 0, 1}
		at = 2
	case sctp:
		payload = append([]byte{p.chunk, 0}, append(be16(uint16(4+len(payload))), payload...)...)
		payload = append(payload, make([]byte, -len(payload)&3)...)
		if p.chunks != nil {
			payload = p.chunks
		}
		h = append(ports, 0, 0, 0, 1, 0, 0, 0, 0)
		sum := crc32.Checksum(append(slices.Clone(h), payload...), crc32.MakeTable(crc32.Castagnoli))
		binary.LittleEndian.PutUint32(h[8:], sum)
	case dccp:
		h = append(ports, 4, 0, 0, 0, p.dccpType<<1|1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0)
		at = 6
	case esp:
		h = append(be32(p.spi), 0, 0, 0, 1)
	case ah:
		h = append([]byte{59, 4, 0, 0}, append(be32(p.spi), make([]byte, 16)...)...)
	}
	if p.inner != nil {
		quoted := p.inner.frame()
		if p.inner.dst.Is4() && len(quoted) > 28 {
			quoted = quoted[:28]
		}
		payload = quoted
	}
	out := append(h, payload...)
	if at >= 0 {
		sum := uint32(0)
		if pseudo {
			sum = sumOf(sumOf(uint32(len(out))+uint32(p.proto), p.src.AsSlice()), p.dst.AsSlice())
		}
		binary.BigEndian.PutUint16(out[at:], checksum(sum, out))
	}
	return out
}

// headerLen is the length of what comes before the payload.
func (p *probe) headerLen() int {
	if p.offset != 0 {
		return 4
	}
	q := *p
	q.more, q.length, q.payload, q.inner = false, 0, "", nil
	return len(q.transport())
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

// normal blanks what a kernel draws at random in packets of its own: the IP identification, and all but ports and flags of TCP with a
// sequence number that is not one of ours. Whether the IP checksum is right stays.
func normal(frame []byte) []byte {
	f := slices.Clone(frame)
	at, proto := 40, f[6]
	if f[0]>>4 == 4 {
		at, proto = int(f[0]&15)*4, f[9]
		ok := at <= len(f) && checksum(0, f[:at]) == 0
		copy(f[4:6], "id")
		copy(f[10:12], map[bool]string{true: "ok", false: "no"}[ok])
	}
	if proto == tcp && len(f) >= at+20 && binary.BigEndian.Uint32(f[at+4:]) > 2 {
		f = append(f[:at+4], f[at+13])
	}
	return f
}

// portless blanks source ports too, which a kernel draws where connections would clash, and with them what depends on them.
func portless(frame string) string {
	dev, bytes, _ := strings.Cut(frame, " ")
	f := []byte(bytes)
	at, proto := 40, f[6]
	if f[0]>>4 == 4 {
		at, proto = int(f[0]&15)*4, f[9]
	}
	switch {
	case proto == icmp || proto == icmp6:
		f = f[:min(len(f), at+2)]
	case len(f) >= at+4:
		copy(f[at:], "po")
		f = f[:at+4]
	}
	return dev + " " + string(f)
}
