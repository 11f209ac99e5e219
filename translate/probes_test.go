//go:build linux

package translate

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"rechain/translate/iptables"
)

// The probes of a case come from the constants of its rules: for each rule a packet that should match it, and from that packet on
// one field at a time changed to each constant that any of the rules names, to its neighbours, and to a few values of each kind.

// change makes a probe another.
type change func(*probe)

// start is a harmless probe on a path.
func start(path string, family iptables.Family) probe {
	p := probe{path: path, proto: udp, sport: 1000, dport: 2000, ttl: 64, flags: 2, icmpType: 8, chunk: 1, spi: 100}
	p.src, p.dst = netip.MustParseAddr("10.1.0.9"), netip.MustParseAddr("10.2.0.9")
	here, lo := "10.1.0.1", "127.0.0.1"
	if family == iptables.IPv6 {
		p.src, p.dst = netip.MustParseAddr("fd01::9"), netip.MustParseAddr("fd02::9")
		here, lo, p.icmpType = "fd01::1", "::1", 128
	}
	switch path {
	case "in", "fwd":
		p.dev = "eth0"
		if path == "in" {
			p.dst = netip.MustParseAddr(here)
		}
	case "out":
		p.src = netip.MustParseAddr(here)
	case "lo":
		p.src = netip.MustParseAddr(lo)
		p.dst = p.src
	}
	return p
}

// paths are those that lead through a built-in chain.
var paths = map[string][]string{
	"PREROUTING": {"in", "fwd", "lo"}, "INPUT": {"in", "lo"}, "FORWARD": {"fwd"}, "OUTPUT": {"out", "lo"}, "POSTROUTING": {"fwd", "out", "lo"},
}

// derive makes the probes of a rule set.
func derive(rs *iptables.Ruleset, malformed bool) []*probe {
	var rules []*iptables.Rule
	used := map[string]bool{}
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			rules = append(rules, c.Rules...)
			if c.Policy == "DROP" || len(c.Rules) > 0 {
				for _, p := range paths[c.Name] {
					used[p] = true
				}
			}
		}
	}
	changes := commonChanges(rs.Family)
	if malformed {
		changes = append(changes, cuts...)
	}
	for _, r := range rules {
		for _, options := range constants(r) {
			changes = append(changes, options...)
		}
	}
	var probes []*probe
	for _, path := range []string{"in", "fwd", "out", "lo"} {
		if !used[path] {
			continue
		}
		for _, r := range append(rules, &iptables.Rule{}) {
			base := start(path, rs.Family)
			for _, options := range constants(r) {
				if len(options) > 0 {
					options[0](&base)
				}
			}
			probes = append(probes, talk(base)...)
			for _, c := range changes {
				p := base
				c(&p)
				probes = append(probes, &p)
			}
		}
	}
	return distinct(probes)
}

// talk is a packet, the answer, the packet again, and an ICMP error about it.
func talk(p probe) []*probe {
	again, failed, answer := p, p, p
	failed.src, failed.dst = p.dst, p.src
	failed.dev = map[string]string{"eth0": "eth1", "eth1": "eth0", "": ""}[p.dev]
	answer.src, answer.dst, answer.sport, answer.dport, answer.dev = p.dst, p.src, p.dport, p.sport, failed.dev
	switch p.path {
	case "out":
		answer.path, answer.dev = "in", "eth1"
		failed.path, failed.dev = "in", "eth1"
	case "in":
		answer.path, failed.path = "out", "out"
		answer.dev, failed.dev = "", ""
	}
	answer.flags |= 0x10
	failed.inner = &p
	failed.proto, failed.icmpType, failed.icmpCode = icmp, 3, 1
	if p.family() == iptables.IPv6 {
		failed.proto, failed.icmpType, failed.icmpCode = icmp6, 1, 0
		answer.icmpType++
	} else {
		answer.icmpType = 0
	}
	return []*probe{&p, &answer, &again, &failed}
}

// distinct drops repetitions but for those in a conversation, and gives each packet a length of its own, so that byte counters
// tell which packets were counted.
func distinct(probes []*probe) []*probe {
	seen := map[string]bool{}
	var out []*probe
	for _, p := range probes {
		key := p.String()
		if seen[key] && p.inner == nil {
			continue
		}
		seen[key] = true
		out = append(out, p)
	}
	for i, p := range out {
		if p.length == 0 {
			p.length = 8 + (i*37)%1009
		}
	}
	return out
}

