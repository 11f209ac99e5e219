package compare

import (
	"fmt"

	"rechain/nft/packet"
)

// in is the predicate that a field lies in ranges.
func (e *engine) in(f packet.Field, ranges []packet.Range) node {
	c := e.coding(f)
	parts := make([]node, 0, len(ranges))
	for i := 0; i < len(ranges); i++ {
		from, to := c.code(ranges[i].From), c.code(ranges[i].To)
		for i+1 < len(ranges) && c.starts != nil && c.code(ranges[i+1].From) == to.Next() {
			i++ // classes that touch are one run
			to = c.code(ranges[i].To)
		}
		parts = append(parts, e.between(c, from, to))
	}
	return e.any(parts)
}

// between is the codes from to to. Those behind the last class go with it. Rules ask the same again and again, so that it is kept.
func (e *engine) between(c *coding, from, to packet.Value) node {
	k := run{c, from, to}
	n, ok := e.runs[k]
	if !ok {
		n = e.makeBetween(c, from, to)
		e.runs[k] = n
	}
	return n
}

// run is a run of codes.
type run struct {
	c        *coding
	from, to packet.Value
}

func (e *engine) makeBetween(c *coding, from, to packet.Value) node {
	last := packet.Ones(c.width)
	if c.starts != nil && to.Lo >= uint64(len(c.starts)-1) {
		to = last
	}
	return e.interval(c, 0, from, to, !from.IsZero(), to != last)
}

// interval is the codes from to to, as far as their bits from the i-th on decide, the most significant being 0. A bound is asked only while
// all bits before were its own.
func (e *engine) interval(c *coding, i uint, from, to packet.Value, low, high bool) node {
	if !low && !high || i == c.width {
		return yes
	}
	bit := c.width - 1 - i
	from1, to1 := from.Bit(bit), to.Bit(bit)
	lo, hi := no, no
	if !low || !from1 {
		lo = e.interval(c, i+1, from, to, low, high && !to1)
	}
	if !high || to1 {
		hi = e.interval(c, i+1, from, to, low && from1, high)
	}
	return e.make(c.level+uint32(i), lo, hi)
}

// masked is the predicate that some bits of a field have their values.
func (e *engine) masked(f packet.Field, mask, value packet.Value) node {
	c := e.coding(f)
	n := yes
	for i := uint(0); i < c.width; i++ {
		if !mask.Bit(i) {
			continue
		}
		level := c.level + uint32(c.width-1-i)
		if value.Bit(i) {
			n = e.make(level, no, n)
		} else {
			n = e.make(level, n, no)
		}
	}
	return n
}

// pred is a predicate without state.
func (e *engine) pred(p packet.Pred) node {
	switch v := p.(type) {
	case *packet.In:
		return e.in(v.Field, v.Ranges)
	case *packet.Masked:
		if points := matching(v); points != nil {
			return e.in(v.Field, points)
		}
		return e.masked(v.Field, v.Mask, v.Value)
	case *packet.Opaque:
		return e.in(opaqueField(v.Key), []packet.Range{{From: packet.Num(1), To: packet.Num(1)}})
	case packet.Not:
		return e.not(e.pred(v.P))
	case packet.All:
		return e.all(e.preds(v))
	case packet.Any:
		return e.any(e.preds(v))
	}
	panic(fmt.Sprintf("compare: unknown predicate %T", p))
}

func (e *engine) preds(list []packet.Pred) []node {
	out := make([]node, len(list))
	for i, p := range list {
		out[i] = e.pred(p)
	}
	return out
}

// matching are the values of a field with few that a masked test takes; nil when there are too many to name. (No value at all is
// never the case, since then no rule would ask.)
func matching(m *packet.Masked) []packet.Range {
	domain := packet.Domain(m.Field)
	var out []packet.Range
	for _, r := range domain {
		for v := r.From; ; v = v.Next() {
			if v.And(m.Mask) == m.Value {
				out = append(out, packet.Range{From: v, To: v})
			}
			if v == r.To {
				break
			}
		}
	}
	if domain != nil && out == nil {
		out = []packet.Range{}
	}
	return out
}

// opaqueField is the variable of an opaque predicate.
func opaqueField(key string) packet.Field { return packet.Named("? "+key, 1, packet.Bool) }
