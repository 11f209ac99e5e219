//go:build linux

package twin

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// view finds its way through the bytes of a packet.
type view struct {
	b        []byte
	v6       bool
	src, dst netip.Addr
	proto    uint8
	at       int  // where the transport header is
	later    bool // a fragment that has none
	fragment int  // where IPv6 has its fragment header; 0: nowhere
}

// parsePacket looks at bytes; ok is false for what is no packet.
func parsePacket(b []byte) (v view, ok bool) {
	if len(b) < 20 {
		return v, false
	}
	v.b = b
	if b[0]>>4 == 4 {
		v.src, _ = netip.AddrFromSlice(b[12:16])
		v.dst, _ = netip.AddrFromSlice(b[16:20])
		v.proto, v.at = b[9], int(b[0]&15)*4
		v.later = binary.BigEndian.Uint16(b[6:])&0x1fff != 0
		return v, len(b) >= v.at
	}
	if len(b) < 40 {
		return v, false
	}
	v.v6 = true
	v.src, _ = netip.AddrFromSlice(b[8:24])
	v.dst, _ = netip.AddrFromSlice(b[24:40])
	v.proto, v.at = b[6], 40
	for len(b) >= v.at+8 && !v.later {
		switch v.proto {
		case 0, 43, 60:
			v.proto, v.at = b[v.at], v.at+8+int(b[v.at+1])*8
		case 44:
			v.fragment = v.at
			v.later = binary.BigEndian.Uint16(b[v.at+2:])&0xfff8 != 0
			v.proto, v.at = b[v.at], v.at+8
		default:
			return v, true
		}
	}
	return v, len(b) >= v.at
}

// has says whether there are n bytes of the transport header.
func (v view) has(n int) bool { return !v.later && len(v.b) >= v.at+n }

// isError says whether it is an ICMP error, and where what it quotes begins.
func (v view) isError() (int, bool) {
	if !v.has(8) {
		return 0, false
	}
	typ := v.b[v.at]
	return v.at + 8, v.proto == icmp && slices.Contains([]uint8{3, 4, 5, 11, 12}, typ) || v.proto == icmp6 && typ < 128
}

// drawn is from where on a sequence number is one that a kernel drew; ours are small.
const drawn = 1 << 16

// normal blanks what a kernel draws at random: the identification of IP packets and fragments, sequence numbers, and the checksums
// that these are in. Of the two zeros of a checksum it keeps one. loose also blanks ports.
func normal(packet []byte, loose bool) []byte {
	b := slices.Clone(packet)
	v, ok := parsePacket(b)
	if !ok {
		return b
	}
	if v.v6 {
		if v.fragment > 0 {
			copy(b[v.fragment+4:], "\x00\x00id")
		}
	} else {
		copy(b[4:6], "id")
		copy(b[10:12], "ck")
	}
	if quoted, ok := v.isError(); ok && len(b) > quoted {
		inner := normal(b[quoted:], loose)
		if loose || !slices.Equal(inner, b[quoted:]) { // its checksum counts what is blanked
			copy(b[v.at+2:], "ck")
		}
		return append(b[:quoted], inner...)
	}
	if at := checksumAt(v.proto); loose && at >= 0 && v.has(8) {
		switch v.proto {
		case icmp, icmp6:
			copy(b[v.at+4:], "id")
		default:
			copy(b[v.at:], "port")
		}
		if v.has(at + 2) {
			copy(b[v.at+at:], "ck")
		}
	}
	if v.proto == tcp && v.has(8) { // an ICMP error may quote no more
		h := b[v.at:]
		seq, ack := binary.BigEndian.Uint32(h[4:]), uint32(0)
		if v.has(12) {
			ack = binary.BigEndian.Uint32(h[8:])
		}
		if seq >= drawn || ack >= drawn {
			copy(h[4:min(len(h), 12)], "seq,ack.")
			if v.has(18) {
				copy(h[16:18], "ck")
			}
		}
		if v.has(18) && binary.BigEndian.Uint16(h[16:]) == 0xffff { // the other zero, which nft writes (nft_csum_replace)
			copy(h[16:18], "\x00\x00")
		}
	}
	return b
}

