package compare

import (
	"fmt"

	"rechain/nft/packet"
)

// engine turns programs into diagrams whose terminals are outcomes. Both sides of a comparison share one, so that what is equal is one
// node.
type engine struct {
	*diagram
	ipv6 bool
	logs bool // whether log lines are part of what is done
	// rejectAsDrop says that rejecting is dropping.
	rejectAsDrop bool
	// remembers says that outcomes tell which memories were asked, by all rules that ask any.
	remembers bool

	codings map[packet.Field]*coding
	fields  []*coding // by level
	surveys map[packet.Field]*survey
	next    uint32 // the first level that is free
	runs    map[run]node

	outcomes  []outcome
	outcomeOf map[outcome]node
	effects   []*effect
	effectOf  map[string]int
	composed  map[[2]int]int
	under     map[underKey]node
	renamed   map[int]map[uint32]*substitute // by effect and level

	evaluations map[packet.Field]nth // which fields are such
	repeated    map[string]bool      // keys that a packet may meet more than once

	chains map[*packet.Chain]node
	busy   map[*packet.Chain]bool
	chain  *packet.Chain // that the rule under way stands in
	inCase bool          // the steps under way are those of a case
	// partial says that not all bits were asked in which two fields may differ.
	partial bool
	// marked is the rule, or markedPolicy the chain whose policy, has its outcomes tagged, for the packets that it decides about: those that it
	// ends or changes, or lets return, whatever later rules do; of a jump, those that the chain ends.
	marked       *packet.Rule
	markedPolicy *packet.Chain
}

// outcome is how a chain ends for a packet.
type outcome struct {
	kind   packet.VerdictKind
	detail string
	effect int
}

type underKey struct {
	n      node
	effect int
}

func newEngine(ipv6 bool, limit int) *engine {
	e := &engine{diagram: newDiagram(limit), ipv6: ipv6,
		codings: map[packet.Field]*coding{}, surveys: map[packet.Field]*survey{}, runs: map[run]node{},
		outcomes: make([]outcome, 2), outcomeOf: map[outcome]node{}, effectOf: map[string]int{},
		composed: map[[2]int]int{}, under: map[underKey]node{}, renamed: map[int]map[uint32]*substitute{}, evaluations: map[packet.Field]nth{},
		chains: map[*packet.Chain]node{}, busy: map[*packet.Chain]bool{}}
	e.ends = make([]uint32, 2)
	e.intern(&effect{})
	return e
}

// kinds is more than there are of outcomes.
const kinds = 10

// traits are an outcome's bits in a diagram: its kind; above that, its kind where there is an effect; and above that, its kind where the effect
// is one on what later tests ask.
func (e *engine) traits(o outcome) uint32 {
	bits := uint32(1) << o.kind
	if o.effect == 0 {
		return bits
	}
	bits |= bits << kinds
	if x := e.effects[o.effect]; len(x.changes) > 0 || len(x.nat) > 0 || len(x.counts) > 0 {
		bits |= 1 << (2*kinds + o.kind)
	}
	return bits
}

// endsBy says whether n has an outcome of a kind.
func (e *engine) endsBy(n node, kind packet.VerdictKind) bool { return e.traitsOf(n)>>kind&1 != 0 }

// changing says whether n has an outcome of a kind for packets of which it has changed what tests ask.
func (e *engine) changing(n node, kind packet.VerdictKind) bool {
	return e.traitsOf(n)>>(2*kinds+kind)&1 != 0
}

// acting says whether n has an outcome with an effect.
func (e *engine) acting(n node) bool { return e.traitsOf(n)>>kinds != 0 }

// end is the terminal of an outcome.
func (e *engine) end(o outcome) node {
	n, ok := e.outcomeOf[o]
	if !ok {
		n = terminal(len(e.outcomes))
		e.outcomes = append(e.outcomes, o)
		e.ends = append(e.ends, e.traits(o))
		e.outcomeOf[o] = n
	}
	return n
}

// goesOn is the terminal of a packet that goes on with the next rule.
func (e *engine) goesOn() node { return e.end(outcome{kind: packet.Continue}) }

// coding is how a field is encoded. A field that the programs do not ask for (one that a translation made) comes last.
func (e *engine) coding(f packet.Field) *coding {
	c := e.codings[f]
	if c == nil {
		s := e.surveys[f]
		if s == nil {
			s = &survey{field: f}
		}
		c = e.place(s)
	}
	return c
}

// place gives a field the next variables.
func (e *engine) place(s *survey) *coding {
	c := s.coding(e.next)
	e.codings[s.field] = c
	e.next += uint32(c.width)
	for range c.width {
		e.fields = append(e.fields, c)
	}
	return c
}