// commonChanges are tried from each packet, whatever the rules ask.
func commonChanges(f iptables.Family) []change {
	changes := []change{
		func(p *probe) {},
		func(p *probe) { p.proto = tcp },
		func(p *probe) { p.proto, p.flags = tcp, 0x12 },
		func(p *probe) { p.proto, p.flags = tcp, 0x10 },
		func(p *probe) { p.proto, p.flags = tcp, 0 },
		func(p *probe) { p.proto, p.flags = tcp, 0x3f },
		func(p *probe) { p.proto = udp },
		func(p *probe) { p.proto = icmp },
		func(p *probe) { p.proto = icmp6 },
		func(p *probe) { p.proto = sctp },
		func(p *probe) { p.proto = 253 }, // for experiments (RFC 3692)
		func(p *probe) { p.offset, p.more = 3, true },
		func(p *probe) { p.more, p.length = true, 64 },
		func(p *probe) { p.ttl = 1 },
		func(p *probe) { p.tos = 0xb8 },
		func(p *probe) { p.mark = 0x7 },
		func(p *probe) { p.sport, p.dport = p.dport, p.sport },
		func(p *probe) { p.sport, p.dport = 0, 65535 },
		func(p *probe) { p.src = next(p.src) },
		func(p *probe) { p.uid, p.gid = 77, 88 },
	}
	if f == iptables.IPv6 {
		changes = append(changes, func(p *probe) { p.ext = []uint8{0, 60} })
	}
	return changes
}

// cuts end a packet at the ends of headers and before, or begin a fragment inside one.
var cuts = func() []change {
	var out []change
	for _, n := range []int{1, 3, 4, 7, 8, 11, 12, 19, 20, 23, 24} {
		out = append(out, func(p *probe) { p.cut = n }, func(p *probe) { p.proto, p.cut = tcp, n },
			func(p *probe) { p.proto, p.options, p.cut = tcp, []byte{1, 1, 1, 1}, n })
	}
	return append(out, func(p *probe) { p.proto, p.offset = tcp, 1 }, func(p *probe) { p.offset, p.cut = 3, 2 })
}()

func next(a netip.Addr) netip.Addr { return a.Next() }

// constants are the changes that each condition of a rule suggests; the first of each makes it hold.
func constants(r *iptables.Rule) [][]change {
	var all [][]change
	if r.Src != nil {
		all = append(all, addresses(r.Src, func(p *probe, a netip.Addr) { p.src = a }))
	}
	if r.Dst != nil {
		all = append(all, addresses(r.Dst, func(p *probe, a netip.Addr) { p.dst = a }))
	}
	if r.In != nil {
		all = append(all, devices(r.In, func(p *probe, name string) {
			if p.dev != "" {
				p.dev = name
			}
		}))
	}
	if r.Out != nil {
		all = append(all, devices(r.Out, leaveBy))
	}
	if r.Proto != nil {
		n := r.Proto.Num
		if r.Proto.Neg {
			all = append(all, []change{func(p *probe) { p.proto = n ^ 23 }, func(p *probe) { p.proto = n }})
		} else {
			all = append(all, []change{func(p *probe) { p.proto = n }})
		}
	}
	if r.Fragment != nil {
		all = append(all, []change{func(p *probe) { p.offset = 4 }})
	}
	for _, m := range r.Matches {
		for _, o := range m.Options {
			if f := optionChanges[m.Ext.Name+" "+o.Spec.Name]; f != nil {
				all = append(all, f(o))
			}
		}
	}
	if r.Target != nil {
		for _, o := range r.Target.Options {
			if f := optionChanges[r.Target.Name+" "+o.Spec.Name]; f != nil {
				all = append(all, f(o))
			}
		}
	}
	return all
}

// leaveBy gives a packet a destination behind a device.
func leaveBy(p *probe, name string) {
	dst := map[string]string{"eth04": "10.1.0.8", "eth14": "10.2.0.8", "eth06": "fd01::8", "eth16": "fd02::8"}[fmt.Sprint(name, p.family())]
	if dst != "" && (p.path == "fwd" || p.path == "out") {
		p.dst = netip.MustParseAddr(dst)
		if p.path == "fwd" {
			p.dev = map[string]string{"eth0": "eth1", "eth1": "eth0"}[name]
		}
	}
}

