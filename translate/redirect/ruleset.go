package redirect

import (
	"slices"

	"rechain/translate/iptables"
)

// Rulesets returns the rules as the model of package iptables, for each family; a family that is off is nil. Inserted rules stand
// where they end up. A table holds the built-in chains that have rules, then the others in the order in which Istio makes them.
// The Pos of all parts is the key of the rule's [Line]. vocab must know the extensions that the rules use; what it does not know
// is a problem.
func (p *Plan) Rulesets(vocab iptables.Vocabulary) (v4, v6 *iptables.Ruleset, problems iptables.Problems) {
	v4, problems = p.ruleset(iptables.IPv4, vocab)
	if p.IPv6 {
		var more iptables.Problems
		v6, more = p.ruleset(iptables.IPv6, vocab)
		problems = append(problems, more...)
	}
	return v4, v6, problems
}

func (p *Plan) ruleset(f iptables.Family, vocab iptables.Vocabulary) (*iptables.Ruleset, iptables.Problems) {
	rs := &iptables.Ruleset{Family: f}
	var problems iptables.Problems
	lines := p.Lines(f)
	for _, name := range tables(lines) {
		table := &iptables.Table{Name: name}
		rs.Tables = append(rs.Tables, table)
		rules := ofTable(lines, name)
		builtin, user := chains(rules)
		for _, c := range builtin {
			table.Chains = append(table.Chains, &iptables.Chain{Name: c, Policy: "ACCEPT"})
		}
		for _, c := range user {
			table.Chains = append(table.Chains, &iptables.Chain{Name: c})
		}
		for _, l := range rules {
			r, wrong := iptables.ParseRule(l.Words, iptables.AtKey(l.Key), name, l.Chain, f, vocab)
			if wrong != nil {
				problems = append(problems, wrong...)
				continue
			}
			c := table.Chain(l.Chain)
			at := len(c.Rules)
			if l.Insert > 0 {
				at = min(l.Insert-1, at) // beyond the end only where a rule before it was wrong
			}
			c.Rules = slices.Insert(c.Rules, at, r)
		}
	}
	return rs, problems
}
