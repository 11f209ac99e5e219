package bytecode

import (
	"bytes"
	"slices"

	"rechain/nft/diff"
)

// EditKind is what an [Edit] does.
type EditKind uint8

// The edits.
const (
	AddTable    EditKind = iota // Table with all that is in it
	DeleteTable                 // Table
	AddChain                    // Chain without its rules
	DeleteChain                 // Chain, which holds no rules any more
	SetPolicy                   // Chain gets the policy that Chain says
	AddRule                     // Rule at the end of Chain
	InsertRule                  // Rule into Chain, before the rule that the kernel knows by the handle Before
	DeleteRule                  // Rule, which the kernel knows by its handle
)

// Edit is one step from what a kernel holds to what it should hold. Table and Chain say where; a rule that is added may use
// anonymous sets of Table, which are added with it.
type Edit struct {
	Kind   EditKind
	Table  *Table
	Chain  *Chain
	Rule   *Rule
	Before uint64
}

// Diff returns the edits that turn have, which was read from a kernel, into want. What is the same keeps its handles and
// counters. No edits: the kernel runs exactly what is wanted.
//
// Rules are changed in place. A table whose sets, objects, comment or hooks differ is replaced, since the kernel cannot change
// these where they are.
func Diff(have, want []*Table) []Edit {
	var edits []Edit
	for _, h := range have {
		if w := lookupTable(want, h.Family, h.Name); w == nil || !sameFrame(h, w) {
			edits = append(edits, Edit{Kind: DeleteTable, Table: h})
		}
	}
	for _, w := range want {
		h := lookupTable(have, w.Family, w.Name)
		if h == nil || !sameFrame(h, w) {
			edits = append(edits, Edit{Kind: AddTable, Table: w})
			continue
		}
		edits = append(edits, diffChains(h, w)...)
	}
	return edits
}

// diffChains adds the chains that rules may then jump to, changes the rules, and last deletes the chains that nothing jumps to
// any more.
func diffChains(have, want *Table) []Edit {
	var added, changed, deleted []Edit
	for _, w := range want.Chains {
		h := lookupChain(have, w.Name)
		if h == nil {
			added = append(added, Edit{Kind: AddChain, Table: want, Chain: w})
			for _, r := range w.Rules {
				changed = append(changed, Edit{Kind: AddRule, Table: want, Chain: w, Rule: r})
			}
			continue
		}
		if w.Base != nil && w.Base.Policy != h.Base.Policy {
			added = append(added, Edit{Kind: SetPolicy, Table: want, Chain: w})
		}
		changed = append(changed, diffRules(have, want, h, w)...)
	}
	for _, h := range have.Chains {
		if lookupChain(want, h.Name) == nil {
			for _, r := range h.Rules {
				changed = append(changed, Edit{Kind: DeleteRule, Table: have, Chain: h, Rule: r})
			}
			deleted = append(deleted, Edit{Kind: DeleteChain, Table: have, Chain: h})
		}
	}
	return slices.Concat(added, changed, deleted)
}

func diffRules(have, want *Table, h, w *Chain) []Edit {
	a, b := ruleKeys(have, h), ruleKeys(want, w)
	steps := diff.Lists(a, b, func(x, y string) bool { return x == y })
	var edits []Edit
	for i, s := range steps {
		switch {
		case s.A >= 0 && s.B >= 0:
		case s.A >= 0:
			edits = append(edits, Edit{Kind: DeleteRule, Table: have, Chain: h, Rule: h.Rules[s.A]})
		default:
			e := Edit{Kind: AddRule, Table: want, Chain: w, Rule: w.Rules[s.B]}
			for _, later := range steps[i+1:] {
				if later.A >= 0 && later.B >= 0 {
					e.Kind, e.Before = InsertRule, h.Rules[later.A].Handle
					break
				}
			}
			edits = append(edits, e)
		}
	}
	return edits
}

