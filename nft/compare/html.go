package compare

import (
	_ "embed"
	"html/template"
	"io"
	"slices"

	"rechain/nft/graph"
	"rechain/nft/packet"
	"rechain/nft/trace"
)

//go:embed report.html
var reportHTML string

var reportPage = template.Must(template.New("report").Parse(reportHTML))

// page is what the template shows.
type page struct {
	*Report
	Verdict   string
	Findings  []pageFinding
	Changes   []pageChange
	Counts    []string
	SideNames [2]string
}

// pageFinding is a difference with both ways side by side.
type pageFinding struct {
	N                  int
	Title, From, To    string
	May, Mid           bool
	Example            string
	Any, Needs, Causes []string
	PathA, PathB       []string
	PictureA, PictureB template.HTML
	Severity, Where    string
}

// pageChange is a change of the rules with what stands around it.
type pageChange struct {
	Words, Chain string
	Lines        []pageLine
}

// pageLine is a line of a chain: "-" only in A, "+" only in B, " " in both.
type pageLine struct{ Sign, Text string }

// WriteHTML writes the report as one page that needs nothing from elsewhere: an answer, each difference with both ways side by side and the chains
// with that way lit, and the changed rules among the ones around them. The error is the writer's.
func (r *Report) WriteHTML(w io.Writer) error {
	p := page{Report: r, Verdict: r.Result.String(), SideNames: [2]string{r.A.Name, r.B.Name}}
	for i, d := range r.Findings {
		p.Findings = append(p.Findings, r.pageFinding(i+1, d))
	}
	for _, s := range r.Structures {
		if words := s.Words(); words != "" {
			p.Counts = append(p.Counts, words)
		}
		for i, h := range s.Hunks {
			if i == MaxHunks {
				break
			}
			p.Changes = append(p.Changes, s.pageChange(h))
		}
	}
	return reportPage.Execute(w, p)
}

func (r *Report) pageFinding(n int, d *Difference) pageFinding {
	f := pageFinding{N: n, Title: d.Place(), Where: familyName(d.IPv6) + ", " + d.Hook.String(), Severity: d.Severity.String(),
		May: d.Needs != nil, Mid: d.MidConnection, Example: d.Example(), Any: d.Words(), Needs: d.NeedWords(),
		PathA: d.PathLines(false), PathB: d.PathLines(true)}
	f.From, f.To = d.Outcomes()
	for _, h := range d.Causes {
		f.Causes = append(f.Causes, h.Words())
	}
	program := func(s Side) *packet.Program {
		if d.IPv6 {
			return s.V6
		}
		return s.V4
	}
	f.PictureA = picture(program(r.A), d.Hook, Against(d.A, d.B))
	f.PictureB = picture(program(r.B), d.Hook, Against(d.B, d.A))
	return f
}

// picture draws the chains at a hook, with a path lit. All of it is made of numbers and escaped names.
func picture(p *packet.Program, h packet.Hook, path []trace.Hop) template.HTML {
	part := &packet.Program{IPv6: p.IPv6}
	for _, c := range p.Chains {
		if slices.ContainsFunc(at(p, h), func(base *packet.Chain) bool { return reaches(base, c, map[*packet.Chain]bool{}) }) {
			part.Chains = append(part.Chains, c)
		}
	}
	g := graph.Of(part)
	var chains []*packet.Chain
	for _, hop := range path {
		chains = append(chains, hop.Chain)
	}
	g.Light(chains)
	return template.HTML(g.SVG())
}

// pageContext is how many unchanged rules are shown before and after a change.
const pageContext = 2

// pageChange shows a change among the rules around it: those of A where it has any, else those of B.
func (s *Structure) pageChange(h *Hunk) pageChange {
	out := pageChange{Words: h.Words(), Chain: h.Chain.Table + " " + h.Chain.Name}
	line := func(sign string, r *packet.Rule) {
		text := ""
		if r.Text != nil {
			text = r.Text()
		}
		if at := Place(r.Origin); at != "" {
			text = at + "  " + text
		}
		out.Lines = append(out.Lines, pageLine{sign, text})
	}
	var rules []*packet.Rule
	var first int
	n := len(h.A)
	if n > 0 {
		rules, first = around(s.a, h.A[0])
	} else if len(h.B) > 0 {
		rules, first = around(s.b, h.B[0])
		n = len(h.B)
	} else {
		return out
	}
	for _, r := range rules[max(0, first-pageContext):first] {
		line(" ", r)
	}
	for _, r := range h.A {
		line("-", r)
	}
	for _, r := range h.B {
		line("+", r)
	}
	for _, r := range rules[min(first+n, len(rules)):min(first+n+pageContext, len(rules))] {
		line(" ", r)
	}
	return out
}

// around is the rules of the chain that a rule stands in, and its place there.
func around(p *packet.Program, r *packet.Rule) ([]*packet.Rule, int) {
	for _, c := range p.Chains {
		if i := slices.Index(c.Rules, r); i >= 0 {
			return c.Rules, i
		}
	}
	return nil, 0
}
