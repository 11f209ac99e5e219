//go:build linux

package twin

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// headerNumbers are the matches of an extension header of IPv6.
var headerNumbers = map[string]uint8{"frag": 44, "rt": 43, "hbh": 0, "dst": 60, "ah": ah, "ipv6header": 60}

// header is an extension header of IPv6, or in IPv4 the protocol.
func header(n uint8) cond {
	return cond{
		yes: []edit{func(p *packet) {
			if p.v6() {
				p.headers = append(slices.Clip(p.headers), n)
			} else {
				p.proto = n
			}
		}},
		no: []edit{func(p *packet) {
			p.headers = slices.DeleteFunc(slices.Clone(p.headers), func(h uint8) bool { return h == n })
		}},
	}
}

// prefix reads a network, contiguous or not.
func prefix(w string) (addr, mask []byte, n netip.Prefix, ok bool) {
	host, m, masked := strings.Cut(w, "/")
	a, err := netip.ParseAddr(host)
	if err != nil {
		return nil, nil, n, false
	}
	addr = a.AsSlice()
	mask = make([]byte, len(addr))
	bits := len(addr) * 8
	if masked {
		if v, err := netip.ParseAddr(m); err == nil {
			return addr, v.AsSlice(), n, true
		}
		if bits, err = strconv.Atoi(m); err != nil {
			return nil, nil, n, false
		}
	}
	for i := range bits {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return addr, mask, netip.PrefixFrom(a, bits), true
}

// Members of a network: one that the site has itself, and one that it has not.
const mine, theirs = 5, 9

// address is -s or -d: one inside, both ends, and what is next to them.
func address(field func(*packet) *netip.Addr, note func(*cond, netip.Prefix)) func(*tables, condition) (cond, bool) {
	return func(_ *tables, w condition) (cond, bool) {
		addr, mask, net, ok := prefix(w.args[0])
		if !ok {
			return cond{}, false
		}
		inside := func(n byte) netip.Addr {
			b := slices.Clone(addr)
			b[len(b)-1] |= n & ^mask[len(b)-1]
			a, _ := netip.AddrFromSlice(b)
			return a
		}
		high := slices.Clone(addr)
		for i := range high {
			high[i] |= ^mask[i]
		}
		lo, _ := netip.AddrFromSlice(addr)
		hi, _ := netip.AddrFromSlice(high)
		set := func(a netip.Addr) edit { return func(p *packet) { *field(p) = a } }
		c := cond{
			yes: []edit{func(p *packet) {
				n := byte(theirs)
				if here := p.path == "in" && field(p) == &p.dst || p.path == "out" && field(p) == &p.src; here {
					n = mine
				}
				*field(p) = inside(n)
			}, set(lo), set(hi)},
			holds: func(p *packet) bool {
				b := field(p).AsSlice()
				for i := range b {
					if len(b) != len(mask) || b[i]&mask[i] != addr[i] {
						return false
					}
				}
				return true
			},
		}
		if before := lo.Prev(); before.IsValid() {
			c.no = append(c.no, set(before))
		}
		if after := hi.Next(); after.IsValid() {
			c.no = append(c.no, set(after))
		}
		if net.IsValid() && net.Bits() > 0 {
			note(&c, net)
		}
		return c, true
	}
}

func addressRange(field func(*packet) *netip.Addr) func(*tables, condition) (cond, bool) {
	return func(_ *tables, w condition) (cond, bool) {
		from, to, two := strings.Cut(w.args[0], "-")
		if !two {
			to = from
		}
		lo, err1 := netip.ParseAddr(from)
		hi, err2 := netip.ParseAddr(to)
		if err1 != nil || err2 != nil {
			return cond{}, false
		}
		set := func(a netip.Addr) edit {
			return func(p *packet) {
				if a.IsValid() {
					*field(p) = a
				}
			}
		}
		return cond{yes: []edit{set(lo), set(hi)}, no: []edit{set(lo.Prev()), set(hi.Next())}, holds: func(p *packet) bool {
			return field(p).Compare(lo) >= 0 && field(p).Compare(hi) <= 0
		}}, true
	}
}

// device is -i or -o.
func device(t *tables, w condition) (cond, bool) {
	name := w.args[0]
	real := deviceName(name)
	is := func(dev string) bool {
		if p, wild := strings.CutSuffix(name, "+"); wild {
			return strings.HasPrefix(dev, p)
		}
		return dev == name
	}
	if w.name == "-i" {
		return cond{in: real, yes: []edit{func(p *packet) { t.enter(p, real) }}, no: []edit{func(p *packet) { t.enter(p, inside) }},
			holds: func(p *packet) bool { return is(p.dev) || p.path == "lo" && is("lo") }}, true
	}
	return cond{out: real, yes: []edit{func(p *packet) { t.exit(p, real) }}, no: []edit{func(p *packet) { t.exit(p, outside) }},
		holds: func(p *packet) bool { return is(p.to) || p.path == "lo" && is("lo") }}, true
}

func protocol(_ *tables, w condition) (cond, bool) {
	n, ok := protocolNumber(w.args[0])
	if !ok {
		return cond{}, false
	}
	set := func(n uint8) edit { return func(p *packet) { p.proto = n } }
	others := []edit{set(tcp), set(udp), set(253)}
	if n == tcp {
		others = others[1:]
	}
	if n == udp {
		others = others[:1]
	}
	return cond{yes: []edit{set(n)}, no: others, holds: func(p *packet) bool { return p.proto == n }}, true
}

// protocolNumber reads a protocol as iptables-save prints it: by number, or by its name in /etc/protocols or in libxtables.
func protocolNumber(w string) (uint8, bool) {
	if n, err := strconv.ParseUint(w, 10, 8); err == nil {
		return uint8(n), true
	}
	n, ok := map[string]uint8{"icmp": icmp, "igmp": 2, "ipencap": 4, "tcp": tcp, "udp": udp, "dccp": dccp, "ipv6": 41, "gre": 47, "esp": esp, "ah": ah,
		"icmpv6": icmp6, "ipv6-icmp": icmp6, "ospf": 89, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "sctp": sctp, "mobility-header": mobility,
		"ipv6-mh": mobility, "udplite": udplite}[w]
	return n, ok
}

var fragment = cond{
	yes:   []edit{func(p *packet) { p.pieces = "later" }},
	no:    []edit{func(p *packet) { p.pieces = "" }, func(p *packet) { p.pieces = "two" }},
	holds: func(p *packet) bool { return p.pieces == "later" },
}

// addressType asks for kinds of addresses.
func addressType(field func(*packet) *netip.Addr) func(*tables, condition) (cond, bool) {
	return func(t *tables, w condition) (cond, bool) {
		var c cond
		wanted := strings.Split(w.args[0], ",")
		for _, kind := range []struct{ name, v4, v6 string }{
			{"LOCAL", "10.199.0.1", "fd99::1"}, {"UNICAST", "10.199.0.9", "fd99::9"}, {"BROADCAST", "10.199.0.255", "fd99::77"},
			{"MULTICAST", "224.0.0.251", "ff02::fb"}, {"UNREACHABLE", "198.51.100.7", "2001:db8:dead::7"}, {"LOCAL", "127.0.0.1", "::1"},
		} {
			a := netip.MustParseAddr(kind.v4)
			if t.v6 {
				a = netip.MustParseAddr(kind.v6)
			}
			e := func(p *packet) { *field(p) = a }
			if slices.Contains(wanted, kind.name) {
				c.yes = append(c.yes, e)
			} else {
				c.no = append(c.no, e)
			}
		}
		return c, true
	}
}

func macSource(_ *tables, w condition) (cond, bool) {
	b, err := hex.DecodeString(strings.ReplaceAll(w.args[0], ":", ""))
	if err != nil || len(b) != 6 {
		return cond{}, false
	}
	m := [6]byte(b)
	other := m
	other[5]++
	return cond{
		yes:   []edit{func(p *packet) { p.mac = m }},
		no:    []edit{func(p *packet) { p.mac = other }, func(p *packet) { p.mac = peerMAC }},
		holds: func(p *packet) bool { return p.mac == m },
	}, true
}

func packetType(_ *tables, w condition) (cond, bool) {
	var c cond
	for _, name := range []string{"unicast", "broadcast", "multicast"} {
		e := func(p *packet) { p.cast = strings.TrimPrefix(name, "unicast") }
		if name == w.args[0] {
			c.yes = append(c.yes, e)
		} else {
			c.no = append(c.no, e)
		}
	}
	return c, true
}