// shown is a packet to read and to compare: what it is, and then its normal bytes.
func shown(packet []byte, loose bool) string {
	b := normal(packet, loose)
	v, ok := parsePacket(b)
	if !ok {
		return fmt.Sprintf("%x", b)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "proto %d %s", v.proto, v.src)
	ported := slices.Contains([]uint8{tcp, udp, udplite, dccp, sctp}, v.proto) && v.has(4)
	if ported {
		fmt.Fprintf(&s, ":%d", binary.BigEndian.Uint16(b[v.at:]))
	}
	fmt.Fprintf(&s, " > %s", v.dst)
	if ported {
		fmt.Fprintf(&s, ":%d", binary.BigEndian.Uint16(b[v.at+2:]))
	}
	if v.proto == tcp && v.has(14) {
		flags := ""
		for i, c := range "FSRPAUEC" {
			if b[v.at+13]&(1<<i) != 0 {
				flags += string(c)
			}
		}
		fmt.Fprintf(&s, " [%s]", flags)
	}
	if (v.proto == icmp || v.proto == icmp6) && v.has(2) {
		fmt.Fprintf(&s, " type %d/%d", b[v.at], b[v.at+1])
	}
	fmt.Fprintf(&s, " {%x}", b)
	return s.String()
}

// resign makes the checksums of a packet right again.
func (v view) resign() {
	if !v.v6 {
		v.b[10], v.b[11] = 0, 0
		binary.BigEndian.PutUint16(v.b[10:], checksum(0, v.b[:v.at]))
	}
	src, dst := 8, 24
	if !v.v6 {
		src, dst = 12, 16
	}
	n := len(v.src.AsSlice())
	from, _ := netip.AddrFromSlice(v.b[src : src+n])
	to, _ := netip.AddrFromSlice(v.b[dst : dst+n])
	sign(v.b[v.at:], v.proto, from, to)
}

// answer is what the receiver of a packet answers; nil: nothing.
func answer(packet []byte) []byte {
	v, ok := parsePacket(slices.Clone(packet))
	if _, isError := v.isError(); !ok || isError || v.later || !v.has(8) {
		return nil
	}
	v.swap()
	h := v.b[v.at:]
	switch v.proto {
	case tcp:
		if !v.has(20) || h[13]&4 != 0 { // a reset ends it
			return nil
		}
		seq, ack := binary.BigEndian.Uint32(h[4:]), binary.BigEndian.Uint32(h[8:])
		if h[13]&2 != 0 {
			seq++
		}
		if h[13]&0x10 == 0 {
			ack = 2
		}
		binary.BigEndian.PutUint32(h[4:], ack)
		binary.BigEndian.PutUint32(h[8:], seq)
		if h[13]&0x12 == 2 {
			h[13] = 0x12
		} else {
			h[13] = 0x10
		}
		fallthrough
	case udp, udplite, dccp, sctp:
		a, b := binary.BigEndian.Uint16(h), binary.BigEndian.Uint16(h[2:])
		binary.BigEndian.PutUint16(h, b)
		binary.BigEndian.PutUint16(h[2:], a)
	case icmp:
		if h[0] != 8 {
			return nil
		}
		h[0] = 0
	case icmp6:
		if h[0] != 128 {
			return nil
		}
		h[0] = 129
	}
	v.resign()
	return v.b
}

// swap exchanges the addresses, and makes the packet one that just left.
func (v view) swap() {
	if v.v6 {
		copy(v.b[8:24], v.dst.AsSlice())
		copy(v.b[24:40], v.src.AsSlice())
		v.b[7] = 64
		return
	}
	copy(v.b[12:16], v.dst.AsSlice())
	copy(v.b[16:20], v.src.AsSlice())
	v.b[8] = 64
}

// again is the packet as a connection goes on; nil: it would be the same.
func again(packet []byte) []byte {
	v, ok := parsePacket(slices.Clone(packet))
	if ok && v.proto == tcp && v.has(20) && v.b[v.at+13] == 2 {
		v.b[v.at+13] = 0x10
		v.resign()
	}
	return v.b
}

// complaint is an ICMP error of the receiver: that it cannot be reached.
func complaint(about []byte) []byte {
	v, ok := parsePacket(about)
	if _, isError := v.isError(); !ok || isError || v.later {
		return nil
	}
	p := packet{src: v.dst, dst: v.src, ttl: 64, proto: icmp, icmpType: 3, icmpCode: 1}
	quoted := about[:min(len(about), v.at+8)]
	if v.v6 {
		p.proto, p.icmpType, p.icmpCode = icmp6, 1, 0
		quoted = about[:min(len(about), 200)]
	}
	p.sport = 0
	p.text = string(quoted)
	return p.quoting()
}

// quoting is the packet with nothing behind its text.
func (p *packet) quoting() []byte {
	head := 28
	if p.v6() {
		head = 48
	}
	p.length = head + len(p.text)
	return p.whole()
}
