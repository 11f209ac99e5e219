package compare

import "rechain/nft/packet"

// A predicate with state that no packet can meet twice needs no number: that it was asked need not be kept until it is asked again, which
// would double all that comes between.

// repeated are the keys that a packet may meet more than once on its way through a hook.
func repeated(programs ...*packet.Program) map[string]bool {
	out := map[string]bool{}
	for _, p := range programs {
		s := sites{known: map[*packet.Chain]map[string]int{}}
		for h := packet.Prerouting; h <= packet.Ingress; h++ {
			total := map[string]int{}
			for _, c := range at(p, h) {
				addTo(total, s.chain(c))
			}
			for key, n := range total {
				if n > 1 {
					out[key] = true
				}
			}
		}
	}
	return out
}

// sites counts how often a packet can meet each key, by chain.
type sites struct {
	known map[*packet.Chain]map[string]int
}

func (s *sites) chain(c *packet.Chain) map[string]int {
	if n, ok := s.known[c]; ok {
		return n
	}
	s.known[c] = nil // for a chain that leads back to itself, which is told elsewhere
	out := map[string]int{}
	for _, r := range c.Rules {
		s.steps(r.Steps, out)
	}
	s.known[c] = out
	return out
}

func (s *sites) steps(steps []packet.Step, out map[string]int) {
	for i, step := range steps {
		switch v := step.(type) {
		case *packet.Require:
			if o, _ := stateful(v.P); o != nil && !packet.Idle(steps[i+1:]) {
				addTo(out, map[string]int{o.Key: 1})
			}
		case *packet.End:
			if v.Verdict.Chain != nil {
				addTo(out, s.chain(v.Verdict.Chain))
			}
		case *packet.Choose:
			for _, c := range v.Cases {
				s.steps(c.Steps, out)
			}
		}
	}
}

// addTo adds counts, of which only whether they are above 1 matters.
func addTo(total, more map[string]int) {
	for key, n := range more {
		total[key] = min(total[key]+n, 2)
	}
}
