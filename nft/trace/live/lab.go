package live

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/kernel"
	"rechain/nft/packet"
)

// Lab is a network namespace with rules, in which packets are sent one after the other.
type Lab struct {
	rules   *rules
	ns      *kernel.Namespace
	route   *routing
	devices map[string]*device
}

// device is one of the lab's: a TAP device, or lo, which has no file.
type device struct {
	file  *os.File
	index int
	mac   []byte
}

// Open makes a namespace and loads a copy of a rule set's tables of IP into it, without their owners. It needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
func Open(rs *nft.Ruleset) (_ *Lab, err error) {
	l := &Lab{devices: map[string]*device{}}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	if l.ns, err = kernel.NewNamespace(); err != nil {
		return nil, err
	}
	if err := l.ns.Do(settings); err != nil {
		return nil, err
	}
	if l.route, err = dialRouting(l.ns); err != nil {
		return nil, err
	}
	if err := l.route.up(loopbackIndex); err != nil {
		return nil, fmt.Errorf("set up lo: %w", err)
	}
	l.devices["lo"] = &device{index: loopbackIndex, mac: make([]byte, 6)}
	conn, err := kernel.Dial(l.ns)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	b := &kernel.Batch{Origin: kernel.Label("copy of the rules")}
	for _, t := range nft.Lower(rs).Tables {
		if t.Family == bytecode.Inet || t.Family == bytecode.IPv4 || t.Family == bytecode.IPv6 {
			free := *t
			free.Flags, free.Owner = t.Flags&dormant, 0
			b.AddAll(&free, nil)
		}
	}
	if b.Len() > 0 {
		if err := conn.Commit(b, 0); err != nil {
			return nil, err
		}
	}
	have, err := conn.Ruleset(nil)
	if err != nil {
		return nil, err
	}
	l.rules, err = copied(rs, have)
	return l, err
}

// Ruleset is the rule set as the kernel holds it, with its handles.
func (l *Lab) Ruleset() *nft.Ruleset { return nft.Raise(l.rules.tables) }

const dormant = 1 // NFT_TABLE_F_DORMANT

// Close ends the namespace.
func (l *Lab) Close() error {
	var errs []error
	for _, d := range l.devices {
		if d.file != nil {
			errs = append(errs, d.file.Close())
		}
	}
	if l.route != nil {
		errs = append(errs, l.route.conn.Close())
	}
	if l.ns != nil {
		errs = append(errs, l.ns.Close())
	}
	return errors.Join(errs...)
}

// settings make the namespace a router that takes packets from any address, and whose devices have no addresses but those that they are
// given (Documentation/networking/ip-sysctl.rst).
func settings() error {
	for _, s := range [][2]string{
		{"ipv4/ip_forward", "1"}, {"ipv4/conf/all/rp_filter", "0"}, {"ipv4/conf/default/rp_filter", "0"},
		{"ipv4/conf/all/accept_local", "1"}, {"ipv4/conf/all/route_localnet", "1"}, {"ipv4/conf/all/forwarding", "1"}, {"ipv4/conf/default/forwarding", "1"},
		{"ipv6/conf/all/forwarding", "1"}, {"ipv6/conf/default/addr_gen_mode", "1"}, {"ipv6/conf/default/accept_dad", "0"},
		{"ipv6/conf/all/disable_ipv6", "0"}, {"ipv6/conf/default/disable_ipv6", "0"},
	} {
		err := os.WriteFile(filepath.Join("/proc/sys/net", s[0]), []byte(s[1]), 0)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// device is the device of a name, made if it is not there. index is the one that it shall have; 0: any.
func (l *Lab) device(name string, index int) (*device, error) {
	if d := l.devices[name]; d != nil {
		return d, nil
	}
	d := &device{}
	err := l.ns.Do(func() error { return d.open(name, index) })
	if err == nil {
		err = l.route.up(d.index)
	}
	if err != nil {
		return nil, fmt.Errorf("make device %s: %w", name, err)
	}
	l.devices[name] = d
	return d, nil
}

// open makes a TAP device (Documentation/networking/tuntap.rst).
func (d *device) open(name string, index int) error {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/net/tun: %w", err)
	}
	d.file = os.NewFile(uintptr(fd), "/dev/net/tun")
	if index > loopbackIndex {
		if err := unix.IoctlSetPointerInt(fd, unix.TUNSETIFINDEX, index); err != nil {
			return err
		}
	}
	ifr.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return err
	}
	link, err := net.InterfaceByName(name)
	if err == nil {
		d.index, d.mac = link.Index, link.HardwareAddr
	}
	return err
}

