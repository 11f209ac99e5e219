package translate

import (
	"fmt"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/ext"
)

// A rule of iptables says: where all its conditions hold, do this. An nft rule says the same of statements that hold one after
// the other, except for two things it has no form for: "not" over a datum that may be missing (see package ext) and "or". The
// compiler has two ways around, both exact:
//
//   - A helper chain. "if a and not b: ACT" becomes "a jump H", with H = "b return; ACT". The packet comes back and goes on.
//   - A split. ACT may itself be a return or a goto, which would leave only H. Then "a b goto R; a ACT; goto R" takes its place, and
//     the rest of the chain stands in R. A goto leaves no trace, so the end of R returns where the chain would have.
//
// compiler builds the rules of one iptables chain.
type compiler struct {
	table *nft.Table
	names map[string]bool   // chain names of the source, and those made so far
	taken func(string) bool // whether a name is one of these, or otherwise in use
	chain *nft.Chain        // where rules go now: the chain, or the R of its last split
	first *nft.Chain        // the chain itself
	proto []nft.Stmt        // the test of the rule's protocol, if it wants one
	// What the rules have that are made now.
	comment string
	origin  nft.Origin
	shared  *ext.Shared
	met     []*ext.Demand // what every packet that comes to the next rule has met
	aside   int           // rules are made that not all packets come to
	// remarks wait for the next rule, or for the chain's end.
	remarks []string
	room    []literal // for those of the next rule
}

// literal is one condition of a conjunction.
type literal struct {
	test *ext.Test
	neg  bool       // the test must fail, and it has no inverse
	any  []ext.Cond // alternatives; test is nil

	demand *ext.Demand // test and any are nil
}

// rule appends one rule. before are statements that guard it.
func (c *compiler) rule(before []nft.Stmt, cond ext.All, act ext.Action) {
	room := c.room[:0]
	c.room = nil // a rule may be made of rules
	literals, ok := flatten(room, cond, false)
	if ok { // else it can never match
		c.emit(before, literals, act)
	}
	c.room = literals
}

// flatten turns a condition into a conjunction, with negations pushed down to the tests. It is false when the condition can
// never hold.
func flatten(out []literal, cond ext.Cond, neg bool) ([]literal, bool) {
	switch v := cond.(type) {
	case *ext.Test:
		switch {
		case !neg:
			return append(out, literal{test: v}), true
		case v.Inverse != nil:
			return append(out, literal{test: &ext.Test{Stmts: v.Inverse, Inverse: v.Stmts, Stateful: v.Stateful}}), true
		}
		return append(out, literal{test: v, neg: true}), true
	case *ext.Demand:
		return append(out, literal{demand: v}), true
	case ext.Not:
		return flatten(out, v.C, !neg)
	case ext.All:
		if neg {
			return alternatives(out, v, true)
		}
		return conjunction(out, v, false)
	case ext.Any:
		if neg {
			return conjunction(out, v, true)
		}
		return alternatives(out, v, false)
	}
	panic(fmt.Sprintf("translate: unknown condition %T", cond))
}

func conjunction(out []literal, conds []ext.Cond, neg bool) ([]literal, bool) {
	for _, c := range conds {
		var ok bool
		if out, ok = flatten(out, c, neg); !ok {
			return nil, false
		}
	}
	return out, true
}

func alternatives(out []literal, conds []ext.Cond, neg bool) ([]literal, bool) {
	var possible []ext.Cond
	for _, c := range conds {
		if neg {
			c = ext.Not{C: c}
		}
		lits, ok := flatten(nil, c, false)
		switch {
		case !ok:
			continue
		case len(lits) == 0:
			return out, true // one that always holds
		}
		possible = append(possible, c)
	}
	switch len(possible) {
	case 0:
		return nil, false
	case 1:
		return flatten(out, possible[0], false)
	}
	return append(out, literal{any: possible}), true
}

// emit appends the rules for: where before passes and each literal holds, act.
func (c *compiler) emit(before []nft.Stmt, literals []literal, act ext.Action) {
	hard := slices.IndexFunc(literals, func(l literal) bool { return l.test == nil || l.neg })
	plain := literals
	if hard >= 0 {
		plain = literals[:hard]
	}
	stateful := false
	n := len(before)
	for _, l := range plain {
		n += len(l.test.Stmts)
		stateful = stateful || l.test.Stateful
	}
	if hard < 0 && len(act.Rules) > 0 {
		n += len(act.Rules[len(act.Rules)-1]) // whose rule takes the slice
	}
	before = append(make([]nft.Stmt, 0, n), before...)
	for _, l := range plain {
		before = append(before, l.test.Stmts...)
	}
	if hard < 0 {
		c.act(before, stateful, act)
		return
	}
	rest := literals[hard:]
	switch {
	case rest[0].demand != nil && !stateful:
		c.demand(before, rest[0].demand)
		c.emit(before, rest[1:], act)
	case leaves(act) && stateful:
		c.once(before, rest, act)
	case leaves(act):
		c.split(before, rest, act)
	default:
		c.help(before, rest, act)
	}
}

// act appends the action's rules behind one condition. If the condition may be evaluated only once, several rules move to a
// helper chain.
func (c *compiler) act(before []nft.Stmt, stateful bool, act ext.Action) {
	if (stateful || act.Once) && len(act.Rules) > 1 && len(before) > 0 {
		h := c.newChain()
		c.add(before, &nft.Verdict{Code: bytecode.Jump, Chain: h.Name})
		c.within(h, func() { c.act(nil, false, act) })
		return
	}
	if act.Proto && c.proto != nil && !slices.ContainsFunc(before, func(s nft.Stmt) bool { return s == c.proto[0] }) {
		before = append(slices.Clip(before), c.proto...)
	}
	for i, r := range act.Rules {
		if i < len(act.Rules)-1 {
			c.add(before, r...)
		} else {
			c.put(append(before, r...))
		}
	}
}

