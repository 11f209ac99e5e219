package compare

import "rechain/nft/packet"

// memory says which chains change what rules remember, or lead to ones that do: the others are what they are without it.
type memory map[*packet.Chain]bool

func (m memory) chain(c *packet.Chain) bool {
	if is, ok := m[c]; ok {
		return is
	}
	m[c] = false // for a chain that leads back to itself, which is told elsewhere
	for _, r := range c.Rules {
		if m.steps(r.Steps) {
			m[c] = true
			break
		}
	}
	return m[c]
}

func (m memory) steps(steps []packet.Step) bool {
	for _, s := range steps {
		switch v := s.(type) {
		case *packet.Require:
			if o, _ := stateful(v.P); o != nil {
				return true
			}
		case *packet.Do:
			if _, ok := v.Effect.(*packet.Touch); ok {
				return true
			}
		case *packet.End:
			if v.Verdict.Chain != nil && m.chain(v.Verdict.Chain) {
				return true
			}
		case *packet.Choose:
			for _, c := range v.Cases {
				if m.steps(c.Steps) {
					return true
				}
			}
		}
	}
	return false
}
