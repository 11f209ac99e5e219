package compare

import (
	"cmp"
	"maps"
	"slices"

	"rechain/nft/packet"
)

// OpaqueMatch is a match of which only the text is known, and how many rules of each side have it.
type OpaqueMatch struct {
	Key      string
	Stateful bool
	A, B     int
}

// opaque counts the matches that are taken for the same where their keys are, and finds for each difference those that one side lacks.
func (r *Report) opaque() {
	counts := map[string]*OpaqueMatch{}
	for _, side := range []struct {
		Side
		count func(*OpaqueMatch) *int
	}{{r.A, func(o *OpaqueMatch) *int { return &o.A }}, {r.B, func(o *OpaqueMatch) *int { return &o.B }}} {
		for _, p := range []*packet.Program{side.V4, side.V6} {
			if p == nil {
				continue
			}
			for _, c := range p.Chains {
				for _, rule := range c.Rules {
					opaqueSteps(rule.Steps, func(o *packet.Opaque) {
						if counts[o.Key] == nil {
							counts[o.Key] = &OpaqueMatch{Key: o.Key, Stateful: o.Stateful}
						}
						*side.count(counts[o.Key])++
					})
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		r.Opaque = append(r.Opaque, *counts[key])
	}
	slices.SortStableFunc(r.Opaque, func(a, b OpaqueMatch) int { return cmp.Compare(b.A+b.B, a.A+a.B) })
	for _, d := range r.Findings {
		for _, need := range slices.Sorted(maps.Keys(d.Needs)) {
			key, _ := evaluated(need)
			if c := counts[key]; c != nil && (c.A == 0 || c.B == 0) {
				d.OneSided = append(d.OneSided, need)
			}
		}
	}
}

func opaqueSteps(steps []packet.Step, f func(*packet.Opaque)) {
	for _, s := range steps {
		switch v := s.(type) {
		case *packet.Require:
			opaquePreds(v.P, f)
		case *packet.Choose:
			for _, c := range v.Cases {
				opaquePreds(c.When, f)
				opaqueSteps(c.Steps, f)
			}
		}
	}
}

func opaquePreds(p packet.Pred, f func(*packet.Opaque)) {
	switch v := p.(type) {
	case *packet.Opaque:
		f(v)
	case packet.Not:
		opaquePreds(v.P, f)
	case packet.All:
		for _, q := range v {
			opaquePreds(q, f)
		}
	case packet.Any:
		for _, q := range v {
			opaquePreds(q, f)
		}
	}
}
