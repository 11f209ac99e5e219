package graph

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// Sizes in pixels. Layers that are wider than maxWidth go on in another line.
const (
	charWidth  = 7
	boxHeight  = 40
	gapX, gapY = 24, 70
	lineGap    = 24
	margin     = 16
	maxWidth   = 1600
)

// style draws in the colours of the page around, light or dark.
const style = `.chain rect{fill:#f6f8fa;stroke:#57606a}.base rect{fill:#ddf4ff;stroke:#0969da}.dead rect{stroke-dasharray:5 4}.dead text{fill:#57606a}
.lit rect{fill:#fff8c5;stroke:#bf3989;stroke-width:3}text{font:12px ui-monospace,monospace;fill:#1f2328}.small{font-size:11px;fill:#57606a}
.edge path{fill:none;stroke:#8c959f}.edge.lit path{stroke:#bf3989;stroke-width:3}
#lit-tip path{fill:#bf3989}@media(prefers-color-scheme:dark){.chain rect{fill:#21262d;stroke:#8b949e}.base rect{fill:#0c2d6b;stroke:#58a6ff}.lit rect{fill:#4b2900;stroke:#f778ba}
text{fill:#e6edf3}.small{fill:#8b949e}.edge path{stroke:#6e7681}.edge.lit path{stroke:#f778ba}
#lit-tip path{fill:#f778ba}}`

// SVG draws the graph as a picture that stands by itself.
func (g *Graph) SVG() string {
	width, height := g.lay()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img"><title>chains</title><style>%s</style>`,
		width, height, width, height, style)
	b.WriteString("<defs>")
	for _, id := range []string{"tip", "lit-tip"} {
		fmt.Fprintf(&b, `<marker id="%s" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">`+
			`<path d="M0 0L8 4L0 8z" fill="#8c959f"/></marker>`, id)
	}
	b.WriteString("</defs>\n")
	for _, e := range g.Edges {
		e.draw(&b)
	}
	for _, n := range g.Chains {
		n.draw(&b)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// lay gives each chain its place, and says how large the picture is.
func (g *Graph) lay() (width, height int) {
	y := margin
	if len(g.Chains) == 0 {
		return 2 * margin, 2 * margin
	}
	for _, layer := range g.layers() {
		x := margin
		for _, n := range layer {
			n.w, n.h = charWidth*max(utf8.RuneCountInString(n.Title), utf8.RuneCountInString(n.Detail))+2*margin, boxHeight
			if x > margin && x+n.w > maxWidth {
				x, y = margin, y+boxHeight+lineGap
			}
			n.x, n.y = x, y
			x += n.w + gapX
			width = max(width, x-gapX+margin)
		}
		y += boxHeight + gapY
	}
	return width, y - gapY + margin
}

func (n *Chain) draw(b *strings.Builder) {
	class := "chain"
	for _, c := range []struct {
		is   bool
		name string
	}{{n.Of.Base != nil, "base"}, {n.Dead, "dead"}, {n.Lit, "lit"}} {
		if c.is {
			class += " " + c.name
		}
	}
	middle := n.x + n.w/2
	fmt.Fprintf(b, `<g class="%s"><rect x="%d" y="%d" width="%d" height="%d" rx="5"/><text x="%d" y="%d" text-anchor="middle">%s</text>`+
		`<text class="small" x="%d" y="%d" text-anchor="middle">%s</text></g>`+"\n",
		class, n.x, n.y, n.w, n.h, middle, n.y+17, html.EscapeString(n.Title), middle, n.y+32, html.EscapeString(n.Detail))
}

func (e *Edge) draw(b *strings.Builder) {
	class, tip := "edge", "tip"
	if e.Lit {
		class, tip = "edge lit", "lit-tip"
	}
	x1, y1, x2, y2 := e.From.x+e.From.w/2, e.From.y+e.From.h, e.To.x+e.To.w/2, e.To.y
	bend := max(20, (y2-y1)/2)
	if y2 <= y1 { // it leads up: to a chain that comes before
		y1, y2 = e.From.y, e.To.y+e.To.h
		bend = -bend
	}
	fmt.Fprintf(b, `<g class="%s"><path d="M%d %dC%d %d %d %d %d %d" marker-end="url(#%s)"/>`, class, x1, y1, x1, y1+bend, x2, y2-bend, x2, y2, tip)
	if label := e.Label(); label != "" {
		fmt.Fprintf(b, `<text class="small" x="%d" y="%d">%s</text>`, x2+4, y2-8, html.EscapeString(label))
	}
	b.WriteString("</g>\n")
}
