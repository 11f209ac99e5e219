package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rechain/nft/packet"
)

// flow is packets on their way, said by what they were when they came to the hook: by what has been done to them since.
type flow map[int]node

// add puts more packets into a flow.
func (f flow) add(e *engine, effect int, n node) {
	if n == no {
		return
	}
	if old, ok := f[effect]; ok {
		n = e.or(old, n)
	}
	f[effect] = n
}

func (f flow) addAll(e *engine, more flow) {
	for _, x := range slices.Sorted(maps.Keys(more)) {
		f.add(e, x, more[x])
	}
}

// packets are all of a flow.
func (f flow) packets(e *engine) node {
	return e.any(slices.Collect(maps.Values(f)))
}

// maxEffects bounds how many kinds of changed packets are followed.
const maxEffects = 500

// pass sends packets through the chains of a hook, and notes which rules any of them takes.
type pass struct {
	*engine
	cases map[*packet.Rule]*ruleCases
	// hits are packets that take a rule, some at least; entries are the packets that come to a chain.
	hits    map[*packet.Rule]node
	entries map[*packet.Chain][]entryFlow
	policy  map[*packet.Chain]bool // base chains whose policy decides about any
	known   map[string]passed
}

// entryFlow is the packets with which a chain was entered: before[i] come to rule i, and the last ones to the end.
// changed[i] says whether some of them were changed on their way.
type entryFlow struct {
	in      flow
	before  []node
	changed []bool
}

// passed is what comes out of a chain: what goes on behind it, and what was accepted.
type passed struct{ on, accepted flow }

// ruleCases is a rule with its verdicts taken out: outcomes are of kind Stolen with the number of a verdict, or Continue where the rule does not
// take the packet.
type ruleCases struct {
	diagram  node
	verdicts []packet.Verdict
}

// takenDetail begins the detail of such outcomes.
const takenDetail = "taken "

func (p *pass) casesOf(c *packet.Chain, r *packet.Rule) *ruleCases {
	k := p.cases[r]
	if k == nil {
		k = &ruleCases{}
		steps := append(k.number(r.Steps), k.numbered(packet.Verdict{Kind: packet.Continue}))
		p.chain = c
		k.diagram = p.steps(r, steps)
		p.cases[r] = k
	}
	return k
}

// number replaces verdicts by their numbers.
func (k *ruleCases) number(steps []packet.Step) []packet.Step {
	out := make([]packet.Step, len(steps))
	for i, s := range steps {
		switch v := s.(type) {
		case *packet.End:
			s = k.numbered(v.Verdict)
		case *packet.Do:
			if x, ok := v.Effect.(*packet.Touch); ok { // outcomes tell of notes alone
				s = &packet.Do{Effect: &packet.Note{Key: "touch " + x.Key}}
			}
		case *packet.Choose:
			c := &packet.Choose{}
			for _, x := range v.Cases {
				c.Cases = append(c.Cases, packet.Case{When: x.When, Steps: k.number(x.Steps)})
			}
			s = c
		}
		out[i] = s
	}
	return out
}

func (k *ruleCases) numbered(v packet.Verdict) *packet.End {
	k.verdicts = append(k.verdicts, v)
	return &packet.End{Verdict: packet.Verdict{Kind: packet.Stolen, Detail: fmt.Sprintf("%s%d", takenDetail, len(k.verdicts)-1)}}
}

// number is the verdict that an outcome stands for.
func (o outcome) number() (n int, taken bool) {
	rest, ok := strings.CutPrefix(o.detail, takenDetail)
	if !ok {
		return 0, false
	}
	fmt.Sscan(rest, &n)
	return n, true
}

// hook sends all packets that there can be through the base chains of a hook.
func (p *pass) hook(prog *packet.Program, h packet.Hook) {
	in := flow{0: p.anyAt(h, prog.Tracks)}
	chains := at(prog, h)
	for i, c := range chains {
		next := flow{}
		if c.Base.NAT {
			first := p.pred(firstPacket)
			seen := flow{}
			for x, n := range in {
				f := p.beforeEffect(first, x)
				seen.add(p.engine, x, p.and(n, f))
				next.add(p.engine, x, p.and(n, p.not(f)))
			}
			in = seen
		}
		out := p.walk(c, in)
		if out.on.packets(p.engine) != no {
			p.policy[c] = true
		}
		if i == len(chains)-1 {
			break
		}
		next.addAll(p.engine, out.accepted)
		if !c.Base.Drop {
			next.addAll(p.engine, out.on)
		}
		in = next
	}
}

// beforeEffect is a predicate about packets after an effect, as one about what they were before.
func (p *pass) beforeEffect(pred node, x int) node {
	goesOn := p.goesOn()
	return p.where(p.having(p.ite(pred, goesOn, p.otherwise()), x), func(t node) bool { return p.outcomes[t.value()].detail == "" })
}

