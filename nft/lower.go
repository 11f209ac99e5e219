package nft

import "rechain/nft/bytecode"

// Lower turns a rule set into what the kernel is given: each rule becomes the program that nft 1.0.6 would make of it, with the
// same registers, and the sets that rules hold themselves become anonymous sets of the table.
//
// The result shares the parts that both models have in common (hooks, objects, flowtables, values) with rs. Sets get identifiers
// that are unique in the result, by which rules refer to anonymous ones. Nothing is checked: a model that says what no program
// can, such as more operands than there are registers, becomes a program that the kernel refuses.
func Lower(rs *Ruleset) *bytecode.Ruleset {
	var id uint32
	b := &bytecode.Ruleset{}
	for _, t := range rs.Tables {
		b.Tables = append(b.Tables, lowerTable(t, &id))
	}
	return b
}

// LowerTable is [Lower] for one table.
func LowerTable(t *Table) *bytecode.Table {
	var id uint32
	return lowerTable(t, &id)
}

// LowerRule is [Lower] for one rule of table t, with the anonymous sets that the rule needs. They have identifiers from 1, and
// have to be added before it. Of t only the family and the named sets count; nil stands for a table without sets of a family in
// which the rule does not depend on it.
func LowerRule(t *Table, r *Rule) (*bytecode.Rule, []*bytecode.Set) {
	var id uint32
	l := &lowering{scope: newScope(t), id: &id}
	low := l.rule(r)
	return &low, l.anonymous
}

// lowering is the work on one table.
type lowering struct {
	*scope
	id        *uint32         // the last set identifier that was given out
	anonymous []*bytecode.Set // of the rules so far
	// keep, when not nil, has lowering refer to the anonymous sets that were raised instead of making new ones, by their names and
	// these identifiers.
	keep map[*Set]uint32
	pool opPool           // of a whole table; nil: each rule has operations of its own
	ops  bytecode.Program // room for the program that is made
}

func lowerTable(t *Table, id *uint32) *bytecode.Table {
	l := &lowering{scope: newScope(t), id: id, pool: newOpPool()}
	b := &bytecode.Table{
		Family: t.Family, Name: t.Name, Flags: t.Flags, Handle: t.Handle,
		UserData: withComment(t.Comment, t.Extra),
		Objects:  t.Objects, Flowtables: t.Flowtables,
	}
	for _, s := range t.Sets {
		b.Sets = append(b.Sets, l.set(s, s.Name, s.flags()))
	}
	for _, c := range t.Chains {
		b.Chains = append(b.Chains, l.chain(c))
	}
	b.Sets = append(b.Sets, l.anonymous...)
	return b
}

// chainIsBase is NFT_CHAIN_BASE.
const chainIsBase = 1

func (l *lowering) chain(c *Chain) *bytecode.Chain {
	b := &bytecode.Chain{
		Name: c.Name, Base: c.Base, Flags: c.Flags, Handle: c.Handle,
		UserData: withComment(c.Comment, c.Extra),
	}
	if c.Base != nil {
		b.Flags |= chainIsBase
	}
	if len(c.Rules) > 0 {
		b.Rules = make([]*bytecode.Rule, len(c.Rules))
	}
	room := make([]bytecode.Rule, len(c.Rules))
	for i, r := range c.Rules {
		room[i] = l.rule(r)
		b.Rules[i] = &room[i]
	}
	return b
}

func (l *lowering) rule(r *Rule) bytecode.Rule {
	return bytecode.Rule{
		Program: l.program(r.Stmts), Handle: r.Handle, Compat: r.Compat,
		UserData: withComment(r.Comment, r.Extra),
	}
}

func (l *lowering) program(stmts []Stmt) bytecode.Program {
	g := &generator{lowering: l, ops: l.ops[:0]}
	l.ops = nil // statements may hold statements
	for _, s := range stmts {
		g.stmt(s)
	}
	l.ops = g.ops
	return l.pool.program(g.ops)
}

// ref is how an operation refers to a set.
type ref struct {
	name string
	id   uint32
	set  *Set // nil when the table has none of that name
}

// ref returns the reference to a named set, or makes an anonymous one.
func (l *lowering) ref(name string, s *Set) ref {
	switch {
	case s == nil:
		return ref{name: name, set: l.find(name, 0)}
	case l.keep != nil:
		return ref{s.Name, l.keep[s], s}
	}
	name = s.anonymousName()
	flags := s.flags() | bytecode.SetAnonymous
	if flags&bytecode.SetEval == 0 {
		flags |= bytecode.SetConstant
	}
	b := l.set(s, name, flags)
	l.anonymous = append(l.anonymous, b)
	return ref{name, b.ID, s}
}
