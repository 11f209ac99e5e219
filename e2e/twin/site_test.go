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
