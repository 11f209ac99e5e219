package graph

import (
	"fmt"
	"strings"
)

// Mermaid writes the graph in the language of mermaid.js (flowchart).
func (g *Graph) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart TB\n")
	ids := map[*Chain]string{}
	for i, n := range g.Chains {
		ids[n] = fmt.Sprintf("c%d", i)
		open, end := "[", "]"
		if n.Of.Base != nil {
			open, end = "([", "])"
		}
		fmt.Fprintf(&b, "  %s%s\"%s<br/>%s\"%s", ids[n], open, escaped(n.Title), escaped(n.Detail), end)
		if n.Dead {
			b.WriteString(":::dead")
		}
		b.WriteByte('\n')
	}
	for _, e := range g.Edges {
		if label := e.Label(); label != "" {
			fmt.Fprintf(&b, "  %s -->|%s| %s\n", ids[e.From], label, ids[e.To])
		} else {
			fmt.Fprintf(&b, "  %s --> %s\n", ids[e.From], ids[e.To])
		}
	}
	b.WriteString("  classDef dead stroke-dasharray: 5 4\n")
	return b.String()
}

// escaped is text inside quotes of mermaid, which takes entities by number.
func escaped(s string) string {
	return strings.NewReplacer(`"`, "#34;", "<", "#60;", ">", "#62;", "#", "#35;").Replace(s)
}
