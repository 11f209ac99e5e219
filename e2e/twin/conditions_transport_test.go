//go:build linux

package twin

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

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
