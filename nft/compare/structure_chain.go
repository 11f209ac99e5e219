package compare

import (
	"maps"
	"slices"

	"rechain/nft/diff"
	"rechain/nft/packet"
)

// chain lines up a chain of A with B's.
func (s *Structure) chain(a, b *packet.Chain, na, nb []int, ka, kb keyer) {
	sc := &script{a: a, b: b, steps: diff.Lists(na, nb, func(x, y int) bool { return x == y })}
	s.scripts[a] = sc
	if len(a.Rules) == len(b.Rules) && slices.Equal(na, nb) {
		return
	}
	moved := s.moves(sc, na, nb)
	for i := 0; i < len(sc.steps); {
		j := i
		for j < len(sc.steps) && (sc.steps[j].A < 0 || sc.steps[j].B < 0) {
			j++
		}
		s.gap(sc, sc.steps[i:j], moved, ka, kb)
		i = j + 1
	}
}

// moves makes hunks of rules that stand elsewhere: rules that went together are one.
func (s *Structure) moves(sc *script, na, nb []int) map[*packet.Rule]bool {
	gone := map[int][]int{}
	for _, st := range sc.steps {
		if st.B < 0 {
			gone[na[st.A]] = append(gone[na[st.A]], st.A)
		}
	}
	moved := map[*packet.Rule]bool{}
	var last *Hunk
	lastA, lastB := -2, -2
	for _, st := range sc.steps {
		if st.A >= 0 || len(gone[nb[st.B]]) == 0 {
			continue
		}
		from := gone[nb[st.B]]
		i := 0
		if at := slices.Index(from, lastA+1); at >= 0 {
			i = at
		}
		ia := from[i]
		gone[nb[st.B]] = slices.Delete(from, i, i+1)
		ra, rb := sc.a.Rules[ia], sc.b.Rules[st.B]
		if last == nil || ia != lastA+1 || st.B != lastB+1 {
			last = &Hunk{Kind: Moved, Chain: sc.a}
			s.Hunks = append(s.Hunks, last)
		}
		last.A, last.B = append(last.A, ra), append(last.B, rb)
		s.hunkOf[ra], s.hunkOf[rb] = last, last
		moved[ra], moved[rb] = true, true
		lastA, lastB = ia, st.B
	}
	return moved
}

// gap makes hunks of rules between two that are on both sides: pairs that differ in little are changed rules.
func (s *Structure) gap(sc *script, steps []diff.Step, moved map[*packet.Rule]bool, ka, kb keyer) {
	var as, bs []*packet.Rule
	for _, st := range steps {
		if st.A >= 0 && !moved[sc.a.Rules[st.A]] {
			as = append(as, sc.a.Rules[st.A])
		}
		if st.B >= 0 && !moved[sc.b.Rules[st.B]] {
			bs = append(bs, sc.b.Rules[st.B])
		}
	}
	alone := len(as) == 1 && len(bs) == 1
	if len(as)*len(bs) <= maxPairs {
		as = slices.DeleteFunc(as, func(ra *packet.Rule) bool {
			pa := ka.parts(ra)
			for i, rb := range bs {
				fields, shared := apart(pa, kb.parts(rb))
				if len(fields) <= 2 && (shared >= len(fields) || alone) {
					s.add(&Hunk{Kind: Changed, Chain: sc.a, A: []*packet.Rule{ra}, B: []*packet.Rule{rb}, Fields: fields})
					bs = slices.Delete(bs, i, i+1)
					return true
				}
			}
			return false
		})
	}
	if len(as) > 0 {
		s.add(&Hunk{Kind: Removed, Chain: sc.a, A: as})
	}
	if len(bs) > 0 {
		s.add(&Hunk{Kind: Added, Chain: sc.a, B: bs})
	}
}

// maxPairs bounds how many pairs of rules are held against each other between two that both sides have.
const maxPairs = 10_000

// apart are the things that two rules say differently, and how many they say alike.
func apart(a, b []part) (fields []string, shared int) {
	inA, inB := map[part]bool{}, map[part]bool{}
	for _, p := range a {
		inA[p] = true
	}
	seen := map[string]bool{}
	for _, p := range b {
		inB[p] = true
		if inA[p] {
			shared++
		} else {
			seen[p.about] = true
		}
	}
	for p := range inA {
		if !inB[p] {
			seen[p.about] = true
		}
	}
	return slices.Sorted(maps.Keys(seen)), shared
}
