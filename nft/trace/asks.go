package trace

import "rechain/nft/packet"

// Asks returns the fields that a program's rules ask or change, and notes in keys its opaque predicates.
func Asks(p *packet.Program, keys map[string]bool) (fields []packet.Field) {
	seen := map[packet.Field]bool{}
	add := func(f packet.Field) {
		if !seen[f] && !f.Scratch() {
			seen[f] = true
			fields = append(fields, f)
		}
	}
	var pred func(packet.Pred)
	pred = func(p packet.Pred) {
		switch v := p.(type) {
		case *packet.In:
			add(v.Field)
		case *packet.Masked:
			add(v.Field)
		case *packet.Opaque:
			keys[v.Key] = true
		case packet.Not:
			pred(v.P)
		case packet.All:
			for _, q := range v {
				pred(q)
			}
		case packet.Any:
			for _, q := range v {
				pred(q)
			}
		}
	}
	var steps func([]packet.Step)
	steps = func(list []packet.Step) {
		for _, s := range list {
			switch v := s.(type) {
			case *packet.Require:
				pred(v.P)
			case *packet.Do:
				if x, ok := v.Effect.(*packet.Copy); ok {
					add(x.From)
				}
			case *packet.Choose:
				for _, c := range v.Cases {
					pred(c.When)
					steps(c.Steps)
				}
			}
		}
	}
	for _, c := range p.Chains {
		for _, r := range c.Rules {
			steps(r.Steps)
		}
	}
	return fields
}
