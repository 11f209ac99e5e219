package main

import (
	"errors"
	"fmt"
	"io"

	"rechain/nft/graph"
	"rechain/nft/packet"
)

// graphForm is a way to draw chains: --graph.
type graphForm string

func (f *graphForm) String() string { return string(*f) }
func (f *graphForm) Type() string   { return "form" }

// Set takes one of the forms.
func (f *graphForm) Set(s string) error {
	if s != "svg" && s != "mermaid" {
		return fmt.Errorf("%q is not a form of graph; it is one of svg, mermaid", s)
	}
	*f = graphForm(s)
	return nil
}

// writeGraph draws the chains of a source, of both families in one picture.
func (s *source) writeGraph(w, talk io.Writer, form graphForm) error {
	v4, v6, err := s.programs(talk)
	if err != nil {
		return err
	}
	all := &packet.Program{}
	seen := map[string]bool{}
	second := map[*packet.Chain]bool{} // of IPv6, where IPv4 may have one of the same name
	for _, p := range []*packet.Program{v4, v6} {
		if p == nil {
			continue
		}
		for _, c := range p.Chains {
			if id := fmt.Sprintf("%s %s %v", c.Table, c.Name, c.Origin); s.ruleset == nil || !seen[id] { // a chain of an inet table is in both
				seen[id] = true
				all.Chains = append(all.Chains, c)
				second[c] = p == v6 && v4 != nil && s.ruleset == nil
			}
		}
	}
	if len(all.Chains) == 0 {
		return no(errors.New("there are no chains"))
	}
	g := graph.Of(all)
	for _, n := range g.Chains {
		if second[n.Of] {
			n.Title = "ip6 " + n.Title
		}
	}
	text := g.SVG()
	if form == "mermaid" {
		text = g.Mermaid()
	}
	_, err = io.WriteString(w, text)
	return err
}
