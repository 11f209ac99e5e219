package compare

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rechain/nft/packet"
	"rechain/nft/trace"
)

// maxRangesTold is how many ranges of a field are told before "+N more".
const maxRangesTold = 4

// Words says what packets a region has, a condition each. Those of opaque predicates in Needs are left out, and what every packet at the
// hook has.
func (d *Difference) Words() []string {
	var out []string
	for _, c := range d.Region {
		if s := d.constraint(c); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (d *Difference) constraint(c Constraint) string {
	f := c.Field
	if key, ok := strings.CutPrefix(f.Name, "? "); ok {
		if _, needed := d.Needs[key]; needed {
			return ""
		}
		return needWords(key, c.Ranges[0].From == packet.Num(1))
	}
	switch {
	case d.hidden(c):
		return ""
	case c.Vague:
		return f.Name + " with certain bits"
	case c.Ranges == nil && c.Value.IsZero():
		return f.Name + " without " + f.Text(c.Mask)
	case c.Ranges == nil:
		return fmt.Sprintf("%s %s of %s", f.Name, f.Text(c.Value), f.Text(c.Mask))
	}
	if not, ranges := shorter(c); not {
		return "not " + f.Name + " " + shortened(f, ranges)
	}
	return f.Name + " " + shortened(f, c.Ranges)
}

// hidden says whether a condition tells people nothing: packets at the hook are so anyhow.
func (d *Difference) hidden(c Constraint) bool {
	one := func(n uint64) bool {
		return len(c.Ranges) == 1 && c.Ranges[0] == packet.Range{From: packet.Num(n), To: packet.Num(n)}
	}
	f := c.Field
	return f.Scratch() || f == packet.HasTransport && one(1) || f == packet.FragOffset && one(0) ||
		slices.Contains(absent(d.Hook), f) && packet.Contains(c.Ranges, packet.Value{}) || c.Ranges != nil && len(complement(f, c.Ranges)) == 0
}

// shorter is a condition by the values that fulfil it, or where they are fewer those that do not.
func shorter(c Constraint) (not bool, ranges []packet.Range) {
	others := complement(c.Field, c.Ranges)
	one := func(ranges []packet.Range) bool { return len(ranges) == 1 && ranges[0].From == ranges[0].To }
	if len(others) < len(c.Ranges) || one(others) && !one(c.Ranges) {
		return true, others
	}
	return false, c.Ranges
}

func shortened(f packet.Field, ranges []packet.Range) string {
	more := ""
	if n := len(ranges) - maxRangesTold; n > 0 {
		ranges, more = ranges[:maxRangesTold], fmt.Sprintf(" (+%d more)", n)
	}
	return f.RangesText(ranges) + more
}

// complement is the values that a field can have outside of ranges.
func complement(f packet.Field, ranges []packet.Range) []packet.Range {
	domain := packet.Domain(f)
	if domain == nil {
		domain = []packet.Range{{To: packet.Ones(uint(f.Bits))}}
	}
	var out []packet.Range
	for _, d := range domain {
		from, done := d.From, false
		for _, r := range ranges {
			if r.To.Cmp(from) < 0 || r.From.Cmp(d.To) > 0 {
				continue
			}
			if r.From.Cmp(from) > 0 {
				out = append(out, packet.Range{From: from, To: r.From.Prev()})
			}
			if r.To.Cmp(d.To) >= 0 {
				done = true
				break
			}
			from = r.To.Next()
		}
		if !done {
			out = append(out, packet.Range{From: from, To: d.To})
		}
	}
	return out
}

// NeedWords says what the opaque predicates must say for the difference.
func (d *Difference) NeedWords() []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(d.Needs)) {
		s := needWords(key, d.Needs[key])
		if slices.Contains(d.OneSided, key) {
			s += " (only one side asks)"
		}
		out = append(out, s)
	}
	return out
}

func needWords(key string, holds bool) string {
	key, n := evaluated(key)
	which := ""
	if n > 1 {
		which = fmt.Sprintf(", asked for the %d. time,", n)
	}
	if holds {
		return fmt.Sprintf("%q%s holds", key, which)
	}
	return fmt.Sprintf("%q%s does not hold", key, which)
}