// anyAt is the packets that can be at a hook; unlike those that are compared, they may lack a transport header.
func (p *pass) anyAt(h packet.Hook, tracked bool) node {
	all := packet.All{}
	for _, f := range absent(h) {
		all = append(all, packet.Eq(f, packet.Value{}))
	}
	if tracked {
		all = append(all, packet.Eq(packet.FragOffset, packet.Value{}))
	}
	for f := range p.codings {
		if domain := packet.Domain(f); domain != nil {
			all = append(all, &packet.In{Field: f, Ranges: domain})
		}
	}
	return p.pred(all)
}

// walk sends packets through a chain.
func (p *pass) walk(c *packet.Chain, in flow) passed {
	if in.packets(p.engine) == no {
		return passed{flow{}, flow{}}
	}
	key := fmt.Sprintf("%p %v", c, in)
	if out, ok := p.known[key]; ok {
		return out
	}
	if p.busy[c] {
		panic(&loopError{c})
	}
	p.busy[c] = true
	out := passed{flow{}, flow{}}
	entry := entryFlow{in: in, before: make([]node, 0, len(c.Rules)+1)}
	for _, r := range c.Rules {
		if len(in) > maxEffects {
			panic(errBudget)
		}
		_, unchanged := in[0]
		entry.before = append(entry.before, in.packets(p.engine))
		entry.changed = append(entry.changed, len(in) > 1 || len(in) == 1 && !unchanged)
		in = p.rule(c, r, in, out)
	}
	entry.before = append(entry.before, in.packets(p.engine))
	out.on.addAll(p.engine, in)
	p.entries[c] = append(p.entries[c], entry)
	delete(p.busy, c)
	p.known[key] = out
	return out
}

// rule sends packets through a rule, and says which go on with the next.
func (p *pass) rule(c *packet.Chain, r *packet.Rule, in flow, out passed) flow {
	k := p.casesOf(c, r)
	next, jumps := flow{}, make([]flow, len(k.verdicts))
	for _, x := range slices.Sorted(maps.Keys(in)) {
		n := p.having(k.diagram, x)
		for _, t := range p.terminals(n) {
			some := p.and(in[x], p.where(n, func(u node) bool { return u == t }))
			if some == no {
				continue
			}
			o := p.outcomes[t.value()]
			effect := p.lasting(o.effect)
			i, taken := o.number()
			if taken || p.acted(x, o.effect) {
				p.hits[r] = p.or(p.hit(r), some)
			}
			if !taken {
				next.add(p.engine, effect, some)
				continue
			}
			switch v := k.verdicts[i]; v.Kind {
			case packet.Continue:
				next.add(p.engine, effect, some)
			case packet.Return:
				out.on.add(p.engine, effect, some)
			case packet.Accept:
				out.accepted.add(p.engine, effect, some)
			case packet.Jump, packet.Goto:
				if jumps[i] == nil {
					jumps[i] = flow{}
				}
				jumps[i].add(p.engine, effect, some)
			}
		}
	}
	for i, f := range jumps {
		if f == nil {
			continue
		}
		v := k.verdicts[i]
		behind := p.walk(v.Chain, f)
		out.accepted.addAll(p.engine, behind.accepted)
		if v.Kind == packet.Goto {
			out.on.addAll(p.engine, behind.on)
		} else {
			next.addAll(p.engine, behind.on)
		}
	}
	return next
}

// acted says whether more was done than to ask, between two effects. A rule may do something and break off then.
func (p *pass) acted(before, after int) bool {
	if before == after {
		return false
	}
	x, y := p.effects[before].clone(), p.effects[after].clone()
	x.counts, y.counts = nil, nil
	return x.name() != y.name()
}

// hit is the packets that were found to take a rule.
func (p *pass) hit(r *packet.Rule) node {
	if n, ok := p.hits[r]; ok {
		return n
	}
	return no
}

// where is the packets for which a function ends as asked. Functions of single rules are small beside all nodes that there are.
func (p *pass) where(n node, end func(node) bool) node {
	done := map[node]node{}
	var walk func(node) node
	walk = func(n node) node {
		if n.isTerminal() {
			return constant(end(n))
		}
		r, ok := done[n]
		if !ok {
			t := p.tests[n]
			r = p.make(t.level, walk(t.lo), walk(t.hi))
			done[n] = r
		}
		return r
	}
	return walk(n)
}

// lasting is an effect without what no later rule can ask for.
func (p *pass) lasting(x int) int {
	old := p.effects[x]
	if len(old.notes)+len(old.touched) == 0 {
		return x
	}
	e := old.clone()
	e.notes, e.touched = nil, nil
	return p.intern(e)
}

// terminals are the terminals of a function, in the order of their numbers.
func (p *pass) terminals(n node) []node {
	seen, ends := map[node]bool{}, map[node]bool{}
	var walk func(node)
	walk = func(n node) {
		switch {
		case n.isTerminal():
			ends[n] = true
		case !seen[n]:
			seen[n] = true
			walk(p.tests[n].lo)
			walk(p.tests[n].hi)
		}
	}
	walk(n)
	return slices.Sorted(maps.Keys(ends))
}
