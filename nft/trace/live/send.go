package live

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
	"rechain/nft/kernel/probe"
	"rechain/nft/packet"
	"rechain/nft/trace"
)

// Send sends a packet through the rules, and tells its way. A packet that cannot be made is an [ErrNotSendable] that says what of it.
func (l *Lab) Send(line *packet.Line) (*trace.Way, error) {
	if err := sendable(line); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSendable, err)
	}
	defer l.route.undo()
	in, err := l.lay(line)
	if err != nil {
		return nil, err
	}
	if err := forgetConnections(l.ns); err != nil {
		return nil, err
	}
	t, err := listen(l.ns, line, l.rules, in != nil)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if in != nil {
		err = l.receive(in, line)
	} else {
		err = l.send(line)
	}
	if err != nil {
		return nil, fmt.Errorf("send the packet: %w", err)
	}
	return t.way(line, time.Now().Add(time.Second))
}

// ErrNotSendable says that a packet is one that cannot be sent on purpose.
var ErrNotSendable = errors.New("this packet cannot be sent on purpose")

// made are the fields beside a packet's bytes that the lab gives it.
var made = map[packet.Field]bool{
	packet.Iif: true, packet.Oif: true, packet.IifIndex: true, packet.OifIndex: true, packet.Mark: true, packet.UID: true, packet.GID: true,
	packet.HasSocket: true, packet.EtherSrc: true, packet.EtherDst: true,
}

// sendable says what of a packet the lab cannot make.
func sendable(line *packet.Line) error {
	var errs []error
	usual := usualOf(line)
	for f, v := range line.Packet.Fields {
		if made[f] || f.InHeader() || v == usual.Get(f) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s=%s", f.Word(), f.LineText(v)))
	}
	own := line.Route == packet.Sent || line.Route == packet.Looped
	if socket := line.Packet.Get(packet.HasSocket); own && socket != packet.Num(2) {
		errs = append(errs, errors.New("a packet of this host that is no process's"))
	} else if !own && !socket.IsZero() {
		errs = append(errs, errors.New("a packet from a device that has a socket"))
	}
	if line.Moved != packet.MovedByKind {
		errs = append(errs, errors.New("where dnat= leads is told by routes"))
	}
	return errors.Join(errs...)
}

// usualOf is the packet as it would be if only what can be made was said.
func usualOf(line *packet.Line) *packet.Packet {
	l := &packet.Line{Route: line.Route, IPv6: line.IPv6, Packet: &packet.Packet{Fields: map[packet.Field]packet.Value{}}}
	for f, v := range line.Packet.Fields {
		if made[f] || f.InHeader() {
			l.Packet.Set(f, v)
		}
	}
	l.Fill()
	return l.Packet
}

// receive writes the packet's frame to the device that it comes in by. On lo it goes out to come in.
func (l *Lab) receive(d *device, line *packet.Line) error {
	mac := line.Packet.Get(packet.EtherDst).Bytes(6)
	if line.Packet.Get(packet.EtherDst).IsZero() {
		mac = castMAC(d.mac, line)
	}
	frame := append([]byte(nil), mac...)
	frame = append(frame, line.Packet.Get(packet.EtherSrc).Bytes(6)...)
	if line.IPv6 {
		frame = append(frame, 0x86, 0xdd) // ETH_P_IPV6
	} else {
		frame = append(frame, 0x08, 0x00) // ETH_P_IP
	}
	frame = append(frame, line.Bytes()...)
	if d.file != nil {
		_, err := d.file.Write(frame)
		return err
	}
	return l.ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: d.index})
	})
}

// castMAC is the hardware address of the device, or of a group or all as the packet's address is (RFC 1112, 2464).
func castMAC(own []byte, line *packet.Line) []byte {
	a := line.Packet.Get(line.Dst()).Bytes(16)
	switch {
	case line.IPv6 && a[0] == 0xff:
		return []byte{0x33, 0x33, a[12], a[13], a[14], a[15]}
	case !line.IPv6 && a[12]>>4 == 14:
		return []byte{0x01, 0x00, 0x5e, a[13] & 0x7f, a[14], a[15]}
	case !line.IPv6 && line.Packet.Get(packet.IPv4Dst) == packet.Num(0xffffffff):
		return []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	return own
}

// send sends the packet from a raw socket of its owner (raw(7)).
func (l *Lab) send(line *packet.Line) error {
	p := line.Packet
	owner := probe.Owner{UID: uint32(p.Get(packet.UID).Lo), GID: uint32(p.Get(packet.GID).Lo)}
	return probe.As(l.ns, owner, func() error {
		domain, to := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Addr: [4]byte(p.Get(packet.IPv4Dst).Bytes(4))})
		if line.IPv6 {
			domain, to = unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte(p.Get(packet.IPv6Dst).Bytes(16))}
		}
		fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(p.Get(packet.Mark).Lo)); err != nil {
			return os.NewSyscallError("setsockopt SO_MARK", err)
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
			return os.NewSyscallError("setsockopt SO_BROADCAST", err)
		}
		err = unix.Sendto(fd, line.Bytes(), 0, to)
		if errors.Is(err, unix.EPERM) { // how a sender is told that a rule dropped the packet (nf_hook_slow)
			return nil
		}
		return err
	})
}

// Wait marks the next packet that is as the line says, and tells its way. It gives up at the deadline with [os.ErrDeadlineExceeded], and when
// stop is closed. Nil is the current namespace.
func Wait(ns *kernel.Namespace, line *packet.Line, deadline time.Time, stop <-chan struct{}) (*trace.Way, error) {
	conn, err := kernel.Dial(ns)
	if err != nil {
		return nil, err
	}
	have, err := conn.Ruleset(nil)
	conn.Close()
	if err != nil {
		return nil, err
	}
	t, err := listen(ns, line, &rules{tables: have}, false)
	if err != nil {
		return nil, err
	}
	defer t.close()
	for {
		select {
		case <-stop:
			return nil, ErrStopped
		default:
		}
		way, err := t.way(line, earlier(deadline, time.Now().Add(200*time.Millisecond)))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Now().After(deadline) {
			return way, err
		}
	}
}

// ErrStopped says that waiting was ended before a packet came.
var ErrStopped = errors.New("stopped before a packet came")

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// ours says whether a table is one of this package's.
func ours(name string) bool { return strings.HasPrefix(name, tableName) }