// evaluated takes the number of an evaluation off a key; 0 where it has none.
func evaluated(key string) (string, int) {
	i := strings.LastIndexByte(key, '#')
	if i < 0 {
		return key, 0
	}
	n, err := strconv.Atoi(key[i+1:])
	if err != nil {
		return key, 0
	}
	return key[:i], n
}

// Example is the packet in one line, as [packet.ParseLine] reads it.
func (d *Difference) Example() string {
	p := d.Packet.Clone()
	p.Opaque = map[string]bool{}
	for need, holds := range d.Needs {
		key, _ := evaluated(need)
		p.Opaque[key] = holds
	}
	for f := range p.Fields {
		if f.Scratch() || !has(p, f) {
			delete(p.Fields, f)
		}
	}
	line := packet.Line{Route: route(d.Hook), IPv6: d.IPv6, Packet: p}
	return line.String()
}

// has says whether a packet of its protocol has a field.
func has(p *packet.Packet, f packet.Field) bool {
	switch proto := p.Get(packet.L4Proto).Lo; f {
	case packet.TCPFlags, packet.TCPMSS:
		return proto == 6
	case packet.ICMPType, packet.ICMPCode:
		return proto == 1 || proto == 58
	}
	return true
}

// route is a way on which a hook lies.
func route(h packet.Hook) packet.Route {
	switch h {
	case packet.Forward, packet.Postrouting:
		return packet.Forwarded
	case packet.Output:
		return packet.Sent
	}
	return packet.Received
}

// Outcomes say what becomes of the packet on either side, as far as that differs.
func (d *Difference) Outcomes() (a, b string) {
	x, y := d.A.Outcome, d.B.Outcome
	return d.outcome(x, y), d.outcome(y, x)
}

func (d *Difference) outcome(o, other trace.Outcome) string {
	words := []string{verdictWords(packet.Verdict{Kind: o.Kind, Detail: o.Detail})}
	if o.Kind == packet.Accept && other.Kind == packet.Accept {
		for _, n := range [][2]*packet.NAT{{o.DNAT, other.DNAT}, {o.SNAT, other.SNAT}} {
			switch {
			case text(n[0]) == text(n[1]):
			case n[0] == nil:
				words = append(words, "untranslated")
			default:
				words = append(words, natWords(n[0], d.IPv6))
			}
		}
		if text(o.DNAT) == text(other.DNAT) && text(o.SNAT) == text(other.SNAT) {
			words = append(words, fieldsApart(o, other)...)
		}
	}
	if !slices.Equal(o.Notes, other.Notes) {
		words = append(words, o.Notes...)
	}
	return strings.Join(words, ", ")
}

// fieldsApart are the fields of a packet that was left otherwise.
func fieldsApart(o, other trace.Outcome) []string {
	fields := map[packet.Field]bool{}
	for _, p := range []*packet.Packet{o.Packet, other.Packet} {
		for f := range p.Fields {
			if !f.Scratch() && o.Packet.Get(f) != other.Packet.Get(f) {
				fields[f] = true
			}
		}
	}
	var out []string
	for f := range fields {
		out = append(out, f.Name+" "+f.Text(o.Packet.Get(f)))
	}
	slices.Sort(out)
	return out
}

func natWords(n *packet.NAT, ipv6 bool) string {
	s := [...]string{"snat", "dnat", "redirect", "masquerade"}[n.Kind]
	addr := packet.IPv4Src
	if ipv6 {
		addr = packet.IPv6Src
	}
	if n.Addr != nil {
		s += " to " + addr.RangesText([]packet.Range{*n.Addr})
	}
	if n.Port != nil {
		s += " to port " + packet.SrcPort.RangesText([]packet.Range{*n.Port})
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{n.Net, "net"}, {n.Random, "random"}, {n.FullyRandom, "fully-random"}, {n.Persistent, "persistent"}} {
		if flag.set {
			s += " " + flag.name
		}
	}
	return s
}
