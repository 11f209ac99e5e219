package compare

import "rechain/nft/packet"

// Constraint is what a region says of a field: its value lies in Ranges, or if that is nil, Field & Mask == Value. If that is not the
// whole condition, which no short form may have, Vague is set.
type Constraint struct {
	Field       packet.Field
	Ranges      []packet.Range
	Mask, Value packet.Value
	Vague       bool
}

// region widens a packet, for which n holds, field by field, to all packets around it for which n holds whatever the other fields are
// within the region.
func (e *engine) region(n node, p *packet.Packet) []Constraint {
	fields := e.inOrder()
	box := make([]node, len(fields))
	for i, c := range fields {
		box[i] = e.exactly(c, p)
	}
	outside := e.not(n)
	for _, i := range e.widening(fields) {
		others := make([]node, 0, len(box)+1)
		for j, b := range box {
			if j != i {
				others = append(others, b)
			}
		}
		box[i] = e.not(e.project(fields[i], e.and(e.all(others), outside)))
	}
	var out []Constraint
	for i, c := range fields {
		if box[i] != yes {
			out = append(out, e.constraint(c, box[i]))
		}
	}
	return out
}

// constraint is what n, which asks only for one field, says of it.
func (e *engine) constraint(c *coding, n node) Constraint {
	out := Constraint{Field: c.field}
	if c.starts == nil && c.width > 1 {
		rest := n
		for !rest.isTerminal() {
			t := e.tests[rest]
			bit := packet.Num(1).Shl(c.width - 1 - uint(t.level-c.level))
			switch no {
			case t.lo:
				out.Value, rest = out.Value.Or(bit), t.hi
			case t.hi:
				rest = t.lo
			default:
				rest = no
			}
			out.Mask = out.Mask.Or(bit)
		}
		if rest == yes && out.Mask != packet.Ones(c.width) {
			return out
		}
	}
	out.Ranges = e.rangesOf(c, n)
	out.Vague = out.Ranges == nil
	if domain := packet.Domain(c.field); domain != nil && !out.Vague {
		out.Ranges = within(out.Ranges, domain)
	}
	return out
}

// within is the values that are in both of two lists of ranges.
func within(a, b []packet.Range) []packet.Range {
	var out []packet.Range
	for _, r := range a {
		for _, d := range b {
			from, to := r.From, r.To
			if d.From.Cmp(from) > 0 {
				from = d.From
			}
			if d.To.Cmp(to) < 0 {
				to = d.To
			}
			if from.Cmp(to) <= 0 {
				out = append(out, packet.Range{From: from, To: to})
			}
		}
	}
	return out
}

// exactly is the code that a field has.
func (e *engine) exactly(c *coding, p *packet.Packet) node {
	v := p.Fields[c.field]
	if c.field.Name[0] == '?' && p.Opaque[c.field.Name[2:]] {
		v = packet.Num(1)
	}
	code := c.code(v)
	return e.between(c, code, code)
}

// widening is the order in which fields are widened: those first of which people least expect to read.
func (e *engine) widening(fields []*coding) []int {
	var out []int
	for i := len(fields) - 1; i >= 0; i-- {
		out = append(out, i)
	}
	return out
}

// project says for which codes of a field n can hold.
func (e *engine) project(c *coding, n node) node {
	done := map[node]node{}
	var walk func(n node) node
	walk = func(n node) node {
		if n.isTerminal() {
			return n
		}
		if r, ok := done[n]; ok {
			return r
		}
		t := e.tests[n]
		lo, hi := walk(t.lo), walk(t.hi)
		r := node(0)
		if t.level < c.level || t.level >= c.level+uint32(c.width) {
			r = e.or(lo, hi)
		} else {
			r = e.make(t.level, lo, hi)
		}
		done[n] = r
		return r
	}
	return walk(n)
}

// rangesOf are a field's values for which n, which asks only for that field, holds. Of a field with its own bits as variables, they are
// at most maxRanges; nil when there are more.
func (e *engine) rangesOf(c *coding, n node) []packet.Range {
	var out []packet.Range
	full := true
	var walk func(n node, bit uint, code packet.Value)
	walk = func(n node, bit uint, code packet.Value) {
		if n == no || !full {
			return
		}
		if n == yes {
			rest := c.width - bit
			first := code.Shl(rest)
			r := c.values(first)
			r.To = c.values(first.Or(packet.Ones(rest))).To
			if k := len(out); k > 0 && out[k-1].To.Next() == r.From {
				out[k-1].To = r.To
			} else {
				out = append(out, r)
			}
			full = len(out) <= maxRanges
			return
		}
		lo, hi := e.at(n, c.level+uint32(bit))
		walk(lo, bit+1, code.Shl(1))
		walk(hi, bit+1, code.Shl(1).Or(packet.Num(1)))
	}
	walk(n, 0, packet.Value{})
	if !full {
		return nil
	}
	return packet.Merge(out)
}

// maxRanges is more than anybody reads.
const maxRanges = 1000
