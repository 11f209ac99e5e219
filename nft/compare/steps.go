package compare

import (
	"cmp"
	"fmt"
	"slices"

	"rechain/nft/packet"
)

// rule is one rule: packets that it does not end go on.
func (e *engine) rule(c *packet.Chain, r *packet.Rule) node {
	outer, inCase := e.chain, e.inCase
	e.chain, e.inCase = c, false
	n := e.steps(r, r.Steps)
	e.chain, e.inCase = outer, inCase
	return n
}

func (e *engine) steps(r *packet.Rule, steps []packet.Step) node {
	var conds []node // of tests without state, up to the first other step
	for i, s := range steps {
		req, ok := s.(*packet.Require)
		if !ok {
			return e.when(conds, e.step(r, s, steps[i+1:]))
		}
		if o, neg := stateful(req.P); o != nil {
			return e.when(conds, e.evaluate(r, o, neg, steps[i+1:]))
		}
		conds = append(conds, e.pred(req.P))
	}
	if e.inCase {
		return e.when(conds, e.end(outcome{kind: stepOn}))
	}
	n := e.goesOn()
	if r == e.marked && r != nil {
		n = e.mark(n)
	}
	return e.when(conds, n)
}

// stepOn is how the steps of a case end for packets that go on with the steps behind the choice.
const stepOn packet.VerdictKind = 15

// when is n where all conditions hold; other packets go on. Conditions on later variables come first, so that each is put on top of what
// is there.
func (e *engine) when(conds []node, n node) node {
	slices.SortStableFunc(conds, func(a, b node) int { return cmp.Compare(e.level(b), e.level(a)) })
	if n.isTerminal() {
		for _, c := range conds {
			n = e.ite(c, n, e.goesOn())
		}
		return n
	}
	all := yes
	for _, c := range conds {
		all = e.and(c, all)
	}
	return e.ite(all, n, e.goesOn())
}

func (e *engine) step(r *packet.Rule, s packet.Step, rest []packet.Step) node {
	switch v := s.(type) {
	case *packet.Do:
		if e.unseen(v.Effect) {
			return e.steps(r, rest)
		}
		return e.having(e.steps(r, rest), e.single(v.Effect))
	case *packet.End:
		return e.verdict(r, v.Verdict)
	case *packet.Choose:
		return e.choice(r, v, rest)
	}
	panic(fmt.Sprintf("compare: unknown step %T", s))
}

// choice is the first case that holds, and what is behind the choice. That is made once, unless a case asks what has a memory: then it
// matters for each by itself what follows.
func (e *engine) choice(r *packet.Rule, v *packet.Choose, rest []packet.Step) node {
	once := len(rest) > 0 && !memory{}.steps([]packet.Step{v})
	cases := make([]node, len(v.Cases))
	for i, c := range v.Cases {
		var n node
		if once {
			outer := e.inCase
			e.inCase = true
			n = e.steps(r, c.Steps)
			e.inCase = outer
		} else {
			n = e.steps(r, append(c.Steps[:len(c.Steps):len(c.Steps)], rest...))
		}
		cases[i] = e.ite(e.pred(c.When), n, e.otherwise())
	}
	n := e.orElse(fold(cases, e.otherwise(), e.orElse), e.goesOn())
	if once {
		n = e.seq(stepOn, n, e.steps(r, rest))
	}
	return n
}

// unseen says whether an effect is none that outcomes tell.
func (e *engine) unseen(x packet.Effect) bool {
	switch v := x.(type) {
	case *packet.Note:
		return v.Log && !e.logs
	case *packet.Touch:
		return !e.remembers
	}
	return false
}

// otherwise is the terminal of a packet that no case of a choice has taken.
func (e *engine) otherwise() node { return e.end(outcome{kind: packet.Continue, detail: "otherwise"}) }

// orElse is a, and b for packets that a leaves.
func (e *engine) orElse(a, b node) node {
	if a.isTerminal() {
		if a == e.otherwise() {
			return b
		}
		return a
	}
	if r, ok := e.known(opElse, a, b, 0); ok {
		return r
	}
	level := min(e.level(a), e.level(b))
	alo, ahi := e.at(a, level)
	blo, bhi := e.at(b, level)
	return e.keep(opElse, a, b, 0, e.make(level, e.orElse(alo, blo), e.orElse(ahi, bhi)))
}

// stateful is the predicate with state that a requirement asks, if it asks one.
func stateful(p packet.Pred) (o *packet.Opaque, neg bool) {
	switch v := p.(type) {
	case *packet.Opaque:
		if v.Stateful {
			return v, false
		}
	case packet.Not:
		o, neg := stateful(v.P)
		return o, !neg
	}
	return nil, false
}

// evaluate asks a predicate with state: its first evaluation by what follows, which what comes before may make a later one. Where nothing
// about the packet depends on what it says, it is only asked.
func (e *engine) evaluate(r *packet.Rule, o *packet.Opaque, neg bool, rest []packet.Step) node {
	n := e.goesOn()
	if e.logs || !packet.Idle(rest) {
		says := e.pred(packet.Set(e.evaluation(o.Key, 1)))
		if neg {
			says = e.not(says)
		}
		asked := 0
		if e.repeated[o.Key] {
			x := (&effect{}).clone()
			x.counts = map[string]int{o.Key: 1}
			asked = e.intern(x)
		}
		n = e.ite(says, e.having(e.steps(r, rest), asked), e.having(e.goesOn(), asked))
	}
	if e.remembers {
		x := (&effect{}).clone()
		x.touched = map[string]bool{packet.Memory(o.Key, e.chain): true}
		n = e.having(n, e.intern(x))
	}
	return n
}

// nth is an evaluation of a predicate with state, the n-th of its key on a packet's way, from 1 on.
type nth struct {
	key string
	n   int
}

// evaluation is the variable of an evaluation.
func (e *engine) evaluation(key string, n int) packet.Field {
	f := opaqueField(fmt.Sprintf("%s#%d", key, n))
	if _, ok := e.evaluations[f]; !ok {
		e.evaluations[f] = nth{key, n}
		e.of(f).cut(packet.Range{From: packet.Num(1), To: packet.Num(1)})
	}
	return f
}
