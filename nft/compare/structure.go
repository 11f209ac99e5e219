package compare

import (
	"slices"
	"strings"

	"rechain/nft/diff"
	"rechain/nft/packet"
)

// Structure is how the rules of two programs differ, chain by chain, whatever the differences mean.
type Structure struct {
	Hunks []*Hunk
	// Renamed are chains of A that B calls otherwise, with what B calls them.
	Renamed map[string]string

	a, b    *packet.Program
	pair    map[*packet.Chain]*packet.Chain // of B's chain: A's
	scripts map[*packet.Chain]*script       // of A's chain
	hunkOf  map[*packet.Rule]*Hunk
}

// Hunk is one change of a rule set: rules that stand together, or a chain.
type Hunk struct {
	Kind HunkKind
	// Chain is where: A's chain, or B's where A has none.
	Chain *packet.Chain
	// A are rules of A that are not where they were, B are rules of B that were not there. Of rules that moved, and that changed, both.
	A, B []*packet.Rule
	// Fields are what a changed rule says otherwise.
	Fields []string
	// Meaning says what the change does by itself, see [Structure.Attribute].
	Meaning Meaning
}

// HunkKind is a kind of change.
type HunkKind uint8

// The kinds.
const (
	Added HunkKind = iota
	Removed
	Moved
	Changed
	PolicyChanged
	ChainAdded
	ChainRemoved
)

// String is the kind's word.
func (k HunkKind) String() string {
	return [...]string{"added", "removed", "moved", "changed", "policy", "chain added", "chain removed"}[k]
}

// Meaning is what a change does by itself.
type Meaning uint8

// The answers.
const (
	NotAsked Meaning = iota
	MeansNothing
	MeansSomething
)

// script is how a chain of A becomes B's.
type script struct {
	a, b  *packet.Chain
	steps []diff.Step
}

// Structural compares two programs rule by rule. Rules are the same if they say the same (see keyer); so are chains that only their name
// tells apart.
func Structural(a, b *packet.Program) *Structure {
	s := &Structure{Renamed: map[string]string{}, a: a, b: b, pair: map[*packet.Chain]*packet.Chain{},
		scripts: map[*packet.Chain]*script{}, hunkOf: map[*packet.Rule]*Hunk{}}
	s.pairChains()
	numbers := map[string]int{}
	ka := keyer{func(c *packet.Chain) string { return c.Name }}
	kb := keyer{func(c *packet.Chain) string {
		if p := s.pair[c]; p != nil {
			return p.Name
		}
		return c.Name + " of B"
	}}
	paired := map[*packet.Chain]bool{}
	for _, cb := range b.Chains {
		ca := s.pair[cb]
		if ca == nil {
			s.add(&Hunk{Kind: ChainAdded, Chain: cb, B: cb.Rules})
			continue
		}
		paired[ca] = true
		if ca.Base != nil && ca.Base.Drop != cb.Base.Drop {
			s.add(&Hunk{Kind: PolicyChanged, Chain: ca})
		}
		s.chain(ca, cb, ka.numbers(ca, numbers), kb.numbers(cb, numbers), ka, kb)
	}
	for _, ca := range a.Chains {
		if !paired[ca] {
			s.add(&Hunk{Kind: ChainRemoved, Chain: ca, A: ca.Rules})
		}
	}
	return s
}

// identical are the answers where the two have the same rules, in chains of the same order: then nothing is left to prove. nil: they do not,
// or a chain leads back to itself.
func (s *Structure) identical() []*Function {
	if s == nil || len(s.Hunks)+len(s.Renamed) > 0 || loops(s.a) {
		return nil
	}
	out := []*Function{}
	for h := packet.Prerouting; h <= packet.Ingress; h++ {
		a, b := at(s.a, h), at(s.b, h)
		if !slices.EqualFunc(a, b, func(a, b *packet.Chain) bool { return s.pair[b] == a }) {
			return nil
		}
		if len(a) > 0 {
			out = append(out, &Function{IPv6: s.a.IPv6, Hook: h})
		}
	}
	return out
}

