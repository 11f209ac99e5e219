package compare

import (
	"rechain/nft/packet"
	"rechain/nft/trace"
)

// covered is the packets that a finding stands for: those about which the same changed rule decides, or where there is none, those about
// which the same two rules do. Where that does not hold the packet itself, it is the region around it.
func (e *engine) covered(a, b *packet.Program, h packet.Hook, f *Finding, changed func(*packet.Rule) int) node {
	pathA, pathB := Against(f.A, f.B), Against(f.B, f.A)
	n := yes
	if hop, ofB := blamed(f, changed); hop != nil {
		p := a
		if ofB {
			p = b
		}
		n = e.decidedBy(p, h, hop)
	} else {
		for _, side := range []struct {
			p    *packet.Program
			path []trace.Hop
		}{{a, pathA}, {b, pathB}} {
			if len(side.path) > 0 {
				n = e.and(n, e.decidedBy(side.p, h, &side.path[len(side.path)-1]))
			}
		}
	}
	if !e.holds(n, f.Packet) {
		n = yes
		for _, c := range f.Region {
			if c.Ranges != nil {
				n = e.and(n, e.in(c.Field, c.Ranges))
			}
		}
	}
	return n
}

// blamed is the rule on the two ways of a packet that is changed most: of those that lead to what decides the outermost, or else the
// last that sent the packet back or did something with it. nil: none is changed. ofB says that it is one of B's.
func blamed(f *Finding, changed func(*packet.Rule) int) (hop *trace.Hop, ofB bool) {
	if changed == nil {
		return nil, false
	}
	most := 0
	look := func(hops []trace.Hop, b bool) {
		for i, h := range hops {
			if h.Rule == nil {
				continue
			}
			if n := changed(h.Rule); n > most {
				most, hop, ofB = n, &hops[i], b
			}
		}
	}
	look(Against(f.B, f.A), true)
	look(Against(f.A, f.B), false)
	if hop == nil {
		look(detours(f.B), true)
		look(detours(f.A), false)
	}
	return hop, ofB
}

// detours are the hops that sent a packet back or did something with it, the last first.
func detours(t *trace.Trace) (out []trace.Hop) {
	for i := len(t.Hops) - 1; i >= 0; i-- {
		if h := t.Hops[i]; h.Verdict != nil && h.Verdict.Kind == packet.Return || acts(h.Did) {
			out = append(out, h)
		}
	}
	return out
}

// acts says whether effects are more than log lines.
func acts(did []packet.Effect) bool {
	for _, x := range did {
		if n, ok := x.(*packet.Note); !ok || !n.Log {
			return true
		}
	}
	return false
}

// decidedBy is the packets that a hop's rule or policy decides about.
func (e *engine) decidedBy(p *packet.Program, h packet.Hook, hop *trace.Hop) node {
	saved := e.chains
	defer func() { e.chains, e.marked, e.markedPolicy = saved, nil, nil }()
	e.chains = map[*packet.Chain]node{}
	for c, n := range saved {
		if !reaches(c, hop.Chain, map[*packet.Chain]bool{}) {
			e.chains[c] = n
		}
	}
	if e.marked = hop.Rule; hop.Rule == nil {
		e.markedPolicy = hop.Chain
	}
	n := e.function(at(p, h))
	return e.replace(n, func(t node) node { return constant(e.outcomes[t.value()].detail == markedDetail) })
}

// holds says whether a predicate holds for a packet.
func (e *engine) holds(n node, p *packet.Packet) bool {
	for !n.isTerminal() {
		t := e.tests[n]
		c := e.fields[t.level]
		v := p.Fields[c.field]
		if c.field.Name[0] == '?' && p.Opaque[c.field.Name[2:]] {
			v = packet.Num(1)
		}
		n = t.lo
		if c.code(v).Bit(c.width - 1 - uint(t.level-c.level)) {
			n = t.hi
		}
	}
	return n == yes
}
