package translate

import (
	"fmt"
	"strings"

	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// Skipped is a rule that was left out since it could not be read, or there is no translation of it.
type Skipped struct {
	Rule     *iptables.Rule
	Problems iptables.Problems // why; at least one
	// Effect says what becomes of the packets that the rule would have taken.
	Effect string
}

// skip leaves a rule out and remarks it where it would stand.
func (t *translator) skip(into *compiler, c *ext.Context) {
	s := Skipped{Rule: c.Rule, Effect: effect(c, t.next(c))}
	for _, p := range c.Problems {
		if !p.Lossy {
			s.Problems = append(s.Problems, p.Problem)
		}
	}
	t.report.Skipped = append(t.report.Skipped, s)
	into.remarks = append(into.remarks, "refused: -A "+c.Chain+" "+spelled(c.Rule))
	for _, p := range s.Problems {
		into.remarks = append(into.remarks, "  "+p.Error())
	}
	into.remarks = append(into.remarks, "  "+s.Effect)
}

// spelled is the rule as iptables-save prints it, or as it was given, where it could not be read.
func spelled(r *iptables.Rule) string {
	if r.Problems == nil {
		return r.String()
	}
	words := r.Words()
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\"") {
			words[i] = iptables.Quote(w)
		}
	}
	return strings.Join(words, " ")
}

// next says where a packet goes that a rule does not take: behind the rules that are left out as well.
func (t *translator) next(c *ext.Context) string {
	ch := c.Source.Table(c.Table).Chain(c.Chain)
	for i := len(ch.Rules) - 1; ch.Rules[i] != c.Rule; i-- {
		if ch.Rules[i].Problems == nil {
			return "to the rules behind it"
		}
	}
	if ch.Policy != "" {
		return "to the policy " + ch.Policy
	}
	return "back to where the chain was called from"
}

// effect says what a rule's absence changes.
func effect(c *ext.Context, next string) string {
	target := c.Rule.Target
	switch {
	case target == nil && c.Rule.Problems != nil:
		return "left out: what it would have done is not known, and what it would have taken goes on " + next
	case target == nil:
		return "left out: nothing counts what it counted"
	case target.Name == "ACCEPT":
		return "left out: what it let through now goes on " + next + stopped(next)
	case target.Name == "DROP" || target.Name == "REJECT":
		return "left out: what it stopped now goes on " + next + let(next)
	case target.Name == "RETURN" && c.Source.Table(c.Table).Chain(c.Chain).Policy != "":
		return "left out: what it left to the policy now goes on " + next
	case target.Name == "RETURN":
		return "left out: what it sent back now goes on " + next
	case target.Ext == nil:
		return fmt.Sprintf("left out: what it sent to chain %s now goes on %s", target.Name, next)
	}
	return fmt.Sprintf("left out: %s is not done to what it matched, which goes on %s", target.Name, next)
}

// stopped says what becomes of what was let through, and let what becomes of what was stopped.
func stopped(next string) string {
	switch next {
	case "to the policy ACCEPT":
		return ", which lets it through as well"
	case "to the policy DROP":
		return ", which stops it"
	}
	return " and may be stopped"
}

func let(next string) string {
	switch next {
	case "to the policy ACCEPT":
		return ", which lets it through"
	case "to the policy DROP":
		return ", which stops it as well"
	}
	return " and may be let through"
}
