package compare

import (
	"rechain/nft/packet"
	"rechain/nft/trace"
)

// covered is the packets that a finding stands for: those about which the same changed rules decide, whatever others do; or where none is
// changed, those about which the same two rules do. Where that cannot be told, only the packet's own values.
func (e *engine) covered(a, b *packet.Program, h packet.Hook, f *Finding, changed func(*packet.Rule) int) node {
	hopA, hopB := blamed(f, changed)
	if hopA == nil && hopB == nil {
		hopA, hopB = last(Against(f.A, f.B)), last(Against(f.B, f.A))
	}
	n := yes
	if hopA != nil {
		n = e.decidedBy(a, h, hopA)
	}
	if hopB != nil {
		n = e.and(n, e.decidedBy(b, h, hopB))
	}
	if !e.holds(n, f.Packet) {
		n = yes
		for _, c := range e.inOrder() {
			n = e.and(n, e.exactly(c, f.Packet))
		}
	}
	return n
}

func last(hops []trace.Hop) *trace.Hop {
	if len(hops) == 0 {
		return nil
	}
	return &hops[len(hops)-1]
}

// blamed are the rules on the two ways of a packet that are changed most, if any is: of those that lead to what decides, the outermost, or
// else the last that sent the packet back or did something with it. A side whose rules are changed less has none.
func blamed(f *Finding, changed func(*packet.Rule) int) (hopA, hopB *trace.Hop) {
	if changed == nil {
		return nil, nil
	}
	a, mostA := mostChanged(Against(f.A, f.B), changed)
	b, mostB := mostChanged(Against(f.B, f.A), changed)
	if mostA+mostB == 0 {
		a, mostA = mostChanged(detours(f.A), changed)
		b, mostB = mostChanged(detours(f.B), changed)
	}
	switch {
	case mostA > mostB:
		return a, nil
	case mostB > mostA:
		return nil, b
	}
	return a, b
}

func mostChanged(hops []trace.Hop, changed func(*packet.Rule) int) (hop *trace.Hop, most int) {
	for i, h := range hops {
		if h.Rule == nil {
			continue
		}
		if n := changed(h.Rule); n > most {
			most, hop = n, &hops[i]
		}
	}
	return hop, most
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
