package compare

import (
	"fmt"
	"slices"
	"strings"

	"rechain/nft/packet"
)

// restrict leaves only the base chains that are asked for. What names a chain or table of one side only is no question.
func (r *Report) restrict() error {
	only := r.question.Only
	if only == nil {
		return nil
	}
	for _, term := range only {
		for _, side := range []Side{r.A, r.B} {
			if !isHook(term) && !slices.ContainsFunc(baseChains(side), func(c *packet.Chain) bool { return names(term, c) }) {
				return fmt.Errorf("%s has no base chain or table %s, and that is no hook; it has %s", side.Name, term, chainNames(side))
			}
		}
	}
	asked := func(c *packet.Chain) bool {
		return c.Base == nil || slices.ContainsFunc(only, func(term string) bool { return names(term, c) })
	}
	for _, p := range []**packet.Program{&r.A.V4, &r.A.V6, &r.B.V4, &r.B.V6} {
		if *p != nil {
			q := **p
			q.Chains = nil
			for _, c := range (*p).Chains {
				if asked(c) {
					q.Chains = append(q.Chains, c)
				}
			}
			*p = &q
		}
	}
	return nil
}

// names says whether a word means a base chain: TABLE/CHAIN, its table, or its hook.
func names(term string, c *packet.Chain) bool {
	table, chain, both := strings.Cut(term, "/")
	if both {
		return c.Table == table && c.Name == chain
	}
	return c.Table == term || c.Base.Hook.String() == term
}

func isHook(term string) bool {
	for h := packet.Prerouting; h <= packet.Ingress; h++ {
		if h.String() == term {
			return true
		}
	}
	return false
}

func baseChains(s Side) (out []*packet.Chain) {
	for _, p := range []*packet.Program{s.V4, s.V6} {
		if p == nil {
			continue
		}
		for _, c := range p.Chains {
			if c.Base != nil {
				out = append(out, c)
			}
		}
	}
	return out
}

func chainNames(s Side) string {
	var out []string
	for _, c := range baseChains(s) {
		if name := c.Table + "/" + c.Name; !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, ", ")
}
