package packet

import (
	"bytes"
	"encoding/hex"
	"math/rand"
	"testing"
)

// TestBytes holds packets against what tcpdump and the RFCs say that they are.
func TestBytes(t *testing.T) {
	for line, want := range map[string]string{
		// RFC 791, 9293: a SYN of 40 bytes.
		"in tcp 10.0.0.2:4000 > 10.0.0.1:80": "450000280000000040066 6ce0a0000020a000001 0fa00050 00000000 00000000 5002 0000 8bf0 0000",
		"in icmp 10.0.0.2 > 10.0.0.1":        "4500001c000000004001 66df 0a0000020a000001 0800f7ff00000000",
		"in udp [::1]:1 > [::2]:2": "6000000000081140 00000000000000000000000000000001 00000000000000000000000000000002" +
			"0001 0002 0008 ffd8",
	} {
		l, err := ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(want), []byte(" "), nil)))
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Bytes(); !bytes.Equal(got, b) {
			t.Errorf("%s:\ngot  %x\nwant %x", line, got, b)
		}
	}
}

// TestBytesAdd holds checksums against the rule that all words together give ones (RFC 1071), and lengths against the length.
func TestBytesAdd(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 2000 {
		l := randomLine(r)
		for _, f := range []Field{IPv4Checksum, TCPChecksum, UDPChecksum, IPv4IHL, IPv4Version, IPv6Version, IPv4Length, IPv6Length, UDPLength, FragOffset, FragFlags,
			IPv6Next, HasTransport, ICMPType, ICMPCode, Length, TCPDoff} {
			delete(l.Packet.Fields, f)
		}
		l.Packet.Set(Length, Num(uint64(200+r.Intn(5))))
		l.Fill()
		b := l.Bytes()
		if len(b) != int(l.Packet.Get(Length).Lo) {
			t.Fatalf("%s: %d bytes", l, len(b))
		}
		head := networkHeaders(l.IPv6, l.Packet)
		if !l.IPv6 && sum(b[:20]) != 0xffff {
			t.Fatalf("%s: checksum of the header", l)
		}
		proto := uint8(l.Packet.Get(L4Proto).Lo)
		if _, ok := checksumAt[proto]; !ok {
			continue
		}
		body := b[len(head):]
		whole := bytes.Clone(body)
		if proto != 1 {
			whole = append(whole, make([]byte, len(whole)&1)...)
			whole = append(whole, l.Packet.Get(l.Src()).Bytes(16)...)
			whole = append(whole, l.Packet.Get(l.Dst()).Bytes(16)...)
			whole = append(whole, 0, proto, byte(len(body)>>8), byte(len(body)))
		}
		if sum(whole) != 0xffff {
			t.Fatalf("%s: checksum %x of %x", l, sum(whole), body)
		}
	}
}
