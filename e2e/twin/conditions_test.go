//go:build linux

package twin

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// edit makes a packet another.
type edit func(*packet)

// cond is a condition as packets see it: edits that make it hold and that break it, both at and beside its boundaries, and whether
// it holds for a packet; nil: that cannot be known before.
type cond struct {
	yes, no []edit
	holds   func(*packet) bool
	// What it says about where packets come from and go to, if it says that without "!".
	in, out  string
	src, dst netip.Prefix
}

// conditions are those of a rule, with the devices first: addresses are edited after them.
func (t *tables) conditions(r *rule) []cond {
	var first, rest []cond
	for _, w := range r.words {
		f := makers[w.ext+" "+w.name]
		if f == nil || len(w.args) == 0 && !slices.Contains([]string{"-f", "--syn"}, w.name) {
			if n, ok := headerNumbers[w.ext]; ok { // such a header, whatever else is asked of it
				rest = append(rest, header(n))
			}
			continue
		}
		c, ok := f(t, w)
		if !ok {
			continue
		}
		if w.neg {
			c.yes, c.no = c.no, c.yes
			if holds := c.holds; holds != nil {
				c.holds = func(p *packet) bool { return !holds(p) }
			}
			c.in, c.out, c.src, c.dst = "", "", netip.Prefix{}, netip.Prefix{}
		}
		if w.name == "-i" || w.name == "-o" {
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	return append(first, rest...)
}

// makers make conditions of options, by match and option. Those without a match are of all rules.
var makers = map[string]func(*tables, condition) (cond, bool){
	" -s": address(func(p *packet) *netip.Addr { return &p.src }, func(c *cond, n netip.Prefix) { c.src = n }),
	" -d": address(func(p *packet) *netip.Addr { return &p.dst }, func(c *cond, n netip.Prefix) { c.dst = n }),
	" -i": device, " -o": device, " -p": protocol,
	" -f":         func(*tables, condition) (cond, bool) { return fragment, true },
	"tcp --sport": ports(sport), "tcp --dport": ports(dport), "udp --sport": ports(sport), "udp --dport": ports(dport),
	"sctp --sport": ports(sport), "sctp --dport": ports(dport), "dccp --sport": ports(sport), "dccp --dport": ports(dport),
	"udplite --sport": ports(sport), "udplite --dport": ports(dport),
	"multiport --sports": ports(sport), "multiport --dports": ports(dport), "multiport --ports": ports(dport, sport),
	"tcp --tcp-flags": tcpFlags, "tcp --syn": syn, "tcp --tcp-option": tcpOption, "tcpmss --mss": segmentSize,
	"icmp --icmp-type": icmpType(icmp), "icmp6 --icmpv6-type": icmpType(icmp6),
	"mh --mh-type":  number(":", 0, 255, func(p *packet, v uint64) { p.icmpType = uint8(v) }, func(p *packet) uint64 { return uint64(p.icmpType) }),
	"state --state": state, "conntrack --ctstate": state,
	"mark --mark":       mark,
	"owner --uid-owner": number("-", 0, 1<<31-1, func(p *packet, v uint64) { p.path, p.uid = local(p), uint32(v) }, func(p *packet) uint64 { return uint64(p.uid) }),
	"owner --gid-owner": number("-", 0, 1<<31-1, func(p *packet, v uint64) { p.path, p.gid = local(p), uint32(v) }, func(p *packet) uint64 { return uint64(p.gid) }),
	"ttl --ttl-eq":      ttl, "ttl --ttl-lt": ttlBelow, "ttl --ttl-gt": ttlAbove, "hl --hl-eq": ttl, "hl --hl-lt": ttlBelow, "hl --hl-gt": ttlAbove,
	"dscp --dscp":         number("-", 0, 63, func(p *packet, v uint64) { p.tos = uint8(v) << 2 }, func(p *packet) uint64 { return uint64(p.tos >> 2) }),
	"tos --tos":           tos,
	"length --length":     number(":", 60, 1400, func(p *packet, v uint64) { p.length = int(v) }, nil),
	"iprange --src-range": addressRange(func(p *packet) *netip.Addr { return &p.src }), "iprange --dst-range": addressRange(func(p *packet) *netip.Addr { return &p.dst }),
	"addrtype --src-type": addressType(func(p *packet) *netip.Addr { return &p.src }), "addrtype --dst-type": addressType(func(p *packet) *netip.Addr { return &p.dst }),
	"mac --mac-source": macSource, "pkttype --pkt-type": packetType,
	"string --string": text(plain), "string --hex-string": text(hexText),
	"set --match-set": ipset,
}

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

func sport(p *packet) *uint16 { return &p.sport }
func dport(p *packet) *uint16 { return &p.dport }

func ports(fields ...func(*packet) *uint16) func(*tables, condition) (cond, bool) {
	return func(_ *tables, w condition) (cond, bool) {
		var ranges [][2]uint16
		var c cond
		set := func(v uint16) edit { return func(p *packet) { *fields[0](p) = v } }
		for part := range strings.SplitSeq(w.args[0], ",") {
			r, ok := portRange(part)
			if !ok {
				return c, false
			}
			ranges = append(ranges, r)
			c.yes = append(c.yes, set(r[0]))
			if r[1] != r[0] {
				c.yes = append(c.yes, set(r[1]))
			}
			if r[0] > 0 {
				c.no = append(c.no, set(r[0]-1))
			}
			if r[1] < 65535 {
				c.no = append(c.no, set(r[1]+1))
			}
		}
		c.holds = func(p *packet) bool {
			for _, f := range fields {
				for _, r := range ranges {
					if v := *f(p); v >= r[0] && v <= r[1] {
						return true
					}
				}
			}
			return false
		}
		c.no = slices.DeleteFunc(c.no, func(e edit) bool { // next to one range may be another
			p := packet{sport: 1, dport: 1}
			e(&p)
			v := *fields[0](&p)
			return slices.ContainsFunc(ranges, func(r [2]uint16) bool { return v >= r[0] && v <= r[1] })
		})
		return c, true
	}
}

func portRange(w string) (r [2]uint16, ok bool) {
	lo, hi, two := strings.Cut(w, ":")
	if !two {
		hi = lo
	}
	for i, s := range []string{lo, hi} {
		if s == "" {
			r[i] = []uint16{0, 65535}[i]
			continue
		}
		v, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			return r, false
		}
		r[i] = uint16(v)
	}
	return r, true
}

// number is a range of numbers lo SEP hi, of which a packet can have those from least to most. Without get, it cannot be known.
func number(sep string, least, most uint64, set func(*packet, uint64), get func(*packet) uint64) func(*tables, condition) (cond, bool) {
	return func(_ *tables, w condition) (cond, bool) {
		from, to, two := strings.Cut(w.args[0], sep)
		if !two {
			to = from
		}
		lo, err1 := strconv.ParseUint(from, 0, 64)
		hi, err2 := strconv.ParseUint(to, 0, 64)
		if err1 != nil || err2 != nil {
			return cond{}, false
		}
		return between(lo, hi, least, most, set, get), true
	}
}

func between(lo, hi, least, most uint64, set func(*packet, uint64), get func(*packet) uint64) cond {
	var c cond
	try := func(v uint64, list *[]edit) {
		if v >= least && v <= most {
			*list = append(*list, func(p *packet) { set(p, v) })
		}
	}
	try(lo, &c.yes)
	try(hi, &c.yes)
	try(lo/2+hi/2, &c.yes)
	try(lo-1, &c.no)
	try(hi+1, &c.no)
	if get != nil {
		c.holds = func(p *packet) bool { return get(p) >= lo && get(p) <= hi }
	}
	return c
}

// local makes a packet one that the site sends.
func local(p *packet) string {
	if p.path == "lo" {
		return "lo"
	}
	return "out"
}

func setTTL(p *packet, v uint64) { p.ttl = uint8(v) }

func ttl(_ *tables, w condition) (cond, bool) {
	v, err := strconv.ParseUint(w.args[0], 10, 8)
	return between(v, v, 1, 255, setTTL, nil), err == nil
}

func ttlBelow(_ *tables, w condition) (cond, bool) {
	v, err := strconv.ParseUint(w.args[0], 10, 8)
	return between(0, max(v, 1)-1, 1, 255, setTTL, nil), err == nil
}

func ttlAbove(_ *tables, w condition) (cond, bool) {
	v, err := strconv.ParseUint(w.args[0], 10, 8)
	return between(v+1, 255, 1, 255, setTTL, nil), err == nil
}

// valueMask reads value[/mask].
func valueMask(w string) (value, mask uint32, ok bool) {
	v, m, masked := strings.Cut(w, "/")
	a, err1 := strconv.ParseUint(v, 0, 32)
	b, err2 := uint64(1<<32-1), error(nil)
	if masked {
		b, err2 = strconv.ParseUint(m, 0, 32)
	}
	return uint32(a), uint32(b), err1 == nil && err2 == nil
}

func mark(_ *tables, w condition) (cond, bool) {
	value, mask, ok := valueMask(w.args[0])
	set := func(v uint32) edit { return func(p *packet) { p.mark = v } }
	return cond{
		yes:   []edit{set(value), set(value | ^mask)},
		no:    []edit{set(value ^ mask&-mask), set(0), set(value + 1)},
		holds: func(p *packet) bool { return p.mark&mask == value },
	}, ok
}

func tos(_ *tables, w condition) (cond, bool) {
	value, mask, ok := valueMask(w.args[0])
	set := func(v uint32) edit { return func(p *packet) { p.tos = uint8(v) } }
	return cond{
		yes:   []edit{set(value), set(value | ^mask)},
		no:    []edit{set(value ^ mask&-mask)},
		holds: func(p *packet) bool { return uint32(p.tos)&mask == value },
	}, ok
}

// flagBits reads the names of TCP flags.
func flagBits(names string) (bits uint8) {
	all := []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG"}
	for name := range strings.SplitSeq(names, ",") {
		if name == "ALL" {
			return 0x3f
		}
		if i := slices.Index(all, name); i >= 0 {
			bits |= 1 << i
		}
	}
	return bits
}

func tcpFlags(_ *tables, w condition) (cond, bool) {
	if len(w.args) != 2 {
		return cond{}, false
	}
	return flags(flagBits(w.args[0]), flagBits(w.args[1])), true
}

func syn(*tables, condition) (cond, bool) { return flags(0x17, 2), true }

func flags(mask, want uint8) cond {
	c := cond{holds: func(p *packet) bool { return p.flags&mask == want }}
	for _, v := range []uint8{want, want | ^mask&0x3f, want | 0xc0} {
		c.yes = append(c.yes, func(p *packet) { p.flags = v })
	}
	for bit := uint8(1); bit < 0x40; bit <<= 1 {
		if mask&bit != 0 {
			c.no = append(c.no, func(p *packet) { p.flags = want ^ bit })
		}
	}
	return c
}

// tcpOption puts an option first, behind padding, another in its place, or none.
func tcpOption(_ *tables, w condition) (cond, bool) {
	n, err := strconv.ParseUint(w.args[0], 10, 8)
	k := byte(n)
	set := func(b ...byte) edit { return func(p *packet) { p.options = b } }
	return cond{yes: []edit{set(k, 4, 0, 0), set(1, 1, k, 2)}, no: []edit{set(k^64, 4, 0, 0), set()}}, err == nil
}

func segmentSize(_ *tables, w condition) (cond, bool) {
	r, ok := portRange(w.args[0])
	c := between(uint64(r[0]), uint64(r[1]), 0, 65535, func(p *packet, v uint64) {
		p.options = binary.BigEndian.AppendUint16([]byte{2, 4}, uint16(v))
	}, nil)
	c.no = append(c.no, func(p *packet) { p.options = nil })
	return c, ok
}

func icmpType(proto uint8) func(*tables, condition) (cond, bool) {
	return func(_ *tables, w condition) (cond, bool) {
		typ, code, coded := strings.Cut(w.args[0], "/")
		t, err := strconv.ParseUint(typ, 10, 8)
		if err != nil {
			return cond{}, false // any
		}
		n, _ := strconv.ParseUint(code, 10, 8)
		set := func(a, b uint64) edit {
			return func(p *packet) { p.proto, p.icmpType, p.icmpCode = proto, uint8(a), uint8(b) }
		}
		c := cond{yes: []edit{set(t, n)}, no: []edit{set(t+1, n)}}
		if coded {
			c.no = append(c.no, set(t, n+1))
		} else {
			c.yes = append(c.yes, set(t, 1))
		}
		c.holds = func(p *packet) bool {
			return p.proto == proto && uint64(p.icmpType) == t && (!coded || uint64(p.icmpCode) == n)
		}
		return c, true
	}
}

// stateOf is the state of a packet when it comes first.
func stateOf(p *packet) string {
	switch {
	case p.broken != "" || p.proto == tcp && p.flags&3 == 3:
		return "INVALID"
	case p.mirrored:
		return "ESTABLISHED"
	}
	return "NEW"
}

func state(_ *tables, w condition) (cond, bool) {
	wanted := strings.Split(w.args[0], ",")
	c := cond{holds: func(p *packet) bool { return slices.Contains(wanted, stateOf(p)) }}
	for _, s := range []struct {
		state string
		edit  edit
	}{
		{"NEW", func(p *packet) { p.mirrored, p.broken = false, "" }},
		{"ESTABLISHED", func(p *packet) { p.mirrored, p.broken = true, "" }},
		{"INVALID", func(p *packet) {
			if p.proto == tcp {
				p.flags = 3
			} else {
				p.broken = "checksum"
			}
		}},
	} {
		if slices.Contains(wanted, s.state) {
			c.yes = append(c.yes, s.edit)
		} else {
			c.no = append(c.no, s.edit)
		}
	}
	return c, true
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

// text is a string to look for.
func text(read func(string) (string, error)) func(*tables, condition) (cond, bool) {
	return func(_ *tables, w condition) (cond, bool) {
		s, err := read(w.args[0])
		if err != nil || s == "" {
			return cond{}, false
		}
		return cond{
			yes:   []edit{func(p *packet) { p.text = s }},
			no:    []edit{func(p *packet) { p.text = s[:len(s)-1] }, func(p *packet) { p.text = strings.ToUpper(s) + s[1:] }},
			holds: func(p *packet) bool { return strings.Contains(p.text, s) },
		}, true
	}
}

func plain(s string) (string, error) { return s, nil }

// hexText reads text with hexadecimal digits between bars.
func hexText(s string) (string, error) {
	var b strings.Builder
	for i, part := range strings.Split(s, "|") {
		if i%2 == 0 {
			b.WriteString(part)
			continue
		}
		raw, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			return "", err
		}
		b.Write(raw)
	}
	return b.String(), nil
}

// ipset takes some of a set's members, dimension by dimension.
func ipset(t *tables, w condition) (cond, bool) {
	var c cond
	if len(w.args) < 2 {
		return c, false
	}
	members := t.members[w.args[0]]
	for i := 0; i < len(members); i += max(1, len(members)/4) {
		if es := memberEdits(members[i], strings.Split(w.args[1], ",")); es != nil {
			c.yes = append(c.yes, func(p *packet) {
				for _, e := range es {
					e(p)
				}
			})
		}
	}
	c.no = []edit{func(p *packet) { p.src, p.dst = p.src.Next(), p.dst.Next() }}
	return c, len(c.yes) > 0
}

// memberEdits give a packet what an element of a set says.
func memberEdits(element string, directions []string) []edit {
	var out []edit
	for i, part := range strings.Split(element, ",") {
		if i >= len(directions) {
			break
		}
		src := directions[i] == "src"
		if addr, _, _, ok := prefix(part); ok {
			a, _ := netip.AddrFromSlice(addr)
			out = append(out, func(p *packet) {
				if src {
					p.src = a
				} else {
					p.dst = a
				}
			})
			continue
		}
		proto, number, tagged := strings.Cut(part, ":")
		if !tagged {
			number = part
		}
		v, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return nil
		}
		out = append(out, func(p *packet) {
			if n, ok := protocolNumber(proto); ok && tagged {
				p.proto = n
			}
			if src {
				p.sport = uint16(v)
			} else {
				p.dport = uint16(v)
			}
		})
	}
	return out
}