// ruleKeys gives each rule of a chain a string that is equal exactly for rules that do the same and carry the same user data.
// What an anonymous set is called does not matter, what is in it does; counts do not matter.
func ruleKeys(t *Table, c *Chain) []string {
	keys := make([]string, len(c.Rules))
	var b []byte
	for i, r := range c.Rules {
		b = b[:0]
		for _, op := range r.Program {
			b = appendKey(b, t, op)
		}
		b = append(b, 0xff)
		b = append(b, r.UserData...)
		keys[i] = string(b)
	}
	return keys
}

func appendKey(b []byte, t *Table, op Op) []byte {
	if l, ok := op.(*Lookup); ok {
		if s := lookupSet(t, l.Set, l.SetID); s != nil && s.Flags&SetAnonymous != 0 {
			plain := *l
			plain.Set, plain.SetID = "", 0
			return appendSetKey(AppendExpr(b, nftaListElem, canonical(&plain)), s)
		}
	}
	return AppendExpr(b, nftaListElem, canonical(op))
}

func appendSetKey(b []byte, s *Set) []byte {
	b = AppendU32(b, 1, s.Flags)
	b = AppendU32(b, 2, s.KeyType)
	b = AppendU32(b, 3, s.DataType)
	for _, e := range sortedElements(s) {
		b = AppendBytes(b, 4, e.Key)
		b = AppendBytes(b, 5, e.KeyEnd)
		b = AppendU32(b, 6, e.Flags)
		b = AppendBytes(b, 7, e.Data)
		if e.Verdict != nil {
			b = AppendExpr(b, 8, e.Verdict)
		}
		b = AppendString(b, 9, e.Object)
	}
	return b
}

// sortedElements puts elements into one order: the kernel returns those of a hash in any. The end of an interval sorts before
// the start of the next at the same key.
func sortedElements(s *Set) []Element {
	es := slices.Clone(s.Elements)
	slices.SortStableFunc(es, func(x, y Element) int {
		if c := bytes.Compare(x.Key, y.Key); c != 0 {
			return c
		}
		return int(y.Flags&ElemIntervalEnd) - int(x.Flags&ElemIntervalEnd)
	})
	return es
}

// sameFrame says whether everything about two tables is the same but their rules, user chains and policies.
func sameFrame(h, w *Table) bool {
	if h.Flags != w.Flags || !bytes.Equal(h.UserData, w.UserData) || !sameObjects(h.Objects, w.Objects) ||
		len(h.Flowtables)+len(w.Flowtables) > 0 {
		return false
	}
	for _, sets := range [][]*Set{h.Sets, w.Sets} {
		if slices.ContainsFunc(sets, func(s *Set) bool { return s.Flags&SetAnonymous == 0 }) {
			return false
		}
	}
	for _, c := range h.Chains {
		if d := lookupChain(w, c.Name); d != nil && !sameHook(c, d) {
			return false
		}
	}
	return true
}

// sameObjects says whether two tables have the same objects, and only such as keep nothing that the kernel counts: helpers.
func sameObjects(h, w []*Object) bool {
	return len(h) == len(w) && !slices.ContainsFunc(h, func(a *Object) bool {
		return a.CtHelper == nil || !slices.ContainsFunc(w, func(b *Object) bool {
			return b.CtHelper != nil && b.Name == a.Name && *b.CtHelper == *a.CtHelper && bytes.Equal(b.UserData, a.UserData)
		})
	})
}

func sameHook(a, b *Chain) bool {
	if a.Base == nil || b.Base == nil {
		return a.Base == b.Base && bytes.Equal(a.UserData, b.UserData)
	}
	return a.Base.Type == b.Base.Type && a.Base.Hook == b.Base.Hook && a.Base.Priority == b.Base.Priority &&
		slices.Equal(a.Base.Devices, b.Base.Devices) && bytes.Equal(a.UserData, b.UserData)
}

func lookupTable(ts []*Table, f Family, name string) *Table {
	for _, t := range ts {
		if t.Family == f && t.Name == name {
			return t
		}
	}
	return nil
}

func lookupChain(t *Table, name string) *Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// lookupSet finds the set that a lookup means: by its id within a batch, else by its name.
func lookupSet(t *Table, name string, id uint32) *Set {
	for _, s := range t.Sets {
		if id != 0 && s.ID == id || id == 0 && s.Name == name {
			return s
		}
	}
	return nil
}
