package compare

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"rechain/nft/packet"
	"rechain/nft/trace"
)

// MaxHunks is how many changes are tried one by one.
const MaxHunks = 20

// Attribute tries each change of programs that differ by itself, A with nothing else changed: whether it means anything. It does nothing
// where there are more than [MaxHunks].
func (s *Structure) Attribute(opt Options) error {
	if len(s.Hunks) > MaxHunks {
		return nil
	}
	if len(s.Hunks) == 1 { // it is all that differs
		s.Hunks[0].Meaning = MeansSomething
		return nil
	}
	opt.Findings, opt.Forgetful, opt.Changed = 1, true, nil
	for _, h := range s.Hunks {
		functions, err := Programs(s.a, s.With(h), opt)
		if err != nil {
			return err
		}
		switch {
		case slices.ContainsFunc(functions, func(f *Function) bool { return len(f.Findings) > 0 }):
			h.Meaning = MeansSomething
		case Same(functions):
			h.Meaning = MeansNothing
		}
	}
	return nil
}

// Causes are the changes behind a finding: those that do to its packet by themselves what B does; or else those that do something to it; or
// else the ones on its ways.
func (s *Structure) Causes(f *Finding, hook packet.Hook, logs bool) []*Hunk {
	var whole, part, passed []*Hunk
	for _, h := range s.Hunks {
		if h.Meaning != MeansSomething {
			continue
		}
		t, err := trace.Hook(s.With(h), hook, f.Packet, logs)
		switch {
		case err != nil:
		case trace.Same(t.Outcome, f.B.Outcome):
			whole = append(whole, h)
		case !trace.Same(t.Outcome, f.A.Outcome):
			part = append(part, h)
		}
	}
	a, b := blamed(f, s.Changed)
	for _, hop := range []*trace.Hop{a, b} {
		if hop != nil && !slices.Contains(passed, s.hunkOf[hop.Rule]) {
			passed = append(passed, s.hunkOf[hop.Rule])
		}
	}
	for _, list := range [][]*Hunk{whole, part, passed} {
		if list != nil {
			return list
		}
	}
	return nil
}

// With is A with one change made to it.
func (s *Structure) With(h *Hunk) *packet.Program {
	w := &patched{s: s, hunk: h, chains: map[*packet.Chain]*packet.Chain{}}
	p := &packet.Program{IPv6: s.a.IPv6, Tracks: s.a.Tracks}
	for _, c := range s.a.Chains {
		if h.Kind == ChainRemoved && h.Chain == c && c.Base != nil {
			continue
		}
		p.Chains = append(p.Chains, w.chain(c))
	}
	if h.Kind == ChainAdded {
		p.Chains = append(p.Chains, w.chain(h.Chain))
	}
	slices.SortStableFunc(p.Chains, func(a, b *packet.Chain) int { return cmp.Compare(placing(a), placing(b)) })
	return p
}

func placing(c *packet.Chain) int {
	if c.Base == nil {
		return 1 << 31
	}
	return c.Base.Priority
}

// patched makes the chains of A with a change.
type patched struct {
	s      *Structure
	hunk   *Hunk
	chains map[*packet.Chain]*packet.Chain
}

// chain is the changed copy of a chain of A; of one of B, A's where there is one.
func (w *patched) chain(c *packet.Chain) *packet.Chain {
	if a := w.s.pair[c]; a != nil {
		c = a
	}
	if d := w.chains[c]; d != nil {
		return d
	}
	d := &packet.Chain{}
	w.chains[c] = d
	*d = *c
	d.Rules = nil
	if w.hunk.Chain == c && w.hunk.Kind == PolicyChanged {
		base := *c.Base
		base.Drop = !base.Drop
		d.Base = &base
	}
	for _, r := range w.rules(c) {
		d.Rules = append(d.Rules, w.rule(r))
	}
	return d
}

// rules are a chain's, with those that the change brings and without those that it takes.
func (w *patched) rules(c *packet.Chain) []*packet.Rule {
	sc := w.s.scripts[c]
	if w.hunk.Chain != c || sc == nil {
		return c.Rules
	}
	var out []*packet.Rule
	for _, st := range sc.steps {
		switch {
		case st.A >= 0 && (st.B >= 0 || w.s.hunkOf[sc.a.Rules[st.A]] != w.hunk):
			out = append(out, sc.a.Rules[st.A])
		case st.A < 0 && w.s.hunkOf[sc.b.Rules[st.B]] == w.hunk:
			out = append(out, sc.b.Rules[st.B])
		}
	}
	return out
}

// rule is the rule, or where it leads to chains a copy that leads to the changed ones.
func (w *patched) rule(r *packet.Rule) *packet.Rule {
	if len(targets(r.Steps)) == 0 {
		return r
	}
	d := *r
	d.Steps = w.steps(r.Steps)
	return &d
}

func (w *patched) steps(steps []packet.Step) []packet.Step {
	out := slices.Clone(steps)
	for i, s := range out {
		switch v := s.(type) {
		case *packet.End:
			if v.Verdict.Chain != nil {
				verdict := v.Verdict
				verdict.Chain = w.chain(verdict.Chain)
				out[i] = &packet.End{Verdict: verdict}
			}
		case *packet.Choose:
			choose := &packet.Choose{}
			for _, c := range v.Cases {
				choose.Cases = append(choose.Cases, packet.Case{When: c.When, Steps: w.steps(c.Steps)})
			}
			out[i] = choose
		}
	}
	return out
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return string(sum[:])
}
