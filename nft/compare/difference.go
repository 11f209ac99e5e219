package compare

import (
	"maps"
	"slices"

	"rechain/nft/packet"
)

// visible is a function's outcomes without how often predicates were asked, and without scratch fields. What was written to a packet
// that does not get through, nobody sees.
func (e *engine) visible(n node) node {
	if !e.acting(n) {
		return n
	}
	return e.replace(n, func(t node) node {
		o := e.outcomes[t.value()]
		x := e.effects[o.effect].clone()
		x.counts, x.touched = nil, nil
		if o.kind != packet.Accept {
			x.changes, x.nat = nil, nil
		}
		maps.DeleteFunc(x.changes, func(f packet.Field, _ change) bool { return f.Scratch() })
		o.effect = e.intern(x)
		return e.end(o)
	})
}

// memory is which memories a packet has changed, of a function made while the engine remembers.
func (e *engine) memory(n node) node {
	return e.replace(n, func(t node) node {
		old := e.effects[e.outcomes[t.value()].effect]
		return e.end(outcome{kind: packet.Continue, effect: e.intern(&effect{touched: old.touched})})
	})
}

// different is where two functions have outcomes that can be told apart.
func (e *engine) different(a, b node) node { return e.differ(opDiffer, a, b) }

// differ is where two functions have outcomes that an operation tells apart.
func (e *engine) differ(op operation, a, b node) node {
	switch {
	case a == b:
		return no
	case a.isTerminal() && b.isTerminal():
		return e.apart(op, e.outcomes[a.value()], e.outcomes[b.value()])
	}
	if a > b {
		a, b = b, a
	}
	if r, ok := e.known(op, a, b, 0); ok {
		return r
	}
	level := min(e.level(a), e.level(b))
	alo, ahi := e.at(a, level)
	blo, bhi := e.at(b, level)
	lo, hi := e.differ(op, alo, blo), e.differ(op, ahi, bhi)
	r := node(0)
	if level < e.level(lo) && level < e.level(hi) {
		r = e.make(level, lo, hi)
	} else {
		r = e.ite(e.make(level, no, yes), hi, lo)
	}
	return e.keep(op, a, b, 0, r)
}

// apart is for which packets an operation tells two outcomes apart: opAccess those that get through on one side only, opThrough those that get
// through on both.
func (e *engine) apart(op operation, a, b outcome) node {
	through, also := a.kind == packet.Accept, b.kind == packet.Accept
	switch {
	case op == opAccess:
		return constant(through != also)
	case op == opThrough && !(through && also):
		return no
	}
	return e.unlike(a, b)
}

// unlike is for which packets two outcomes can be told apart: writing what is there already changes nothing.
func (e *engine) unlike(a, b outcome) node {
	x, y := e.effects[a.effect], e.effects[b.effect]
	if a.kind != b.kind || a.detail != b.detail || !sameTranslations(x, y) || !slices.Equal(x.notes, y.notes) ||
		!maps.Equal(x.counts, y.counts) || !maps.Equal(x.touched, y.touched) {
		return yes
	}
	fields := map[packet.Field]bool{}
	for _, c := range []map[packet.Field]change{x.changes, y.changes} {
		for f := range c {
			fields[f] = true
		}
	}
	unlike := no
	for f := range fields {
		unlike = e.or(unlike, e.unlikeField(f, x, y))
	}
	return unlike
}

func sameTranslations(x, y *effect) bool {
	for _, source := range []bool{false, true} {
		a, b := x.nat[source], y.nat[source]
		if (a == nil) != (b == nil) || a != nil && a.String() != b.String() {
			return false
		}
	}
	return true
}

func (e *engine) unlikeField(f packet.Field, x, y *effect) node {
	a, inA := x.changes[f]
	b, inB := y.changes[f]
	switch {
	case a.symbol != "" || b.symbol != "":
		return constant(a.symbol != b.symbol)
	case e.coding(f).starts == nil:
		return e.unlikeBits(x.bitsOf(f), y.bitsOf(f))
	case inA && inB:
		return constant(a.value != b.value)
	case inA:
		return e.not(e.in(f, []packet.Range{{From: a.value, To: a.value}}))
	}
	return e.not(e.in(f, []packet.Range{{From: b.value, To: b.value}}))
}

// absent are the fields that packets do not have at a hook.
func absent(h packet.Hook) []packet.Field {
	switch h {
	case packet.Prerouting:
		return []packet.Field{packet.Oif, packet.HasSocket}
	case packet.Input:
		return []packet.Field{packet.Oif}
	case packet.Forward:
		return []packet.Field{packet.HasSocket}
	case packet.Output:
		return []packet.Field{packet.Iif}
	}
	return nil
}

// possible is the packets that can be at a hook.
func (e *engine) possible(h packet.Hook, tracked bool) node {
	none := func(f packet.Field) packet.Pred { return packet.Eq(f, packet.Value{}) }
	all := packet.All{packet.Set(packet.HasTransport)}
	for _, f := range absent(h) {
		all = append(all, none(f))
	}
	if tracked {
		all = append(all, none(packet.FragOffset))
	}
	for f := range e.codings {
		if domain := packet.Domain(f); domain != nil {
			all = append(all, &packet.In{Field: f, Ranges: domain})
		}
	}
	return e.pred(all)
}

// unlikeBits is where two values differ in a bit. Variables of two fields lie apart, so that the sum of each pair of bits may double what is
// between: only as many are asked as that allows, which is enough to find a difference, but not to exclude one.
func (e *engine) unlikeBits(p, q []bit) node {
	unlike := no
	before := len(e.tests)
	for i := range p {
		sum := xor(p[i], q[i])
		if len(sum.of) > 1 && len(e.tests)-before > maxSums {
			e.partial = true
			continue
		}
		unlike = e.or(unlike, e.sum(sum))
	}
	return unlike
}

// maxSums is how many nodes sums of bits may take.
const maxSums = 1 << 18
