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
	AddTable       EditKind = iota // Table with all that is in it
	DeleteTable                    // Table
	AddChain                       // Chain without its rules
	DeleteChain                    // Chain, which holds no rules any more
	SetPolicy                      // Chain gets the policy that Chain says
	AddRule                        // Rule at the end of Chain
	InsertRule                     // Rule into Chain, before the rule that the kernel knows by the handle Before
	DeleteRule                     // Rule, which the kernel knows by its handle
	AddSet                         // Set with its elements
	DeleteSet                      // Set, which no rule uses any more
	AddElements                    // the elements of Set, to the one of that name
	DeleteElements                 // the elements of Set, from the one of that name
	FlushSet                       // all elements, those of Set, from the set of that name
)

// Edit is one step from what a kernel holds to what it should hold. Table and Chain say where; a rule that is added may use
// anonymous sets of Table, which are added with it.
type Edit struct {
	Kind   EditKind
	Table  *Table
	Chain  *Chain
	Rule   *Rule
	Before uint64
	Set    *Set
}

// Diff returns the edits that turn have, which was read from a kernel, into want. What is the same keeps its handles and
// counters. No edits: the kernel runs exactly what is wanted.
//
// Rules and the elements of named sets are changed in place. A table is replaced when its objects, comment or hooks differ, or what a
// set of it is, since the kernel cannot change these where they are. The elements of a dynamic set come from packets: it is the same
// when all that is wanted is in it.
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
		edits = append(edits, diffTable(h, w)...)
	}
	return edits
}

// diffTable adds the chains that rules and elements may then jump to, changes the sets, then the rules, and last deletes the sets and
// chains that nothing uses any more.
func diffTable(have, want *Table) []Edit {
	h, w := newIndex(have), newIndex(want)
	edits, changed, deleted := []Edit(nil), diffSets(h, w), []Edit(nil)
	for _, c := range want.Chains {
		old := h.chains[c.Name]
		if old == nil {
			edits = append(edits, Edit{Kind: AddChain, Table: want, Chain: c})
			for _, r := range c.Rules {
				changed = append(changed, Edit{Kind: AddRule, Table: want, Chain: c, Rule: r})
			}
			continue
		}
		if c.Base != nil && c.Base.Policy != old.Base.Policy {
			edits = append(edits, Edit{Kind: SetPolicy, Table: want, Chain: c})
		}
		changed = append(changed, diffRules(h, w, old, c)...)
	}
	for _, s := range have.Sets {
		if s.Flags&SetAnonymous == 0 && w.sets[s.Name] == nil {
			deleted = append(deleted, Edit{Kind: DeleteSet, Table: have, Set: s})
		}
	}
	for _, c := range have.Chains {
		if w.chains[c.Name] == nil {
			for _, r := range c.Rules {
				changed = append(changed, Edit{Kind: DeleteRule, Table: have, Chain: c, Rule: r})
			}
			deleted = append(deleted, Edit{Kind: DeleteChain, Table: have, Chain: c})
		}
	}
	return slices.Concat(edits, changed, deleted)
}

func diffRules(have, want *index, h, w *Chain) []Edit {
	a, b := ruleKeys(have, h), ruleKeys(want, w)
	steps := diff.Lists(a, b, func(x, y string) bool { return x == y })
	before := make([]*Rule, len(steps)) // the next rule that stays, if there is one
	for i := len(steps) - 2; i >= 0; i-- {
		before[i] = before[i+1]
		if s := steps[i+1]; s.A >= 0 && s.B >= 0 {
			before[i] = h.Rules[s.A]
		}
	}
	var edits []Edit
	for i, s := range steps {
		switch {
		case s.A >= 0 && s.B >= 0:
		case s.A >= 0:
			edits = append(edits, Edit{Kind: DeleteRule, Table: have.table, Chain: h, Rule: h.Rules[s.A]})
		case before[i] != nil:
			edits = append(edits, Edit{Kind: InsertRule, Table: want.table, Chain: w, Rule: w.Rules[s.B], Before: before[i].Handle})
		default:
			edits = append(edits, Edit{Kind: AddRule, Table: want.table, Chain: w, Rule: w.Rules[s.B]})
		}
	}
	return edits
}

// ruleKeys gives each rule of a chain a string that is equal exactly for rules that do the same and carry the same user data.
// What an anonymous set is called does not matter, what is in it does; counts do not matter.
func ruleKeys(t *index, c *Chain) []string {
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

func appendKey(b []byte, t *index, op Op) []byte {
	if l, ok := op.(*Lookup); ok {
		if s := t.set(l.Set, l.SetID); s != nil && s.Flags&SetAnonymous != 0 {
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
		b = appendElementKey(b, &e)
	}
	return b
}

func appendElementKey(b []byte, e *Element) []byte {
	b = AppendBytes(b, 4, e.Key)
	b = AppendBytes(b, 5, e.KeyEnd)
	b = AppendU32(b, 6, e.Flags)
	b = AppendBytes(b, 7, e.Data)
	if e.Verdict != nil {
		b = AppendExpr(b, 8, e.Verdict)
	}
	return AppendString(b, 9, e.Object)
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
	want := newIndex(w)
	for _, s := range h.Sets {
		if d := want.sets[s.Name]; d != nil && s.Flags&SetAnonymous == 0 && !sameKind(s, d) {
			return false
		}
	}
	for _, c := range h.Chains {
		if d := want.chains[c.Name]; d != nil && !sameHook(c, d) {
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

// index finds what is in a table by name, and anonymous sets by their numbers within a batch.
type index struct {
	table  *Table
	chains map[string]*Chain
	sets   map[string]*Set
	ids    map[uint32]*Set
}

func newIndex(t *Table) *index {
	x := &index{t, make(map[string]*Chain, len(t.Chains)), make(map[string]*Set, len(t.Sets)), map[uint32]*Set{}}
	for _, c := range t.Chains {
		x.chains[c.Name] = c
	}
	for _, s := range t.Sets {
		x.sets[s.Name] = s
		if s.ID != 0 {
			x.ids[s.ID] = s
		}
	}
	return x
}

// set finds the set that a lookup means: by its number within a batch, else by its name.
func (x *index) set(name string, id uint32) *Set {
	if id != 0 {
		return x.ids[id]
	}
	return x.sets[name]
}