func devices(m *iptables.IfaceMatch, set func(*probe, string)) []change {
	first, second := "eth0", "eth1"
	if m.Name == "eth1" != m.Neg {
		first, second = second, first
	}
	return []change{func(p *probe) { set(p, first) }, func(p *probe) { set(p, second) }}
}

// addresses are one that an address condition takes and others, next to the edges of the network.
func addresses(m *iptables.AddrMatch, set func(*probe, netip.Addr)) []change {
	low := m.Addr.AsSlice()
	high, off := slices.Clone(low), slices.Clone(low)
	last := 0
	for i, b := range m.Mask {
		high[i] |= ^b
		if b != 0 {
			last = i
		}
	}
	off[last] ^= m.Mask[last] & -m.Mask[last]
	var out []change
	list := [][]byte{low, high, off}
	if m.Neg {
		list = [][]byte{off, low, high}
	}
	for _, b := range list {
		a, _ := netip.AddrFromSlice(b)
		out = append(out, func(p *probe) { set(p, a) })
	}
	return out
}

// around are a range's ends and what is next to them; one inside comes first, or one outside where neg.
func around(lo, hi, max uint64, neg bool, set func(*probe, uint64)) []change {
	values := []uint64{lo, hi, lo + (hi-lo)/2}
	var outside []uint64
	if lo > 0 {
		outside = append(outside, lo-1)
	}
	if hi < max {
		outside = append(outside, hi+1)
	}
	if neg {
		values = append(outside, values...)
	} else {
		values = append(values, outside...)
	}
	var out []change
	for _, v := range values {
		out = append(out, func(p *probe) { set(p, v) })
	}
	return out
}

func sport(p *probe, v uint64) { p.sport = uint16(v) }
func dport(p *probe, v uint64) { p.dport = uint16(v) }

// optionChanges make changes of an option's value.
var optionChanges = map[string]func(iptables.Option) []change{
	"tcp --sport": portChanges(sport), "tcp --dport": portChanges(dport),
	"sctp --sport": portChanges(sport), "sctp --dport": portChanges(dport),
	"udp --sport": portChanges(sport), "udp --dport": portChanges(dport),
	"multiport --sports": portChanges(sport), "multiport --dports": portChanges(dport), "multiport --ports": portChanges(sport, dport),
	"tcp --tcp-flags":     flagChanges,
	"tcp --tcp-option":    tcpOptionChanges,
	"mark --mark":         markChanges,
	"connmark --mark":     markChanges,
	"owner --uid-owner":   ownerChanges(func(p *probe, v uint64) { p.uid = uint32(v) }),
	"owner --gid-owner":   ownerChanges(func(p *probe, v uint64) { p.gid = uint32(v) }),
	"icmp --icmp-type":    icmpChanges,
	"icmp6 --icmpv6-type": icmpChanges,
	"ttl --ttl-eq":        byteChanges(ttl), "ttl --ttl-lt": byteChanges(ttl), "ttl --ttl-gt": byteChanges(ttl),
	"hl --hl-eq": byteChanges(ttl), "hl --hl-lt": byteChanges(ttl), "hl --hl-gt": byteChanges(ttl),
	"dscp --dscp":             byteChanges(func(p *probe, v uint64) { p.tos = uint8(v<<2 | v&3) }),
	"iprange --src-range":     addrRangeChanges(func(p *probe, a netip.Addr) { p.src = a }),
	"iprange --dst-range":     addrRangeChanges(func(p *probe, a netip.Addr) { p.dst = a }),
	"length --length":         lengthChanges,
	"addrtype --src-type":     addrTypeChanges(func(p *probe, a netip.Addr) { p.src = a }),
	"addrtype --dst-type":     addrTypeChanges(func(p *probe, a netip.Addr) { p.dst = a }),
	"TPROXY --on-port":        func(iptables.Option) []change { return []change{func(p *probe) { p.proto = tcp }} },
	"REDIRECT --to-ports":     func(iptables.Option) []change { return []change{func(p *probe) { p.proto = udp }} },
	"CONNMARK --restore-mark": func(iptables.Option) []change { return []change{func(p *probe) { p.mark = 0xffffffff }} },
	"CONNMARK --save-mark":    func(iptables.Option) []change { return []change{func(p *probe) { p.mark = 0xffffffff }} },
	"CONNMARK --set-xmark":    func(iptables.Option) []change { return []change{func(p *probe) { p.mark = 0xffffffff }} },
	"MARK --set-xmark":        func(iptables.Option) []change { return []change{func(p *probe) { p.mark = 0xffffffff }} },
}

