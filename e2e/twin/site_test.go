//go:build linux

package twin

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rechain/nft/kernel/testlab"
)

// shape is what both sites of a trial look like: the devices that the dump names, and two more; the addresses that are local; and
// the networks behind devices. Behind the first device is all the rest.
type shape struct {
	devices []string
	locals  []netip.Addr
	routes  []route
	ports   []uint16 // where somebody listens, transparently, TCP and UDP
	groups  []uint16 // of the rules' own NFLOG
	classes []string // that CLASSIFY gives
	marks   []string // that TPROXY gives: packets that have one are local
}

type route struct {
	to  netip.Prefix
	dev string
}

// The devices that no dump names.
const outside, inside = "twin0", "twin1"

// address is that of a device's N-th neighbour; the site's own is the first.
func (s *shape) address(dev string, v6 bool, n byte) netip.Addr {
	for i, name := range s.devices {
		if name != dev {
			continue
		}
		if v6 {
			return netip.AddrFrom16([16]byte{0xfd, 0x99, 0, byte(i), 15: n})
		}
		return netip.AddrFrom4([4]byte{10, 199, byte(i), n})
	}
	if v6 {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, n})
}

// mac is the address of all devices, and peerMAC that of all their neighbours.
var mac, peerMAC = [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2}

// site is a network namespace. The test holds the other end of its devices: what it writes there arrives, and what leaves it reads.
type site struct {
	*shape
	work    chan func()
	taps    map[string]int // file descriptors by device
	senders map[sender]int // raw sockets
	log     int            // where netfilter logs
	conns   int            // where conntrack is asked
	names   map[uint32]string
	sockets []int
	lock    string // the file that iptables locks
}

// sender is who a raw socket belongs to.
type sender struct {
	v6       bool
	uid, gid uint32
}

// knobs turn forwarding on, and everything off that sends packets by itself, limits how often it answers, believes a packet's
// sender, or depends on numbers that the kernel draws.
var knobs = map[string]string{
	"ipv4/ip_forward": "1", "ipv4/conf/*/rp_filter": "0", "ipv4/conf/*/send_redirects": "0", "ipv4/conf/*/accept_local": "1",
	"ipv4/conf/*/route_localnet": "1", "ipv4/icmp_ratelimit": "0", "ipv4/icmp_msgs_per_sec": "1000000",
	"ipv4/icmp_msgs_burst": "1000000", "ipv4/icmp_echo_ignore_broadcasts": "0", "ipv4/tcp_synack_retries": "0", "ipv4/tcp_timestamps": "0",
	"ipv4/tcp_syncookies": "0", "ipv4/ip_early_demux": "0", "netfilter/nf_conntrack_tcp_be_liberal": "1",
	"ipv6/conf/*/forwarding": "1", "ipv6/conf/*/accept_ra": "0", "ipv6/conf/*/router_solicitations": "0",
	"ipv6/conf/*/addr_gen_mode": "1", "ipv6/conf/*/accept_dad": "0", "ipv6/icmp/ratelimit": "0", "ipv6/auto_flowlabels": "0",
}

// newSite makes a site. It goes when the test ends.
func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{work: make(chan func()), taps: map[string]int{}, senders: map[sender]int{}, names: map[uint32]string{}, log: -1, conns: -1}
	s.lock = filepath.Join(t.TempDir(), "lock")
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with its namespace
		ready <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range s.work {
			f()
		}
	}()
	testlab.Need(t, <-ready == nil, "the right to make network namespaces")
	t.Cleanup(s.close)
	must(t, s.do(func() error { return setKnobs() }))
	return s
}

func (s *site) close() {
	if s.work == nil {
		return
	}
	close(s.work)
	s.work = nil
	for _, fd := range s.taps {
		unix.Close(fd)
	}
	for _, fd := range s.senders {
		unix.Close(fd)
	}
	for _, fd := range append(s.sockets, s.log, s.conns) {
		unix.Close(fd)
	}
}

// do runs f in the namespace. What it starts stays there.
func (s *site) do(f func() error) error {
	done := make(chan error)
	s.work <- func() { done <- f() }
	return <-done
}

// run runs a program in the namespace.
func (s *site) run(stdin string, command ...string) (string, error) {
	var out []byte
	err := s.do(func() (err error) {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Env = append(os.Environ(), "XTABLES_LOCKFILE="+s.lock)
		cmd.Stdin = strings.NewReader(stdin)
		out, err = cmd.CombinedOutput()
		return err
	})
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
	}
	return string(out), err
}

// build gives the site its shape.
func (s *site) build(shape *shape) error {
	s.shape = shape
	if err := s.do(s.openAll); err != nil {
		return err
	}
	// Dumps may name a network twice: what is there first stays, with -force. What is really missing shows when packets are to leave.
	s.run(s.links()+s.paths(), "ip", "-force", "-batch", "-")
	for _, family := range []string{"-4", "-6"} {
		if len(s.marks) == 0 {
			break
		}
		if _, err := s.run(s.deliveries(), "ip", family, "-batch", "-"); err != nil {
			return err
		}
	}
	if err := s.observe(); err != nil {
		return err
	}
	return s.settle()
}

func (s *site) openAll() error {
	for _, name := range s.devices {
		fd, err := openTAP(name)
		if err != nil {
			return fmt.Errorf("device %s: %w", name, err)
		}
		s.taps[name] = fd
	}
	for _, port := range s.ports {
		for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
			fd, err := listen(typ, port)
			if err != nil {
				return fmt.Errorf("listen at port %d: %w", port, err)
			}
			s.sockets = append(s.sockets, fd)
		}
	}
	return nil
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

func setKnobs() error {
	for name, value := range knobs {
		for _, conf := range []string{"all", "default"} {
			err := os.WriteFile(filepath.Join("/proc/sys/net", strings.Replace(name, "*", conf, 1)), []byte(value), 0)
			if err != nil && !os.IsNotExist(err) && !errors.Is(err, unix.EACCES) {
				return err
			}
		}
	}
	return nil
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
