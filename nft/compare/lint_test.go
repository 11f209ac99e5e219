package compare

import (
	"math/rand"
	"slices"
	"testing"

	"rechain/nft/packet"
	"rechain/nft/trace"
)

// takes says whether a packet takes a rule on its way.
func takes(t *trace.Trace, r *packet.Rule) bool {
	return slices.ContainsFunc(t.Hops, func(h trace.Hop) bool { return h.Rule == r })
}

// TestLintAgainstTrace lints random programs. No random packet takes a rule that is said to be dead, or comes to a chain that is said not to be
// reached; and for each other rule, the packet that the engine names takes it.
func TestLintAgainstTrace(t *testing.T) {
	dead, alive := 0, 0
	for seed := range int64(200) {
		g := generator{rand.New(rand.NewSource(seed))}
		p := g.program()
		l, warnings := lintForTest(t, p)
		var packets []*trace.Trace
		for range 300 {
			packets = append(packets, follow(p, packet.Input, g.packet(), true))
		}
		said := map[*packet.Rule]bool{}
		for _, w := range warnings {
			rules := []*packet.Rule{w.Rule}
			switch w.Fault {
			case NotReached:
				rules = w.Chain.Rules
			case Shadowed, Duplicate, Impossible:
			default:
				continue
			}
			for _, r := range rules {
				said[r] = true
				dead++
				for _, x := range packets {
					if takes(x, r) {
						t.Errorf("seed %d: %v: but a packet takes it", seed, w)
						break
					}
				}
			}
		}
		for _, c := range p.Chains {
			for i, r := range c.Rules {
				if said[r] {
					continue
				}
				alive++
				if x := follow(p, packet.Input, l.witness(l.hit(r)), true); !takes(x, r) && len(r.Steps) > 0 {
					t.Errorf("seed %d: rule %d of %s is not taken by its packet", seed, i, c.Name)
				}
			}
		}
	}
	t.Log(dead, "rules dead,", alive, "alive")
}

func lintForTest(t *testing.T, p *packet.Program) (*linter, []*Warning) {
	t.Helper()
	l := newLinter(p, defaultNodes)
	if err := l.run(); err != nil {
		t.Fatal(err)
	}
	return l, l.out
}

// TestLintNoEffect removes rules that are said to have none: then all packets fare as before.
func TestLintNoEffect(t *testing.T) {
	found := 0
	for seed := range int64(300) {
		g := generator{rand.New(rand.NewSource(seed))}
		p := g.program()
		_, warnings := lintForTest(t, p)
		for _, w := range warnings {
			if w.Fault == IdlePolicy || w.Rule == nil || w.Fault == EmptyJump {
				continue
			}
			found++
			without := withoutRule(p, w.Chain, w.Index)
			functions, err := Programs(p, without, Options{Logs: true})
			if err != nil {
				t.Fatal(err)
			}
			if !Same(functions) {
				t.Errorf("seed %d: %v: but without it, packets fare otherwise", seed, w)
			}
		}
	}
	t.Log(found, "rules removed")
}

// withoutRule is a copy of a program that lacks one rule.
func withoutRule(p *packet.Program, from *packet.Chain, index int) *packet.Program {
	out := &packet.Program{IPv6: p.IPv6, Tracks: p.Tracks}
	copies := map[*packet.Chain]*packet.Chain{}
	for _, c := range p.Chains {
		copies[c] = &packet.Chain{Table: c.Table, Name: c.Name, Base: c.Base}
		out.Chains = append(out.Chains, copies[c])
	}
	for _, c := range p.Chains {
		for i, r := range c.Rules {
			if c != from || i != index {
				copies[c].Rules = append(copies[c].Rules, &packet.Rule{Steps: redirected(r.Steps, copies)})
			}
		}
	}
	return out
}

func redirected(steps []packet.Step, to map[*packet.Chain]*packet.Chain) []packet.Step {
	out := slices.Clone(steps)
	for i, s := range out {
		switch v := s.(type) {
		case *packet.End:
			if v.Verdict.Chain != nil {
				w := v.Verdict
				w.Chain = to[w.Chain]
				out[i] = &packet.End{Verdict: w}
			}
		case *packet.Choose:
			c := &packet.Choose{}
			for _, x := range v.Cases {
				c.Cases = append(c.Cases, packet.Case{When: x.When, Steps: redirected(x.Steps, to)})
			}
			out[i] = c
		}
	}
	return out
}
