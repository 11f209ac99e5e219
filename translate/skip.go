package translate

import (
	"fmt"

	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// Skipped is a rule that was left out since there is no translation of it.
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
	into.remarks = append(into.remarks, "refused: -A "+c.Chain+" "+c.Rule.String())
	for _, p := range s.Problems {
		into.remarks = append(into.remarks, "  "+p.Error())
	}
	into.remarks = append(into.remarks, "  "+s.Effect)
}

// next says where a packet goes that a rule does not take.
func (t *translator) next(c *ext.Context) string {
	ch := c.Source.Table(c.Table).Chain(c.Chain)
	switch {
	case ch.Rules[len(ch.Rules)-1] != c.Rule:
		return "to the rules behind it"
	case ch.Policy != "":
		return "to the policy " + ch.Policy
	}
	return "back to where the chain was called from"
}

// effect says what a rule's absence changes.
func effect(c *ext.Context, next string) string {
	target := c.Rule.Target
	switch {
	case target == nil:
		return "left out: nothing counts what it counted"
	case target.Name == "ACCEPT":
		return "left out: what it let through now goes on " + next + " and may be stopped"
	case target.Name == "DROP" || target.Name == "REJECT":
		return "left out: what it stopped now goes on " + next + " and may be let through"
	case target.Name == "RETURN":
		return "left out: what it sent back now goes on " + next
	case target.Ext == nil:
		return fmt.Sprintf("left out: what it sent to chain %s now goes on %s", target.Name, next)
	}
	return fmt.Sprintf("left out: %s is not done to what it matched, which goes on %s", target.Name, next)
}