// loops says whether a chain leads back to itself.
func loops(p *packet.Program) bool {
	const under, done = 1, 2
	state := map[*packet.Chain]int{}
	var visit func(*packet.Chain) bool
	visit = func(c *packet.Chain) bool {
		if state[c] != 0 {
			return state[c] == under
		}
		state[c] = under
		for _, r := range c.Rules {
			if slices.ContainsFunc(targets(r.Steps), visit) {
				return true
			}
		}
		state[c] = done
		return false
	}
	return slices.ContainsFunc(p.Chains, visit)
}

// numbers gives each rule of a chain a number; equal rules have equal ones.
func (k keyer) numbers(c *packet.Chain, known map[string]int) []int {
	out := make([]int, len(c.Rules))
	for i, r := range c.Rules {
		key := k.rule(r)
		n, ok := known[key]
		if !ok {
			n = len(known)
			known[key] = n
		}
		out[i] = n
	}
	return out
}

func (s *Structure) add(h *Hunk) {
	s.Hunks = append(s.Hunks, h)
	for _, r := range slices.Concat(h.A, h.B) {
		s.hunkOf[r] = h
	}
}

// Changed says whether a rule of either program is part of a change: 2, or 1 where it only moved; else 0.
func (s *Structure) Changed(r *packet.Rule) int {
	switch h := s.hunkOf[r]; {
	case h == nil:
		return 0
	case h.Kind == Moved:
		return 1
	}
	return 2
}

// Of is the change that a rule is part of, or nil.
func (s *Structure) Of(r *packet.Rule) *Hunk { return s.hunkOf[r] }

// Count is how many rules are part of changes of a kind.
func (s *Structure) Count(k HunkKind) (n int) {
	for _, h := range s.Hunks {
		if h.Kind == k {
			n += max(len(h.A), len(h.B), 1)
		}
	}
	return n
}

// place is where a chain stands: chains of different families can have one table's name.
type place struct {
	table, name string
	base        packet.Base
}

func placeOf(c *packet.Chain) place {
	p := place{table: c.Table, name: c.Name}
	if c.Base != nil {
		p.base = *c.Base
		p.base.Drop = false
	}
	return p
}

// pairChains finds A's chain for each of B: the one of its name, or one that only the name tells apart.
func (s *Structure) pairChains() {
	named := map[place]*packet.Chain{}
	for _, c := range s.a.Chains {
		named[placeOf(c)] = c
	}
	taken := map[*packet.Chain]bool{}
	for _, c := range s.b.Chains {
		if p := named[placeOf(c)]; p != nil && !taken[p] {
			s.pair[c], taken[p] = p, true
		}
	}
	var bodies map[string][]*packet.Chain
	digest := body{known: map[*packet.Chain]string{}}
	for _, c := range s.b.Chains {
		if s.pair[c] != nil || c.Base != nil {
			continue
		}
		if bodies == nil {
			bodies = map[string][]*packet.Chain{}
			for _, c := range s.a.Chains {
				if !taken[c] && c.Base == nil {
					key := c.Table + " " + digest.of(c)
					bodies[key] = append(bodies[key], c)
				}
			}
		}
		key := c.Table + " " + digest.of(c)
		if list := bodies[key]; len(list) > 0 {
			s.pair[c], bodies[key] = list[0], list[1:]
			s.Renamed[list[0].Name] = c.Name
		}
	}
}

// body says what chains do, whatever they are called.
type body struct{ known map[*packet.Chain]string }

func (d body) of(c *packet.Chain) string {
	if s, ok := d.known[c]; ok {
		return s
	}
	d.known[c] = "itself"
	var b strings.Builder
	k := keyer{d.of}
	for _, r := range c.Rules {
		b.WriteString(k.rule(r) + "\n")
	}
	d.known[c] = digestOf(b.String())
	return d.known[c]
}