// ready waits until the addresses of IPv6 are no longer tentative (IFA_F_TENTATIVE), which takes the kernel's workers a moment.
func (l *Lab) ready() error {
	return l.ns.Do(func() error {
		for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(time.Millisecond) {
			b, err := os.ReadFile("/proc/thread-self/net/if_inet6")
			if err != nil {
				return nil // there is no IPv6
			}
			tentative := slices.ContainsFunc(bytes.Split(b, []byte("\n")), func(line []byte) bool {
				fields := bytes.Fields(line)
				return len(fields) == 6 && fields[4][0] >= '4' && (fields[4][0]-'0')&4 != 0 && fields[4][0] <= '7'
			})
			if !tentative {
				return nil
			}
			if time.Now().After(deadline) {
				return errors.New("addresses of IPv6 stay tentative")
			}
		}
	})
}

// The devices of packets that name none.
const unnamedIn, unnamedOut = "rechain-in", "rechain-out"

// lay gives the namespace the devices, addresses and routes that a packet needs, and returns the device that it comes in by; nil for one that is
// sent.
func (l *Lab) lay(line *packet.Line) (in *device, err error) {
	p := line.Packet
	size := 4
	if line.IPv6 {
		size = 16
	}
	src, dst := p.Get(line.Src()).Bytes(size), p.Get(line.Dst()).Bytes(size)
	named := func(name, index packet.Field, otherwise string) (*device, error) {
		if v := p.Get(name); !v.IsZero() {
			otherwise = name.Text(v)
		}
		return l.device(otherwise, int(p.Get(index).Lo))
	}
	var out *device
	if line.Route == packet.Received || line.Route == packet.Forwarded {
		if in, err = named(packet.Iif, packet.IifIndex, unnamedIn); err != nil {
			return nil, err
		}
	}
	switch {
	case line.Route == packet.Looped: // where it would go if a rule gave it another destination
		if out, err = l.device(unnamedOut, 0); err != nil {
			return nil, err
		}
	case line.Route != packet.Received || !p.Get(packet.Oif).IsZero():
		if out, err = named(packet.Oif, packet.OifIndex, unnamedOut); err != nil {
			return nil, err
		}
	}
	fallback := out
	if fallback == nil {
		fallback = in
	}
	var steps []error
	do := func(err error) { steps = append(steps, err) }
	own := func(addr []byte, d *device) {
		if special(addr) {
			return
		}
		do(l.route.address(addr, d.index))
		do(l.route.route(addr, 8*size, d.index, true))
	}
	switch line.Route {
	case packet.Received:
		own(dst, in)
		do(l.route.route(src, 8*size, in.index, false))
		if out != nil {
			own(stations[size][1], out)
		}
	case packet.Forwarded:
		own(stations[size][0], in)
		own(stations[size][1], out)
		do(l.route.route(dst, 8*size, out.index, false))
		do(l.route.route(src, 8*size, in.index, false))
	case packet.Sent:
		own(src, out)
	case packet.Looped:
		lo := l.devices["lo"]
		own(src, lo)
		own(dst, lo)
		own(stations[size][1], out)
	}
	do(l.route.route(make([]byte, size), 0, fallback.index, false))
	do(l.ready())
	if err := errors.Join(steps...); err != nil {
		return nil, fmt.Errorf("lay a way for the packet: %w", err)
	}
	return in, nil
}

// stations are addresses of the devices that a packet is forwarded by, which redirect and masquerade need (nf_nat_redirect_ipv4,
// nf_nat_masquerade_ipv4). They are for benchmarks, so that rules do not name them (RFC 2544, 5180).
var stations = map[int][2][]byte{
	4:  {{198, 18, 0, 1}, {198, 18, 0, 2}},
	16: {net.ParseIP("2001:2::1"), net.ParseIP("2001:2::2")},
}

// special says whether an address needs no route of its own: loopback's, multicast and broadcast, and none.
func special(addr []byte) bool {
	ip := net.IP(addr)
	return ip.IsLoopback() || ip.IsMulticast() || ip.IsUnspecified() || ip.Equal(net.IPv4bcast)
}
