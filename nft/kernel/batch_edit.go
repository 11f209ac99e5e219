package kernel

import (
	"fmt"
	"slices"

	"rechain/nft/bytecode"
)

// AddAll adds a table with all that is in it. What refers to something comes after it: sets whose elements name objects or jump
// to chains, then rules. origin, if not nil, says where a rule comes from, and the objects that it uses first; the rest comes from
// b.Origin.
func (b *Batch) AddAll(t *bytecode.Table, origin func(*bytecode.Rule) fmt.Stringer) {
	b.grow(t)
	b.ruleOrigin = origin
	b.AddTable(t)
	firsts := firstUses(t)
	for _, o := range t.Objects {
		b.from = firsts[object{o.Type, o.Name}]
		b.AddObject(t.Family, t.Name, o)
	}
	b.from = nil
	for _, f := range t.Flowtables {
		b.AddFlowtable(t.Family, t.Name, f)
	}
	for _, c := range t.Chains {
		b.AddChain(t.Family, t.Name, c)
	}
	for _, s := range t.Sets {
		b.AddSet(t.Family, t.Name, s)
		b.AddElements(t.Family, t.Name, s)
	}
	for _, c := range inRuleOrder(t.Chains) {
		for _, r := range c.Rules {
			b.from = r
			b.AddRule(t.Family, t.Name, c.Name, r)
		}
	}
	b.from = nil
}

// object is what tells an object of a table from others.
type object struct {
	typ  bytecode.ObjectType
	name string
}

// firstUses finds the first rule of t that names each object.
func firstUses(t *bytecode.Table) map[object]*bytecode.Rule {
	if len(t.Objects) == 0 {
		return nil
	}
	firsts := map[object]*bytecode.Rule{}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			for _, op := range r.Program {
				if ref, ok := op.(*bytecode.Objref); ok && firsts[object{ref.Type, ref.Obj}] == nil {
					firsts[object{ref.Type, ref.Obj}] = r
				}
			}
		}
	}
	return firsts
}

// inRuleOrder puts chains that belong to a single rule, "jump { … }", before the others: they take no rules any more once that rule
// is there (nf_tables_newrule). There are none within one another (nf_tables_bind_chain).
func inRuleOrder(chains []*bytecode.Chain) []*bytecode.Chain {
	rank := func(c *bytecode.Chain) int {
		if c.Flags&nftChainBinding != 0 {
			return 0
		}
		return 1
	}
	return slices.SortedStableFunc(slices.Values(chains), func(a, b *bytecode.Chain) int { return rank(a) - rank(b) })
}

// Edit adds a change that [bytecode.Diff] found to be needed. origin is as in [Batch.AddAll].
func (b *Batch) Edit(e bytecode.Edit, origin func(*bytecode.Rule) fmt.Stringer) {
	family, table := e.Table.Family, e.Table.Name
	b.from, b.ruleOrigin = e.Rule, origin
	defer func() { b.from = nil }()
	switch e.Kind {
	case bytecode.AddTable:
		b.AddAll(e.Table, origin)
	case bytecode.DeleteTable:
		b.DeleteTable(family, table)
	case bytecode.AddChain:
		b.AddChain(family, table, e.Chain)
	case bytecode.DeleteChain:
		b.DeleteChain(family, table, e.Chain.Name)
	case bytecode.SetPolicy:
		b.SetPolicy(family, table, e.Chain.Name, e.Chain.Base.Policy)
	case bytecode.AddRule:
		b.anonymousSets(e.Table, e.Rule)
		b.AddRule(family, table, e.Chain.Name, e.Rule)
	case bytecode.InsertRule:
		b.anonymousSets(e.Table, e.Rule)
		b.InsertRule(family, table, e.Chain.Name, e.Rule, e.Before)
	case bytecode.AddSet:
		b.AddSet(family, table, e.Set)
		b.AddElements(family, table, e.Set)
	case bytecode.DeleteSet:
		b.DeleteSet(family, table, e.Set.Name)
	case bytecode.AddElements:
		b.AddElements(family, table, e.Set)
	case bytecode.FlushSet:
		b.FlushSet(family, table, e.Set.Name)
	case bytecode.DeleteElements:
		b.DeleteElements(family, table, e.Set)
	case bytecode.DeleteRule:
		b.DeleteRule(family, table, e.Chain.Name, e.Rule.Handle)
	}
}

// anonymousSets adds the anonymous sets of t that r uses.
func (b *Batch) anonymousSets(t *bytecode.Table, r *bytecode.Rule) {
	for _, op := range r.Program {
		var name string
		var id uint32
		switch op := op.(type) {
		case *bytecode.Lookup:
			name, id = op.Set, op.SetID
		case *bytecode.Dynset:
			name, id = op.Set, op.SetID
		case *bytecode.Objref:
			name, id = op.Set, op.SetID
		}
		if name == "" {
			continue
		}
		for _, s := range t.Sets {
			if s.Flags&bytecode.SetAnonymous != 0 && s.ID == id && s.Name == name {
				b.AddSet(t.Family, t.Name, s)
				b.AddElements(t.Family, t.Name, s)
			}
		}
	}
}