func portChanges(fields ...func(*probe, uint64)) func(iptables.Option) []change {
	return func(o iptables.Option) []change {
		ranges, ok := o.Value.([]iptables.Ports)
		if !ok {
			ranges = []iptables.Ports{o.Value.(iptables.Ports)}
		}
		var out []change
		for _, set := range fields {
			for _, r := range ranges {
				out = append(out, around(uint64(r.Lo), uint64(r.Hi), 65535, o.Neg, set)...)
			}
		}
		return out
	}
}

func flagChanges(o iptables.Option) []change {
	mask, set, _ := strings.Cut(o.Spec.Kind.Format(o.Value), " ")
	return flagsAround(flagBits(mask), flagBits(set), o.Neg)
}

// flagBits reads flags as iptables prints them.
func flagBits(names string) (bits uint8) {
	for name := range strings.SplitSeq(names, ",") {
		if name != "NONE" {
			bits |= 1 << strings.IndexByte(tcpFlagLetters, name[0])
		}
	}
	return bits
}

func flagsAround(mask, set uint8, neg bool) []change {
	values := []uint8{set, mask, mask &^ set, set | ^mask&0x3f, set | 0xc0}
	for bit := uint8(1); bit < 0x40; bit <<= 1 {
		values = append(values, set^bit)
	}
	if neg {
		values[0], values[5] = values[5], values[0]
	}
	var out []change
	for _, v := range values {
		out = append(out, func(p *probe) { p.proto, p.flags = tcp, v })
	}
	return out
}

// tcpOptionChanges put an option first, last, behind padding, or another in its place.
func tcpOptionChanges(o iptables.Option) []change {
	kind := byte(o.Value.(uint64))
	var out []change
	for _, options := range [][]byte{{kind, 4, 0, 0}, {1, 1, kind, 2}, {kind ^ 64, 4, 0, 0}, {1, 1, 1, 0}, {kind}, nil} {
		out = append(out, func(p *probe) { p.proto, p.options = tcp, options })
	}
	return out
}

func markChanges(o iptables.Option) []change {
	m := o.Value.(iptables.MarkMask)
	values := []uint32{m.Value, m.Value | ^m.Mask, m.Value ^ m.Mask&-m.Mask, 0, m.Value + 1}
	if o.Neg {
		values[0], values[2] = values[2], values[0]
	}
	var out []change
	for _, v := range values {
		out = append(out, func(p *probe) { p.mark = v })
	}
	return out
}

func ownerChanges(set func(*probe, uint64)) func(iptables.Option) []change {
	return func(o iptables.Option) []change {
		r := o.Value.(iptables.IDs)
		return around(uint64(r.Lo), uint64(r.Hi), 1<<32-2, o.Neg, set)
	}
}

func ttl(p *probe, v uint64) { p.ttl = uint8(v) }

func byteChanges(set func(*probe, uint64)) func(iptables.Option) []change {
	return func(o iptables.Option) []change {
		v := o.Value.(uint64)
		return around(v, v, 255, o.Neg, set)
	}
}

// icmpChanges are a type and a code as iptables prints them, and neighbours.
func icmpChanges(o iptables.Option) []change {
	typ, code, _ := strings.Cut(o.Spec.Kind.Format(o.Value), "/")
	t, _ := strconv.Atoi(typ)
	n, _ := strconv.Atoi(code)
	var out []change
	for _, v := range [][2]uint8{{uint8(t), uint8(n)}, {uint8(t), uint8(n + 1)}, {uint8(t + 1), uint8(n)}, {uint8(n), uint8(t)}} {
		out = append(out, func(p *probe) {
			p.proto, p.icmpType, p.icmpCode = icmp, v[0], v[1]
			if p.family() == iptables.IPv6 {
				p.proto = icmp6
			}
		})
	}
	return out
}

func addrRangeChanges(set func(*probe, netip.Addr)) func(iptables.Option) []change {
	return func(o iptables.Option) []change {
		r := o.Value.(iptables.Addrs)
		list := []netip.Addr{r.Lo, r.Hi, r.Lo.Prev(), r.Hi.Next()}
		if o.Neg {
			slices.Reverse(list)
		}
		var out []change
		for _, a := range list {
			out = append(out, func(p *probe) { set(p, a) })
		}
		return out
	}
}

