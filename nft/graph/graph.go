package graph

import (
	"cmp"
	"fmt"
	"slices"

	"rechain/nft/packet"
)

// Graph is the chains of a program.
type Graph struct {
	Chains []*Chain
	Edges  []*Edge
}

// Chain is a node.
type Chain struct {
	Of *packet.Chain
	// Title is the chain's name with its table, and Detail its hook and policy, and how many rules it has.
	Title, Detail string
	// Dead says that no packet gets to it as far as jumps tell: it is drawn dashed.
	Dead bool
	// Lit says that it is drawn so that one sees it.
	Lit bool

	layer      int
	x, y, w, h int
}

// Edge is the rules of one chain that lead to another.
type Edge struct {
	From, To *Chain
	Jumps    int // of them; the others go there for good
	Gotos    int
	Lit      bool
}

// Of is the graph of a program's chains.
func Of(p *packet.Program) *Graph {
	g := &Graph{}
	nodes := map[*packet.Chain]*Chain{}
	for _, c := range p.Chains {
		n := &Chain{Of: c, Title: c.Table + " " + c.Name, Detail: detail(c), Dead: c.Base == nil}
		nodes[c] = n
		g.Chains = append(g.Chains, n)
	}
	for _, c := range p.Chains {
		edges := map[*packet.Chain]*Edge{}
		for _, r := range c.Rules {
			g.steps(nodes, edges, nodes[c], r.Steps)
		}
	}
	for _, n := range g.Chains {
		if n.Of.Base != nil {
			g.reach(n)
		}
	}
	return g
}

func detail(c *packet.Chain) string {
	rules := fmt.Sprintf("%d rules", len(c.Rules))
	if len(c.Rules) == 1 {
		rules = "1 rule"
	}
	if c.Base == nil {
		return rules
	}
	policy := "accept"
	if c.Base.Drop {
		policy = "drop"
	}
	return fmt.Sprintf("%s %d, policy %s, %s", c.Base.Hook, c.Base.Priority, policy, rules)
}

// steps adds what a rule's steps lead to.
func (g *Graph) steps(nodes map[*packet.Chain]*Chain, edges map[*packet.Chain]*Edge, from *Chain, steps []packet.Step) {
	for _, s := range steps {
		switch v := s.(type) {
		case *packet.End:
			to := v.Verdict.Chain
			if to == nil || nodes[to] == nil {
				continue
			}
			e := edges[to]
			if e == nil {
				e = &Edge{From: from, To: nodes[to]}
				edges[to] = e
				g.Edges = append(g.Edges, e)
			}
			if v.Verdict.Kind == packet.Goto {
				e.Gotos++
			} else {
				e.Jumps++
			}
		case *packet.Choose:
			for _, c := range v.Cases {
				g.steps(nodes, edges, from, c.Steps)
			}
		}
	}
}

// reach notes that packets may get to a chain, and to all that it leads to.
func (g *Graph) reach(n *Chain) {
	n.Dead = false
	for _, e := range g.Edges {
		if e.From == n && e.To.Dead {
			g.reach(e.To)
		}
	}
}

// Light marks the chains of a path, in order, and the ways between them.
func (g *Graph) Light(path []*packet.Chain) {
	for i, c := range path {
		for _, n := range g.Chains {
			n.Lit = n.Lit || n.Of == c
		}
		for _, e := range g.Edges {
			e.Lit = e.Lit || i > 0 && e.From.Of == path[i-1] && e.To.Of == c
		}
	}
}

// Label says how many rules lead there.
func (e *Edge) Label() string {
	switch {
	case e.Gotos == 0 && e.Jumps == 1, e.Jumps == 0 && e.Gotos == 1:
		if e.Gotos == 1 {
			return "goto"
		}
		return ""
	case e.Gotos == 0:
		return fmt.Sprintf("%d×", e.Jumps)
	case e.Jumps == 0:
		return fmt.Sprintf("%d× goto", e.Gotos)
	}
	return fmt.Sprintf("%d×, %d× goto", e.Jumps, e.Gotos)
}

// layers puts chains below all that lead to them, base chains on top, and orders each layer by where its chains are led to from, so that
// few lines cross. Chains to which no packet gets come last, in a layer of their own.
func (g *Graph) layers() [][]*Chain {
	for range g.Chains { // the longest way cannot be longer, but where a chain leads back to itself
		moved := false
		for _, e := range g.Edges {
			if e.To.layer <= e.From.layer && e.To.Of.Base == nil && e.From.layer+1 < len(g.Chains) {
				e.To.layer, moved = e.From.layer+1, true
			}
		}
		if !moved {
			break
		}
	}
	var out [][]*Chain
	var dead []*Chain
	for _, n := range g.Chains {
		if n.Dead {
			dead = append(dead, n)
			continue
		}
		for len(out) <= n.layer {
			out = append(out, nil)
		}
		out[n.layer] = append(out[n.layer], n)
	}
	out = slices.DeleteFunc(append(out, dead), func(l []*Chain) bool { return len(l) == 0 })
	slices.SortStableFunc(out[0], func(a, b *Chain) int { return cmp.Compare(rank(a), rank(b)) })
	place := map[*Chain]float64{}
	for i, layer := range out {
		if i > 0 {
			slices.SortStableFunc(layer, func(a, b *Chain) int { return cmp.Compare(g.middle(a, place), g.middle(b, place)) })
		}
		for j, n := range layer {
			place[n] = (float64(j) + 0.5) / float64(len(layer))
		}
	}
	return out
}

// rank orders the first layer: by hook and priority, others behind.
func rank(n *Chain) int {
	const behind = 1 << 30
	if n.Of.Base == nil {
		return behind
	}
	return int(n.Of.Base.Hook)<<20 + n.Of.Base.Priority
}

// middle is where a chain is led to from, on average.
func (g *Graph) middle(n *Chain, place map[*Chain]float64) float64 {
	sum, count := 0.0, 0.0
	for _, e := range g.Edges {
		if at, ok := place[e.From]; ok && e.To == n {
			sum, count = sum+at, count+1
		}
	}
	if count == 0 {
		return 1
	}
	return sum / count
}
