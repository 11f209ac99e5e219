//go:build linux

package twin

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// maxDevices is how many devices a site has at most.
const maxDevices = 48

// deviceName is the device that stands for a name in a rule.
func deviceName(w string) string {
	if p, wild := strings.CutSuffix(w, "+"); wild {
		return p[:min(len(p), 14)] + "0"
	}
	return w
}

// enter makes a packet come in by a device.
func (t *tables) enter(p *packet, dev string) {
	switch {
	case dev == "lo":
		t.toLoopback(p)
	case p.path == "in" || p.path == "fwd":
		p.dev = dev
		p.src = t.shape().address(dev, p.v6(), theirs)
		if p.path == "in" {
			p.dst = t.shape().address(dev, p.v6(), 1)
		}
	}
}

// exit makes a packet leave by a device.
func (t *tables) exit(p *packet, dev string) {
	switch {
	case dev == "lo":
		t.toLoopback(p)
	case p.path == "out" || p.path == "fwd":
		p.to = dev
		p.dst = t.shape().address(dev, p.v6(), theirs)
		if p.path == "out" {
			p.src = t.shape().address(dev, p.v6(), 1)
		}
	}
}

func (t *tables) toLoopback(p *packet) {
	if p.path != "fwd" {
		p.path, p.dev, p.to = "lo", "", ""
		p.src = t.shape().address("lo", p.v6(), 1)
		p.dst = p.src
	}
}

// start is a harmless packet on a path.
func (t *tables) start(path string) packet {
	p := packet{path: path, proto: udp, sport: 1000, dport: 2000, ttl: 64, flags: 2, icmpType: 8, mac: peerMAC}
	if t.v6 {
		p.icmpType = 128
	}
	s := t.shape()
	switch path {
	case "in":
		p.dev, p.src, p.dst = outside, s.address(outside, t.v6, theirs), s.address(outside, t.v6, 1)
	case "fwd":
		p.dev, p.to, p.src, p.dst = outside, inside, s.address(outside, t.v6, theirs), s.address(inside, t.v6, theirs)
	case "out":
		p.to, p.src, p.dst = outside, s.address(outside, t.v6, 1), s.address(outside, t.v6, theirs)
	case "lo":
		p.src = s.address("lo", t.v6, 1)
		p.dst = p.src
	}
	return p
}

// shape is what the sites look like for the dump.
func (t *tables) shape() *shape {
	if t.made != nil {
		return t.made
	}
	s := &shape{devices: []string{outside, inside}, ports: []uint16{22}}
	t.made = s
	for _, r := range t.all {
		for _, c := range r.words {
			if c.name == "-i" || c.name == "-o" {
				dev := deviceName(c.args[0])
				if dev != "lo" && dev != "0" && !slices.Contains(s.devices, dev) && len(s.devices) < maxDevices {
					s.devices = append(s.devices, dev)
				}
			}
		}
		for _, option := range []string{"--to-ports", "--on-port"} {
			if v, err := strconv.ParseUint(r.args[option], 10, 16); err == nil && v > 0 {
				s.ports = append(s.ports, uint16(v))
			}
		}
		if v, err := strconv.ParseUint(cmp.Or(r.args["--nflog-group"], "0"), 10, 16); err == nil && r.target == "NFLOG" {
			s.groups = append(s.groups, uint16(v))
		}
		if c := r.args["--set-class"]; c != "" {
			s.classes = append(s.classes, c)
		}
		if v, _, ok := valueMask(r.args["--tproxy-mark"]); ok && v != 0 {
			s.marks = append(s.marks, strconv.FormatUint(uint64(v), 10))
		}
	}
	slices.Sort(s.groups)
	s.groups = slices.DeleteFunc(slices.Compact(s.groups), func(g uint16) bool { return g == 0 })
	for _, list := range []*[]string{&s.classes, &s.marks} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	slices.Sort(s.ports)
	s.ports = slices.Compact(s.ports)
	t.placeAddresses(s)
	return s
}

// placeAddresses makes addresses local that rules want there, and puts networks behind the devices that rules want them behind.
func (t *tables) placeAddresses(s *shape) {
	for _, r := range t.all {
		for _, way := range t.ways(r) {
			var in, out string
			var src, dst netip.Prefix
			for _, c := range way.conds {
				in, out = cmp.Or(c.in, in), cmp.Or(c.out, out)
				if c.src.IsValid() {
					src = c.src
				}
				if c.dst.IsValid() {
					dst = c.dst
				}
			}
			s.put(src, in)
			s.put(dst, out)
			if way.hook == "INPUT" && ordinary(dst) {
				s.local(dst)
			}
			if way.hook == "OUTPUT" && ordinary(src) {
				s.local(src)
			}
		}
	}
}

// ordinary says whether a network is one of unicast addresses of others.
func ordinary(n netip.Prefix) bool {
	a := n.Addr()
	return n.IsValid() && n.Bits() >= 8 && !a.IsMulticast() && !a.IsLoopback() && !a.IsUnspecified() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func (s *shape) put(n netip.Prefix, dev string) {
	if ordinary(n) && dev != "lo" && slices.Contains(s.devices, dev) && len(s.routes) < 1000 {
		s.routes = append(s.routes, route{n.Masked(), dev})
	}
}

func (s *shape) local(n netip.Prefix) {
	b := n.Masked().Addr().AsSlice()
	if n.Bits() <= len(b)*8-4 {
		b[len(b)-1] |= mine
	}
	a, _ := netip.AddrFromSlice(b)
	if !slices.Contains(s.locals, a) && len(s.locals) < 1000 {
		s.locals = append(s.locals, a)
	}
}