// lengthChanges make packets of that many bytes in all.
func lengthChanges(o iptables.Option) []change {
	r := o.Value.(iptables.Range)
	return around(r.Lo, r.Hi, 1500, o.Neg, func(p *probe, v uint64) {
		q := *p
		q.length, q.payload, q.inner = 0, "", nil
		p.length = max(1, int(v)-len(q.frame()))
	})
}

func addrTypeChanges(set func(*probe, netip.Addr)) func(iptables.Option) []change {
	return func(iptables.Option) []change {
		var out []change
		for _, pair := range [][2]string{{"10.1.0.1", "fd01::1"}, {"10.2.0.1", "fd02::1"}, {"10.1.255.255", "ff02::5"}, {"224.0.0.5", "ff0e::5"},
			{"255.255.255.255", "fe80::1"}, {"127.0.0.9", "::1"}, {"10.1.0.9", "fd01::9"}, {"0.0.0.0", "::"}, {"240.0.0.1", "::ffff:1.2.3.4"}} {
			out = append(out, func(p *probe) { set(p, netip.MustParseAddr(pair[int(p.family())/6])) })
		}
		return out
	}
}

// tcpFlagLetters are the names that a case gives flags by, from bit 0 up.
var tcpFlagLetters = "FSRPAUEC"

// parseProbe reads a packet line: the path, the protocol, and fields that differ from [start]'s.
func parseProbe(words []string, family iptables.Family) (*probe, error) {
	p := start(words[0], family)
	n, err := iptables.ParseProtocol(words[1])
	if err != nil {
		return nil, err
	}
	p.proto = n
	for _, w := range words[2:] {
		name, value, _ := strings.Cut(w, "=")
		if err := p.set(name, value); err != nil {
			return nil, fmt.Errorf("%s: %w", w, err)
		}
	}
	return &p, nil
}

func (p *probe) set(name, value string) (err error) {
	number := func(max uint64) uint64 {
		var v uint64
		v, err = iptables.ParseUint(value, 0, max)
		return v
	}
	switch name {
	case "src":
		p.src, err = netip.ParseAddr(value)
	case "dst":
		p.dst, err = netip.ParseAddr(value)
	case "dev":
		p.dev = value
	case "sport":
		p.sport = uint16(number(65535))
	case "dport":
		p.dport = uint16(number(65535))
	case "flags":
		p.flags = 0
		for _, c := range value {
			p.flags |= 1 << strings.IndexRune(tcpFlagLetters, c)
		}
	case "opts":
		p.options, err = hex.DecodeString(value)
	case "icmp":
		typ, code, _ := strings.Cut(value, "/")
		a, err1 := strconv.Atoi(typ)
		b, err2 := strconv.Atoi(code)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("want TYPE/CODE")
		}
		p.icmpType, p.icmpCode = uint8(a), uint8(b)
	case "ttl":
		p.ttl = uint8(number(255))
	case "tos":
		p.tos = uint8(number(255))
	case "frag": // OFFSET, or OFFSET+ when more follow
		value, p.more = strings.CutSuffix(value, "+")
		p.offset = uint16(number(8191))
	case "ext": // NUMBER,..., each with what it holds in hexadecimal behind a colon where that is not the usual
		for part := range strings.SplitSeq(value, ",") {
			var n uint8
			part, head, own := strings.Cut(part, ":")
			if n, err = iptables.ParseProtocol(part); part == "hbh" {
				n, err = 0, nil
			}
			p.ext = append(p.ext, n)
			if own && err == nil {
				if p.heads == nil {
					p.heads = map[uint8][]byte{}
				}
				p.heads[n], err = hex.DecodeString(head)
			}
			if err != nil {
				return err
			}
		}
	case "spi":
		p.spi = uint32(number(1<<32 - 1))
	case "chunk":
		p.chunk = uint8(number(255))
	case "chunks":
		p.chunks, err = hex.DecodeString(value)
	case "dccp":
		p.dccpType = uint8(number(15))
	case "payload":
		p.payload = value
	case "mark":
		p.mark = uint32(number(1<<32 - 1))
	case "uid":
		p.uid = uint32(number(1<<32 - 1))
	case "gid":
		p.gid = uint32(number(1<<32 - 1))
	case "cut":
		p.cut = int(number(1400))
	case "len":
		p.length = int(number(1400))
	default:
		return fmt.Errorf("no such field")
	}
	return err
}
