package trace

import (
	"fmt"
	"strings"

	"rechain/nft/packet"
)

// String writes the way, a line a hop, and what became of the packet.
func (t *Trace) String() string {
	var b strings.Builder
	for _, h := range t.Hops {
		fmt.Fprintf(&b, "%s%s %s: %s\n", strings.Repeat("  ", h.Depth), h.Chain.Table, h.Chain.Name, h.text())
	}
	b.WriteString(t.Outcome.String())
	return b.String()
}

func (h *Hop) text() string {
	if h.Rule == nil {
		return "policy " + verdictText(*h.Verdict)
	}
	s := ""
	if h.Rule.Text != nil {
		s = h.Rule.Text()
	}
	if o := h.Rule.Origin; o.Line > 0 {
		s = fmt.Sprintf("line %d: %s", o.Line, s)
	}
	return s
}

var verdictNames = [...]string{"accept", "drop", "reject", "queue", "stolen", "return", "continue", "jump", "goto"}

func verdictText(v packet.Verdict) string {
	s := verdictNames[v.Kind]
	if v.Detail != "" {
		s += " (" + v.Detail + ")"
	}
	return s
}

// String says what became of the packet: "accept", "reject (tcp reset)", with what was done to it.
func (o Outcome) String() string {
	s := verdictText(packet.Verdict{Kind: o.Kind, Detail: o.Detail})
	for _, n := range []*packet.NAT{o.DNAT, o.SNAT} {
		if n != nil {
			s += ", " + n.String()
		}
	}
	for _, n := range o.Notes {
		s += ", " + n
	}
	return s
}
