package graph

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"rechain/nft/packet"
)

func jump(to *packet.Chain) *packet.Rule {
	return &packet.Rule{Steps: []packet.Step{&packet.End{Verdict: packet.Verdict{Kind: packet.Jump, Chain: to}}}}
}

// program has a base chain that leads to n chains, each to the next, a chain that nothing leads to, and a way back.
func program(n int) *packet.Program {
	p := &packet.Program{}
	base := &packet.Chain{Table: "filter", Name: "INPUT", Base: &packet.Base{Hook: packet.Input, Drop: true}}
	p.Chains = append(p.Chains, base, &packet.Chain{Table: "filter", Name: "<dead & gone>"})
	last := base
	for i := range n {
		c := &packet.Chain{Table: "filter", Name: fmt.Sprint("c", i)}
		base.Rules = append(base.Rules, jump(c), jump(c))
		if last != base {
			last.Rules = append(last.Rules, jump(c))
		}
		p.Chains, last = append(p.Chains, c), c
	}
	return p
}

func TestLayout(t *testing.T) {
	for _, n := range []int{0, 1, 2, 100} {
		p := program(n)
		g := Of(p)
		g.Light([]*packet.Chain{p.Chains[0], p.Chains[len(p.Chains)-1]})
		svg := g.SVG()
		d := xml.NewDecoder(strings.NewReader(svg))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		for i, a := range g.Chains {
			for _, b := range g.Chains[:i] {
				if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
					t.Errorf("%d chains: %s lies on %s", n, a.Title, b.Title)
				}
			}
		}
		if got := strings.Count(svg, `class="chain dead`); got != 1 {
			t.Errorf("%d chains: %d dead ones", n, got)
		}
		if n > 0 && !strings.Contains(svg, `class="edge lit"`) {
			t.Error("the path is not lit")
		}
		if n > 0 && !strings.Contains(svg, ">2×<") {
			t.Error("rules are not counted")
		}
	}
}

// TestLoop draws chains that lead back to themselves.
func TestLoop(t *testing.T) {
	p := program(3)
	last := p.Chains[len(p.Chains)-1]
	last.Rules = append(last.Rules, jump(p.Chains[2]), jump(last))
	if svg := Of(p).SVG(); !strings.HasSuffix(svg, "</svg>\n") {
		t.Error(svg)
	}
	if m := Of(p).Mermaid(); !strings.Contains(m, "#60;dead & gone#62;") {
		t.Error(m)
	}
}
