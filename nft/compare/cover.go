package compare

import (
	"rechain/nft/packet"
	"rechain/nft/trace"
)

// covered is the packets that a finding stands for: those about which the same changed rule decides, or where there is none, those about
// which the same two rules do. Where that does not hold the packet itself, it is the region around it.
func (e *engine) covered(a, b *packet.Program, h packet.Hook, f *Finding, changed func(*packet.Rule) bool) node {
	pathA, pathB := Against(f.A, f.B), Against(f.B, f.A)
	n := yes
	if hop := blamed(f.B, pathB, changed); hop != nil {
		n = e.decidedBy(b, h, hop)
	} else if hop := blamed(f.A, pathA, changed); hop != nil {
		n = e.decidedBy(a, h, hop)
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

// blamed is the outermost changed rule on a path; or else the last one of the way that sent the packet back or did something with it; nil:
// there is none.
func blamed(t *trace.Trace, path []trace.Hop, changed func(*packet.Rule) bool) *trace.Hop {
	if changed == nil {
		return nil
	}
	for i, h := range path {
		if h.Rule != nil && changed(h.Rule) {
			return &path[i]
		}
	}
	for i := len(t.Hops) - 1; i >= 0; i-- {
		h := &t.Hops[i]
		if h.Rule != nil && changed(h.Rule) && (h.Verdict != nil && h.Verdict.Kind == packet.Return || acts(h.Did)) {
			return h
		}
	}
	return nil
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
