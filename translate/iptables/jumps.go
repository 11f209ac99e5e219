package iptables

import "slices"

// checkJumps reports targets that are not there, and chains that lead back to themselves, which the kernel refuses where a packet
// can come to (mark_source_chains in ip_tables.c).
func checkJumps(t *Table) Problems {
	w := jumpWalk{table: t, chains: make(map[string]*Chain, len(t.Chains)), state: map[string]int{}}
	for _, c := range t.Chains {
		if !c.Changes.Delete {
			w.chains[c.Name] = c
		}
	}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			w.target(r)
		}
	}
	for _, c := range t.Chains {
		if c.Policy != "" {
			w.visit(c)
		}
	}
	return w.problems
}

type jumpWalk struct {
	table    *Table
	chains   map[string]*Chain
	state    map[string]int // 0: not seen, 1: on the way here, 2: done
	problems Problems
}

// report says what is wrong with a rule's target. It is the rule's problem if the rule's absence mends it.
func (w *jumpWalk) report(r *Rule, alone bool, msg, hint string) {
	p := &Problem{Pos: r.Target.Pos, Ext: r.Target.Name, Msg: msg, Hint: hint}
	if alone {
		r.Problems = append(r.Problems, p)
	}
	w.problems = append(w.problems, p)
}

// callee is the name of the chain that a rule leads to, or "".
func callee(r *Rule) string {
	if t := r.Target; t != nil && t.Ext == nil && (t.Goto || !IsVerdict(t.Name)) {
		return t.Name
	}
	return ""
}

func (w *jumpWalk) target(r *Rule) {
	name := callee(r)
	if name == "" {
		return
	}
	declare := func() string { return "declare the chain: \":" + name + " - [0:0]\"" }
	switch {
	case slices.ContainsFunc(r.Problems, func(p *Problem) bool { return p.Pos == r.Target.Pos }):
	case IsBuiltin(w.table.Name, name):
		w.report(r, true, "a rule cannot lead to a built-in chain", "")
	case w.chains[name] == nil && r.Target.Goto:
		w.report(r, true, "table "+w.table.Name+" has no such chain", declare())
	case w.chains[name] == nil:
		w.report(r, true, "this is neither a chain of table "+w.table.Name+" nor a known target", declare())
	}
}

func (w *jumpWalk) visit(c *Chain) {
	w.state[c.Name] = 1
	for _, r := range c.Rules {
		next := w.chains[callee(r)]
		if next == nil || next.Policy != "" || r.Problems != nil {
			continue
		}
		switch w.state[next.Name] {
		case 0:
			w.visit(next)
		case 1:
			w.report(r, false, "the chain leads back to itself", "")
		}
	}
	w.state[c.Name] = 2
}
