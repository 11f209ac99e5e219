package nft

import "rechain/nft/bytecode"

// Raise turns what a kernel holds into the model. It never fails: operations that no statement says become [Opaque] statements,
// with all the operations that share a register with them.
//
// Lower(Raise(b)) runs what b runs. Raise(Lower(rs)) is rs, but for the names and identifiers of anonymous sets, which are no
// longer among the table's sets but in the statements that use them, and for the order of elements. The result shares hooks,
// objects, flowtables and values with b.
func Raise(b *bytecode.Ruleset) *Ruleset {
	rs := &Ruleset{}
	for _, t := range b.Tables {
		rs.Tables = append(rs.Tables, RaiseTable(t))
	}
	return rs
}

// RaiseTable is [Raise] for one table.
func RaiseTable(b *bytecode.Table) *Table {
	t := &Table{
		Family: b.Family, Name: b.Name, Flags: b.Flags, Handle: b.Handle,
		Objects: b.Objects, Flowtables: b.Flowtables,
	}
	t.Comment, t.Extra = splitComment(b.UserData)
	r := newRaising(b)
	for _, c := range b.Chains {
		t.Chains = append(t.Chains, r.chain(c))
	}
	for _, s := range r.all {
		if !r.attached[s] || r.needed[s] {
			t.Sets = append(t.Sets, s)
		}
	}
	return t
}

// RaiseRule is [Raise] for one rule of table t; of t only the family and the sets count. A rule whose sets are not there is
// raised as well as it can be without knowing the length of their keys.
func RaiseRule(t *bytecode.Table, b *bytecode.Rule) *Rule {
	return newRaising(t).rule(b)
}

// raising is the work on one table.
type raising struct {
	*scope
	all      []*Set
	setIDs   map[*Set]uint32
	attached map[*Set]bool // anonymous sets that a statement took
	needed   map[*Set]bool // sets that an opaque statement refers to
}

func newRaising(t *bytecode.Table) *raising {
	r := &raising{scope: &scope{}, setIDs: map[*Set]uint32{}, attached: map[*Set]bool{}, needed: map[*Set]bool{}}
	if t == nil {
		return r
	}
	r.scope = &scope{t.Family, make(map[string]*Set, len(t.Sets)), make(map[uint32]*Set)}
	for _, b := range t.Sets {
		s := raiseSet(b)
		r.all = append(r.all, s)
		r.sets[s.Name] = s
		if b.ID != 0 {
			r.ids[b.ID], r.setIDs[s] = s, b.ID
		}
	}
	return r
}

func (r *raising) chain(b *bytecode.Chain) *Chain {
	c := &Chain{Name: b.Name, Base: b.Base, Flags: b.Flags &^ chainIsBase, Handle: b.Handle}
	c.Comment, c.Extra = splitComment(b.UserData)
	for _, rule := range b.Rules {
		c.Rules = append(c.Rules, r.rule(rule))
	}
	return c
}

func (r *raising) rule(b *bytecode.Rule) *Rule {
	rule := &Rule{Stmts: r.program(b.Program), Handle: b.Handle, Compat: b.Compat}
	rule.Comment, rule.Extra = splitComment(b.UserData)
	return rule
}

// program raises a rule run by run. As a rule that gives the very same program again; else each run has to prove itself, and where
// an operation could touch any register only the very same program is good enough.
func (r *raising) program(p bytecode.Program) []Stmt {
	f := r.flowOf(p)
	var runs []*run
	start := 0
	for _, end := range f.spans() {
		x := &run{raising: r, ops: p, flow: f, start: start, end: end}
		x.raise()
		runs = append(runs, x)
		start = end
	}
	stmts := statements(runs)
	if !bytecode.Equal(p, r.lowered(stmts)) {
		for _, x := range runs {
			x.verify()
		}
		stmts = statements(runs)
		if f.unknown && !bytecode.Equal(p, r.lowered(stmts)) {
			runs = []*run{{raising: r, ops: p, flow: f, end: len(p)}}
			stmts = statements(runs)
		}
	}
	for _, x := range runs {
		x.settle()
	}
	return stmts
}

// lowered is the program of statements that were raised here, which refers to anonymous sets as the original does.
func (r *raising) lowered(stmts []Stmt) bytecode.Program {
	return (&lowering{scope: r.scope, keep: r.setIDs}).program(stmts)
}

// setsOf are the sets that operations refer to.
func (r *raising) setsOf(p bytecode.Program) []*Set {
	var sets []*Set
	for _, op := range p {
		switch o := op.(type) {
		case *bytecode.Lookup:
			sets = append(sets, r.find(o.Set, o.SetID))
		case *bytecode.Dynset:
			sets = append(sets, r.find(o.Set, o.SetID))
		case *bytecode.Objref:
			sets = append(sets, r.find(o.Set, o.SetID))
		}
	}
	return sets
}
