//go:build linux

package twin

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// mac is the address of all devices, and peerMAC that of all their neighbours.
var mac, peerMAC = [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2}

// sender is who a raw socket belongs to.
type sender struct {
	v6       bool
	uid, gid uint32
}

// links are for "ip -batch". Devices do not ask who has an address: they all are the neighbour's.
func (s *site) links() string {
	var b strings.Builder
	b.WriteString("link set lo up\n")
	for _, dev := range s.devices {
		fmt.Fprintf(&b, "link set %s arp off address 02:00:00:00:00:01\naddr add %s/24 dev %s\naddr add %s/64 dev %s nodad\nlink set %s up\n",
			dev, s.address(dev, false, 1), dev, s.address(dev, true, 1), dev, dev)
	}
	return b.String()
}

// unreachable are networks that nobody has (RFC 5737, RFC 3849).
const unreachable4, unreachable6 = "198.51.100.0/24", "2001:db8:dead::/48"

func (s *site) paths() string {
	var b strings.Builder
	for _, a := range s.locals {
		fmt.Fprintf(&b, "route add local %s dev lo\n", a)
	}
	for _, r := range s.routes {
		fmt.Fprintf(&b, "route add %s dev %s\n", r.to, r.dev)
	}
	fmt.Fprintf(&b, "route add unreachable %s\nroute add unreachable %s\n", unreachable4, unreachable6)
	fmt.Fprintf(&b, "route add default dev %s\nroute add ::/0 dev %s\n", outside, outside)
	return b.String()
}

// deliveries are for each family: packets with a mark that TPROXY gives are delivered here.
func (s *site) deliveries() string {
	var b strings.Builder
	b.WriteString("route add local default dev lo table 100\n")
	for _, m := range s.marks {
		fmt.Fprintf(&b, "rule add fwmark %s lookup 100\n", m)
	}
	return b.String()
}

// openTAP makes a device in the thread's namespace.
func openTAP(name string) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	return fd, unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
}

// listen opens a transparent socket for both families.
func listen(typ int, port uint16) (int, error) {
	fd, err := unix.Socket(unix.AF_INET6, typ|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1),
		unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1),
		unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 0),
		unix.Bind(fd, &unix.SockaddrInet6{Port: int(port)}))
	if err == nil && typ == unix.SOCK_STREAM {
		err = unix.Listen(fd, 1024)
	}
	return fd, err
}

// socket returns a raw socket that belongs to w: its owner is what the thread's file system ids are when it is made.
func (s *site) socket(w sender) (int, error) {
	if fd, ok := s.senders[w]; ok {
		return fd, nil
	}
	fd := -1
	err := s.do(func() (err error) {
		unix.Setfsgid(int(w.gid))
		unix.Setfsuid(int(w.uid))
		defer unix.Setfsgid(0)
		defer unix.Setfsuid(0)
		family := unix.AF_INET
		if w.v6 {
			family = unix.AF_INET6
		}
		fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	if err == nil {
		s.senders[w] = fd
	}
	return fd, err
}

// arrive lets a packet come in by a device, as a frame that is for the site unless cast says otherwise.
func (s *site) arrive(dev string, from [6]byte, to [6]byte, packet []byte) error {
	typ := []byte{8, 0} // ETH_P_IP
	if packet[0]>>4 == 6 {
		typ = []byte{0x86, 0xdd} // ETH_P_IPV6
	}
	frame := append(append(append(append([]byte{}, to[:]...), from[:]...), typ...), packet...)
	_, err := unix.Write(s.taps[dev], frame)
	return err
}

// leave sends a packet from a socket of the site.
func (s *site) leave(w sender, mark uint32, dst netip.Addr, packet []byte) error {
	fd, err := s.socket(w)
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(int32(mark))); err != nil {
		return err
	}
	var to unix.Sockaddr = &unix.SockaddrInet6{Addr: dst.As16()}
	if !w.v6 {
		to = &unix.SockaddrInet4{Addr: dst.As4()}
	}
	return unix.Sendto(fd, packet, 0, to)
}

// departure is a packet that left.
type departure struct {
	dev    string
	packet []byte
}

// departures are the packets that left since the last call.
func (s *site) departures() []departure {
	var out []departure
	var b [4096]byte
	polls := make([]unix.PollFd, len(s.devices))
	for i, name := range s.devices {
		polls[i] = unix.PollFd{Fd: int32(s.taps[name]), Events: unix.POLLIN}
	}
	if n, err := unix.Poll(polls, 0); n == 0 || err != nil {
		return nil
	}
	for i, name := range s.devices {
		for polls[i].Revents != 0 {
			n, err := unix.Read(s.taps[name], b[:])
			if err != nil {
				break
			}
			if p := b[14:n]; n > 14+20 && !chatter(p) {
				out = append(out, departure{name, append([]byte{}, p...)})
			}
		}
	}
	return out
}

// chatter is what a kernel says by itself: MLD reports.
func chatter(p []byte) bool {
	return p[0]>>4 == 6 && len(p) > 48 && p[6] == 0 && p[40] == 58 && p[48] == 143
}

// settle waits until packets can leave by all devices: the kernel notices only after a while that a link is up.
func (s *site) settle() error {
	waiting := map[string]bool{}
	for _, dev := range s.devices {
		waiting[dev] = true
	}
	for range 3000 {
		for dev := range waiting {
			p := packet{proto: 253, src: s.address(dev, false, 1), dst: s.address(dev, false, 9), ttl: 64}
			if err := s.leave(sender{}, 0, p.dst, p.wire()[0]); err != nil {
				return err
			}
		}
		for _, d := range s.departures() {
			delete(waiting, d.dev)
		}
		if len(waiting) == 0 {
			s.departures()
			s.events()
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("nothing leaves by %v", waiting)
}