// seq is f, and g for packets that f ends with the given kind.
func (e *engine) seq(kind packet.VerdictKind, f, g node) node {
	if !e.endsBy(f, kind) {
		return f
	}
	if f.isTerminal() {
		o := e.outcomes[f.value()]
		g = e.having(g, o.effect)
		if o.detail == markedDetail {
			g = e.replace(g, e.mark)
		}
		return g
	}
	op := opSeq + operation(kind)<<8
	if r, ok := e.known(op, f, g, 0); ok {
		return r
	}
	if e.changing(f, kind) { // then g asks what f has changed, not what the variable was
		t := e.tests[f]
		return e.keep(op, f, g, 0, e.ite(e.make(t.level, no, yes), e.seq(kind, t.hi, g), e.seq(kind, t.lo, g)))
	}
	level := min(e.level(f), e.level(g))
	flo, fhi := e.at(f, level)
	glo, ghi := e.at(g, level)
	return e.keep(op, f, g, 0, e.make(level, e.seq(kind, flo, glo), e.seq(kind, fhi, ghi)))
}

func (e *engine) verdict(r *packet.Rule, v packet.Verdict) node {
	if v.Chain != nil {
		n := e.called(v.Chain)
		if v.Kind == packet.Goto {
			n = e.rename(n, packet.Continue, packet.Return)
		}
		if r == e.marked && r != nil {
			n = e.replace(n, e.markEnded)
		}
		return n
	}
	if r == e.marked && r != nil {
		return e.end(outcome{kind: v.Kind, detail: markedDetail})
	}
	if v.Kind == packet.Reject && e.rejectAsDrop {
		v = packet.Verdict{Kind: packet.Drop}
	}
	return e.end(outcome{kind: v.Kind, detail: v.Detail})
}

// markedDetail is the detail of verdicts of the marked rule.
const markedDetail = "*"

// rename gives outcomes of one kind another.
func (e *engine) rename(n node, from, to packet.VerdictKind) node {
	if !e.endsBy(n, from) {
		return n
	}
	if n.isTerminal() {
		o := e.outcomes[n.value()]
		o.kind = to
		return e.end(o)
	}
	op := opRename + operation(from)<<8 + operation(to)<<16
	if r, ok := e.known(op, n, 0, 0); ok {
		return r
	}
	t := e.tests[n]
	return e.keep(op, n, 0, 0, e.make(t.level, e.rename(t.lo, from, to), e.rename(t.hi, from, to)))
}

// called is what a chain does for a rule that jumps to it: packets that reach its end, or return, go on.
func (e *engine) called(c *packet.Chain) node {
	if n, ok := e.chains[c]; ok {
		return n
	}
	if e.busy[c] {
		panic(&loopError{c})
	}
	e.busy[c] = true
	rules := make([]node, len(c.Rules))
	for i, r := range c.Rules {
		rules[i] = e.rule(c, r)
	}
	n := fold(rules, e.goesOn(), func(f, g node) node { return e.seq(packet.Continue, f, g) })
	n = e.rename(n, packet.Return, packet.Continue)
	delete(e.busy, c)
	e.chains[c] = n
	return n
}

// loopError is a chain that leads back to itself.
type loopError struct{ chain *packet.Chain }

func (err *loopError) Error() string {
	return fmt.Sprintf("chain %s of table %s leads back to itself", err.chain.Name, err.chain.Table)
}

// base is what a base chain does.
func (e *engine) base(c *packet.Chain) node {
	policy := packet.Accept
	if c.Base.Drop {
		policy = packet.Drop
	}
	n := e.called(c)
	if c == e.markedPolicy {
		n = e.replace(n, e.markContinuing)
	}
	n = e.rename(n, packet.Continue, policy)
	if c.Base.NAT {
		n = e.ite(e.pred(firstPacket), n, e.end(outcome{kind: packet.Accept}))
	}
	return n
}

func (e *engine) markContinuing(n node) node {
	o := e.outcomes[n.value()]
	if o.kind == packet.Continue {
		o.detail = markedDetail
	}
	return e.end(o)
}

// mark tags an outcome, and markEnded one that is no going on.
func (e *engine) mark(n node) node {
	o := e.outcomes[n.value()]
	o.detail = markedDetail
	return e.end(o)
}

func (e *engine) markEnded(n node) node {
	switch e.outcomes[n.value()].kind {
	case packet.Continue, packet.Return:
		return n
	}
	return e.mark(n)
}

// firstPacket is what chains of type nat see (nf_nat_inet_fn): packets of connections whose translation is not settled.
var firstPacket = packet.OneOf(packet.CTState, packet.Num(packet.StateNew), packet.Num(packet.StateRelated))
