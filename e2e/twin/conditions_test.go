//go:build linux

package twin

import (
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