// help puts hard conditions and the action into a helper chain, from which the packet returns.
func (c *compiler) help(before []nft.Stmt, literals []literal, act ext.Action) {
	h := c.newChain()
	c.add(before, &nft.Verdict{Code: bytecode.Jump, Chain: h.Name})
	c.within(h, func() {
		l, rest := literals[0], literals[1:]
		if l.demand != nil {
			c.emit(nil, literals, act)
			return
		}
		if l.neg {
			c.add(l.test.Stmts, &nft.Verdict{Code: bytecode.Return})
			if l.test.Proto {
				c.emit(c.proto, rest, act)
			} else {
				c.emit(nil, rest, act)
			}
			return
		}
		// Each alternative goes to the chain that does the rest; going there twice would do it twice.
		then := c.newChain()
		for _, alternative := range l.any {
			c.rule(nil, ext.All{alternative}, gotoChain(then))
		}
		c.within(then, func() { c.emit(nil, rest, act) })
	})
}

// split asks hard conditions before an action that leaves the chain, and goes on in a new chain.
func (c *compiler) split(before []nft.Stmt, literals []literal, act ext.Action) {
	l, rest := literals[0], literals[1:]
	c.aside++
	defer func() { c.aside-- }()
	if !l.neg {
		// The action leaves, so that the next alternative sees only packets which the last did not take.
		for _, alternative := range l.any {
			more, ok := flatten(nil, alternative, false)
			if !ok {
				continue
			}
			c.emit(before, append(more, rest...), act)
		}
		return
	}
	next := c.newChain()
	c.add(append(slices.Clip(before), l.test.Stmts...), &nft.Verdict{Code: bytecode.Goto, Chain: next.Name})
	for len(rest) > 0 && rest[0].neg {
		c.add(append(slices.Clip(before), rest[0].test.Stmts...), &nft.Verdict{Code: bytecode.Goto, Chain: next.Name})
		rest = rest[1:]
	}
	c.emit(before, rest, act)
	c.add(nil, &nft.Verdict{Code: bytecode.Goto, Chain: next.Name})
	c.chain = next
}

// once is split behind conditions that may be evaluated only once: they lead to a chain of their own.
func (c *compiler) once(before []nft.Stmt, literals []literal, act ext.Action) {
	taken, next := c.newChain(), c.newChain()
	c.add(before, &nft.Verdict{Code: bytecode.Goto, Chain: taken.Name})
	c.add(nil, &nft.Verdict{Code: bytecode.Goto, Chain: next.Name})
	c.within(taken, func() {
		c.emit(nil, literals, act)
		c.add(nil, &nft.Verdict{Code: bytecode.Goto, Chain: next.Name})
	})
	c.chain = next
}

// leaves says whether the action ends in a return or goto, which act on the chain that they stand in.
func leaves(act ext.Action) bool {
	for _, r := range act.Rules {
		for _, s := range r {
			if v, ok := s.(*nft.Verdict); ok && (v.Code == bytecode.Return || v.Code == bytecode.Goto) {
				return true
			}
		}
	}
	return false
}

func gotoChain(ch *nft.Chain) ext.Action {
	return ext.Action{Ends: true, Rules: [][]nft.Stmt{{&nft.Verdict{Code: bytecode.Goto, Chain: ch.Name}}}}
}

func (c *compiler) add(before []nft.Stmt, then ...nft.Stmt) {
	c.put(append(slices.Clip(before), then...))
}

// put appends a rule of these statements.
func (c *compiler) put(stmts []nft.Stmt) {
	c.chain.Rules = append(c.chain.Rules, &nft.Rule{Stmts: stmts, Comment: c.comment, Origin: c.origin, Remarks: c.remarks})
	c.remarks = nil
}

// within lets f build in another chain.
func (c *compiler) within(ch *nft.Chain, f func()) {
	saved := c.chain
	c.chain = ch
	c.aside++
	f()
	c.aside--
	c.chain = saved
}

// newChain makes a chain named after the one that is compiled.
func (c *compiler) newChain() *nft.Chain {
	name := ""
	for n := 1; ; n++ {
		name = fmt.Sprintf("%s-%d", c.first.Name, n)
		if !c.taken(name) {
			break
		}
	}
	c.names[name] = true
	ch := &nft.Chain{Name: name, Origin: c.first.Origin}
	c.table.Chains = append(c.table.Chains, ch)
	return ch
}

// finish mends the end: a split behind which the chain has no more rules needs no chain to go on in.
func (c *compiler) finish() {
	for c.chain != c.first && len(c.chain.Rules) == 0 {
		empty := c.chain
		c.table.Chains = slices.DeleteFunc(c.table.Chains, func(ch *nft.Chain) bool { return ch == empty })
		for _, ch := range c.table.Chains {
			ch.Rules = slices.DeleteFunc(ch.Rules, func(r *nft.Rule) bool {
				return len(r.Stmts) == 1 && leadsTo(r, empty)
			})
			for _, r := range ch.Rules {
				if leadsTo(r, empty) {
					r.Stmts[len(r.Stmts)-1] = &nft.Verdict{Code: bytecode.Return}
				}
			}
		}
		c.chain = c.first
	}
	c.chain.Remarks = c.remarks
}

// leadsTo says whether a rule ends by going to ch.
func leadsTo(r *nft.Rule, ch *nft.Chain) bool {
	if len(r.Stmts) == 0 {
		return false
	}
	v, ok := r.Stmts[len(r.Stmts)-1].(*nft.Verdict)
	return ok && v.Chain == ch.Name
}
