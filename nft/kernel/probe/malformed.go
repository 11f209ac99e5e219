package probe

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// malformed is a [Malformed] flow: a raw socket, and a usual one that keeps the port.
type malformed struct{ port, raw *socket }

func newMalformed(from netip.AddrPort) (*malformed, error) {
	port, err := bind(unix.SOCK_STREAM, 0, from)
	if err != nil {
		return nil, err
	}
	raw, err := bind(unix.SOCK_RAW, unix.IPPROTO_TCP, from)
	if err != nil {
		port.close()
		return nil, err
	}
	return &malformed{port, raw}, nil
}

func (m *malformed) close() {
	m.port.close()
	m.raw.close()
}

func (m *malformed) ports() map[uint16]treatment {
	return map[uint16]treatment{m.port.from.Port(): traceAll}
}

func (m *malformed) run(f Flow) Result {
	// The port of a raw socket's address is the protocol's number, and ignored by connect.
	err := m.raw.connect(netip.AddrPortFrom(f.To.Addr(), 0), 0)
	if err == nil {
		_, err = unix.Write(m.raw.fd, segment(m.port.from, f.To))
	}
	if err == nil {
		err = m.reset(f)
	}
	return m.port.result(err)
}

// reset waits for a reset, which is ECONNREFUSED.
func (m *malformed) reset(f Flow) error {
	const rst = 0x04
	b := make([]byte, 2048)
	for end := time.Now().Add(f.Wait); ; {
		if err := m.raw.poll(unix.POLLIN, time.Until(end)); err != nil {
			return err
		}
		n, err := unix.Read(m.raw.fd, b)
		if err != nil {
			return err
		}
		tcp := b[:n]
		if f.To.Addr().Is4() && n > 0 { // only in IPv4 a raw socket gives the IP header too (raw(7), ipv6(7))
			tcp = tcp[min(n, int(b[0]&15)*4):]
		}
		if len(tcp) >= 20 && binary.BigEndian.Uint16(tcp) == f.To.Port() &&
			binary.BigEndian.Uint16(tcp[2:]) == m.port.from.Port() && tcp[13]&rst != 0 {
			return unix.ECONNREFUSED
		}
	}
}

// segment is a TCP header without any flag (RFC 9293, 3.1).
func segment(from, to netip.AddrPort) []byte {
	b := binary.BigEndian.AppendUint16(nil, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0) // sequence and acknowledgement
	b = append(b, 5<<4, 0, 0x10, 0)       // length in words, flags, window
	b = append(b, 0, 0, 0, 0)             // checksum and urgent pointer
	binary.BigEndian.PutUint16(b[16:], checksum(from.Addr(), to.Addr(), b))
	return b
}

// checksum is that of TCP, with the pseudo header of IPv4 (RFC 9293, 3.1) or IPv6 (RFC 8200, 8.1): the sums are the same.
func checksum(from, to netip.Addr, tcp []byte) uint16 {
	b := append(from.AsSlice(), to.AsSlice()...)
	b = append(b, 0, unix.IPPROTO_TCP, 0, byte(len(tcp)))
	b = append(b, tcp...)
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
