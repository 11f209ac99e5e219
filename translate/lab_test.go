//go:build linux

package translate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rechain/nft/kernel"
	"rechain/nft/kernel/testlab"
	"rechain/translate/iptables"
)

// site is a network namespace between two networks: 10.1.0.0/16 and fd01::/64 behind eth0, 10.2.0.0/16 and fd02::/64 and all
// the rest behind eth1. Both devices are in the test's hands: what it writes there arrives, and what leaves it reads. There are
// transparent sockets at port 15001, TCP and UDP, and packets with mark 0x539 are delivered locally.
type site struct {
	ns      *kernel.Namespace
	conn    *kernel.Conn
	devices map[string]int // file descriptors of TUN devices
	senders map[sender]int
}

// sender is who a raw socket belongs to.
type sender struct {
	family   iptables.Family
	uid, gid uint32
}

const siteLinks = `link set lo up
addr add 10.1.0.1/16 dev eth0
addr add fd01::1/64 dev eth0 nodad
addr add 10.2.0.1/16 dev eth1
addr add fd02::1/64 dev eth1 nodad
link set eth0 up
link set eth1 up
`

// siteRoutes are for each family.
const siteRoutes = `route add default dev eth1
rule add fwmark 0x539 lookup 100
route add local default dev lo table 100
`

// siteKnobs turn forwarding on, and everything off that sends packets by itself, or limits how often it answers. Early demultiplexing
// would give a forwarded packet to a socket that a case before left behind, and strict connection tracking would judge packets by a
// sequence number that the kernel drew.
var siteKnobs = map[string]string{
	"ipv4/ip_forward": "1", "ipv4/conf/*/rp_filter": "0", "ipv4/conf/*/send_redirects": "0", "ipv4/icmp_ratelimit": "0",
	"ipv4/icmp_msgs_per_sec": "1000000", "ipv4/icmp_msgs_burst": "1000000", "ipv4/tcp_synack_retries": "0",
	"ipv4/ip_early_demux": "0", "netfilter/nf_conntrack_tcp_be_liberal": "1",
	"ipv4/ipfrag_time": "600", "ipv6/ip6frag_time": "600", "netfilter/nf_conntrack_frag6_timeout": "600",
	"ipv4/ipfrag_high_thresh": "99999999", "ipv6/ip6frag_high_thresh": "99999999", "netfilter/nf_conntrack_frag6_high_thresh": "99999999",
	"ipv6/conf/*/forwarding": "1", "ipv6/conf/*/accept_ra": "0", "ipv6/conf/*/router_solicitations": "0",
	"ipv6/conf/*/addr_gen_mode": "1", "ipv6/conf/*/accept_dad": "0", "ipv6/icmp/ratelimit": "0", "ipv6/auto_flowlabels": "0", "ipv6/mld_qrv": "1",
	"ipv6/conf/*/mldv2_unsolicited_report_interval": "1", "ipv6/conf/*/mldv1_unsolicited_report_interval": "1",
}

// newSite makes a site. It goes when the test ends.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{ns: newNamespace(t), devices: map[string]int{}, senders: map[sender]int{}}
	must(t, s.ns.Do(func() error {
		if err := setKnobs("all", "default"); err != nil {
			return err
		}
		for _, name := range []string{"eth0", "eth1"} {
			fd, err := openTUN(name, unix.IFF_TUN)
			if err != nil {
				return err
			}
			s.devices[name] = fd
		}
		for _, batch := range []struct {
			family []string
			text   string
		}{{nil, siteLinks}, {[]string{"-4"}, siteRoutes}, {[]string{"-6"}, siteRoutes}} {
			cmd := exec.Command("ip", append(batch.family, "-batch", "-")...)
			cmd.Stdin = strings.NewReader(batch.text)
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("ip: %w: %s", err, out)
			}
		}
		return listenTransparent()
	}))
	var err error
	s.conn, err = kernel.Dial(s.ns)
	must(t, err)
	t.Cleanup(func() {
		s.conn.Close()
		for _, fd := range s.devices {
			unix.Close(fd)
		}
		for _, fd := range s.senders {
			unix.Close(fd)
		}
	})
	s.settle(t)
	return s
}

// settle waits until packets pass both ways, since the kernel notices only after a while that the links are up, and then until
// nothing more is sent by itself.
func (s *site) settle(t *testing.T) {
	t.Helper()
	there4, there6 := start("fwd", iptables.IPv4), start("fwd", iptables.IPv6)
	back4, back6 := talk(there4)[1], talk(there6)[1]
	deadline := time.Now().Add(10 * time.Second)
	for _, p := range []*probe{&there4, &there6, back4, back6} {
		for len(s.receive()) == 0 {
			if time.Now().After(deadline) {
				t.Fatalf("the site does not forward %s", p)
			}
			must(t, s.send(p))
			time.Sleep(time.Millisecond)
		}
	}
	for quiet := 0; quiet < 4; quiet++ { // nothing for 40 ms
		time.Sleep(10 * time.Millisecond)
		if len(s.receive()) > 0 {
			quiet = 0
		}
	}
}

