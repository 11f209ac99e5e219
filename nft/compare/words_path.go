package compare

import (
	"fmt"
	"path/filepath"
	"strings"

	"rechain/nft/packet"
	"rechain/nft/trace"
)

// How rules, places and changes are written.

// Place is the base chain that decides: where the packet is turned away, or else where something is done with it.
func (d *Difference) Place() string {
	a, b := Against(d.A, d.B), Against(d.B, d.A)
	path := a
	if h := last(a); d.A.Outcome.Kind == packet.Accept && (d.B.Outcome.Kind != packet.Accept || h == nil || !acts(h.Did)) && len(b) > 0 {
		path = b
	}
	if len(path) == 0 {
		if path = b; len(path) == 0 {
			return d.Hook.String()
		}
	}
	return path[0].Chain.Table + " " + path[0].Chain.Name
}

// PathLines are the rules that decide about the packet on one side, from the base chain on: A's, or with b B's.
func (d *Difference) PathLines(b bool) []string {
	t, other := d.A, d.B
	if b {
		t, other = other, t
	}
	var out []string
	for i, h := range Against(t, other) {
		out = append(out, strings.Repeat("  ", i)+hopLine(h))
	}
	if out == nil {
		return []string{"there is no chain"}
	}
	return out
}

func hopLine(h trace.Hop) string {
	if h.Rule == nil {
		place := ""
		if h.Chain.File != "" {
			place = originWords(h.Chain.Origin) + ": "
		}
		return place + fmt.Sprintf("policy %s of %s %s", verdictWords(*h.Verdict), h.Chain.Table, h.Chain.Name)
	}
	return ruleLine(h.Chain, h.Rule)
}

// ruleLine is a rule with its place.
func ruleLine(c *packet.Chain, r *packet.Rule) string {
	text := "a rule"
	if r.Text != nil {
		text = r.Text()
	}
	where := originWords(r.Origin)
	if r.Origin.File == "" {
		where = strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Table, c.Name, where))
	}
	return where + ": " + text
}

// originWords is a place in a source: "FILE:LINE", a key, or the kernel's handle.
func originWords(o packet.Origin) string {
	s := filepath.Base(o.File)
	switch {
	case o.File != "" && o.Line > 0:
		return fmt.Sprintf("%s:%d", s, o.Line)
	case o.Key != "":
		return o.Key
	case o.Handle != 0:
		return fmt.Sprintf("handle %d", o.Handle)
	}
	return strings.TrimPrefix(s, ".")
}

// Words says what a change is: "line 151 was added", "lines 142-155 moved up (were 161-174)".
func (h *Hunk) Words() string {
	place := h.Chain.Table + " " + h.Chain.Name
	switch h.Kind {
	case PolicyChanged:
		return "the policy of " + place + " changed"
	case ChainAdded:
		return "chain " + place + " was added"
	case ChainRemoved:
		return "chain " + place + " was removed"
	case Added:
		return rulesWords(h.B) + " of " + place + " " + were(h.B) + " added"
	case Removed:
		return rulesWords(h.A) + " of " + place + " " + were(h.A) + " removed"
	case Moved:
		return fmt.Sprintf("%s of %s moved to %s", rulesWords(h.A), place, rulesWords(h.B))
	}
	was, now := rulesWords(h.A), rulesWords(h.B)
	text := fmt.Sprintf("%s of %s changed (%s)", was, place, strings.Join(h.Fields, ", "))
	if now != was {
		text += ", now " + now
	}
	return text
}

func were(rules []*packet.Rule) string {
	if len(rules) == 1 {
		return "was"
	}
	return "were"
}

// rulesWords are the places of rules that stand together.
func rulesWords(rules []*packet.Rule) string {
	first, last := rules[0].Origin, rules[len(rules)-1].Origin
	switch {
	case len(rules) == 1 && first.Line > 0:
		return fmt.Sprintf("line %d", first.Line)
	case first.Line > 0:
		return fmt.Sprintf("lines %d-%d", first.Line, last.Line)
	case len(rules) == 1:
		return "the rule " + originWords(first)
	}
	return fmt.Sprintf("%d rules from %s on", len(rules), originWords(first))
}