// newNamespace makes a network namespace.
func newNamespace(t *testing.T) *kernel.Namespace {
	t.Helper()
	type made struct {
		ns  *kernel.Namespace
		err error
	}
	done := make(chan made)
	go func() {
		runtime.LockOSThread() // and never unlocked, so that the thread ends with its namespace
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- made{nil, err}
			return
		}
		ns, err := kernel.OpenNamespace("/proc/thread-self/ns/net")
		done <- made{ns, err}
	}()
	m := <-done
	testlab.Need(t, m.err == nil, "the right to make network namespaces")
	t.Cleanup(func() { m.ns.Close() })
	return m.ns
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func setKnobs(confs ...string) error {
	for name, value := range siteKnobs {
		for _, conf := range confs {
			err := os.WriteFile(filepath.Join("/proc/sys/net", strings.Replace(name, "*", conf, 1)), []byte(value), 0)
			if err != nil && !os.IsNotExist(err) && !errors.Is(err, unix.EACCES) {
				return err
			}
		}
	}
	return nil
}

// openTUN makes a device in the thread's namespace: of IP packets (IFF_TUN), or of Ethernet frames (IFF_TAP).
func openTUN(name string, kind uint16) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("/dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	request.SetUint16(kind | unix.IFF_NO_PI)
	return fd, unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
}

// listenTransparent opens the sockets at port 15001. They stay open as long as the process.
func listenTransparent() error {
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		for _, typ := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
			fd, err := unix.Socket(family, typ|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			var at unix.Sockaddr = &unix.SockaddrInet4{Port: 15001}
			if family == unix.AF_INET6 {
				at = &unix.SockaddrInet6{Port: 15001}
				err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 1),
					unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_TRANSPARENT, 1))
			} else {
				err = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1)
			}
			if err := errors.Join(err, unix.Bind(fd, at)); err != nil {
				return err
			}
			if typ == unix.SOCK_STREAM {
				if err := unix.Listen(fd, 8); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// run runs a program in the site's namespace.
func (s *site) run(stdin string, command ...string) (string, error) {
	var out []byte
	err := s.ns.Do(func() error {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Stdin = strings.NewReader(stdin)
		var err error
		out, err = cmd.CombinedOutput()
		return err
	})
	return string(out), err
}

// send sends one probe, from outside or from a socket of the site, and returns what the sender was told.
func (s *site) send(p *probe) error {
	frame := p.frame()
	if p.path == "in" || p.path == "fwd" {
		_, err := unix.Write(s.devices[p.dev], frame)
		return err
	}
	fd, err := s.socket(sender{p.family(), p.uid, p.gid})
	if err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(int32(p.mark))); err != nil {
		return err
	}
	var to unix.Sockaddr = &unix.SockaddrInet6{Addr: p.dst.As16()}
	if p.dst.Is4() {
		to = &unix.SockaddrInet4{Addr: p.dst.As4()}
	}
	return unix.Sendto(fd, frame, 0, to)
}

// socket returns a raw socket that belongs to w: file owners are what a thread's file system IDs were at its making.
func (s *site) socket(w sender) (int, error) {
	if fd, ok := s.senders[w]; ok {
		return fd, nil
	}
	fd := -1
	err := s.ns.Do(func() (err error) {
		unix.Setfsgid(int(w.gid))
		unix.Setfsuid(int(w.uid))
		defer unix.Setfsgid(0)
		defer unix.Setfsuid(0)
		family := unix.AF_INET
		if w.family == iptables.IPv6 {
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

// receive returns the frames that left since the last call, each with its device before it.
func (s *site) receive() []string {
	var frames []string
	var b [2048]byte
	for _, name := range []string{"eth0", "eth1"} {
		for {
			n, err := unix.Read(s.devices[name], b[:])
			if err != nil {
				break
			}
			frames = append(frames, name+" "+string(normal(b[:n])))
		}
	}
	return frames
}

// forget makes conntrack forget all connections: IPCTNL_MSG_CT_DELETE without a tuple (nf_conntrack_netlink.c).
func (s *site) forget() error {
	return s.ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		m := make([]byte, unix.SizeofNlMsghdr+4) // struct nlmsghdr and struct nfgenmsg
		binary.NativeEndian.PutUint32(m[0:], uint32(len(m)))
		binary.NativeEndian.PutUint16(m[4:], unix.NFNL_SUBSYS_CTNETLINK<<8|2)
		binary.NativeEndian.PutUint16(m[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
		if err := unix.Sendto(fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		var b [1024]byte
		if _, _, err := unix.Recvfrom(fd, b[:], 0); err != nil {
			return err
		}
		if errno := *(*int32)(unsafe.Pointer(&b[unix.SizeofNlMsghdr])); errno != 0 {
			return fmt.Errorf("conntrack flush: %w", unix.Errno(-errno))
		}
		return nil
	})
}
