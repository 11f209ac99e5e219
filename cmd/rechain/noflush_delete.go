package main

import (
	"slices"

	"rechain/nft"
	"rechain/translate/iptables"
)

// without removes what a rule is in the kernel, the first time that it is there.
func (d *addition) without(there *nft.Table, into *nft.Chain, from *iptables.Chain, r *iptables.Rule) error {
	one, err := d.translate(&nft.Ruleset{}, func(c *iptables.Chain) []*iptables.Rule {
		if c == from {
			return []*iptables.Rule{r}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var rules []*nft.Rule
	others := 0
	for _, t := range one.Tables {
		for _, c := range t.Chains {
			if t.Family == there.Family && t.Name == there.Name && c.Name == into.Name {
				rules = c.Rules
			} else {
				others += len(c.Rules)
			}
		}
	}
	for i := 0; i+len(rules) <= len(into.Rules) && len(rules) > 0 && others == 0; i++ {
		if slices.EqualFunc(into.Rules[i:i+len(rules)], rules, nft.Same) {
			into.Rules = slices.Delete(into.Rules, i, i+len(rules))
			return nil
		}
	}
	if others > 0 || len(rules) == 0 {
		d.problem(r.Pos, there, "-D", "apply the whole rule set, without --noflush", "the rule takes more than its chain, and cannot be found again")
	} else {
		d.problem(r.Pos, there, "-D", "", "chain %s has no such rule", into.Name)
	}
	return nil
}

// deleteChains deletes the chains that shall go, if nothing is in them and nothing leads to them.
func (d *addition) deleteChains(there *nft.Table, bare bool, chains map[string]*iptables.Chain) {
	for name, from := range chains {
		c := findChain(there, name)
		switch {
		case !from.Changes.Delete:
		case c != nil && from.Changes.Empty:
			c.Rules = nil
		case c == nil && !from.Declared:
			d.problem(from.Pos, there, "-X", "", "there is no chain %s", name)
		}
	}
	leads := map[string]bool{}
	for _, c := range there.Chains {
		for _, r := range c.Rules {
			for _, s := range r.Stmts {
				if v, ok := s.(*nft.Verdict); ok {
					leads[v.Chain] = true
				}
			}
		}
	}
	there.Chains = slices.DeleteFunc(there.Chains, func(c *nft.Chain) bool {
		from := chains[c.Name]
		if from == nil && (!bare || c.Base != nil) || from != nil && !from.Changes.Delete {
			return false
		}
		pos := posOf(c.Origin)
		if from != nil {
			pos = from.Pos
		}
		switch {
		case len(c.Rules) > 0:
			d.problem(pos, there, "-X", "empty it first: -F "+c.Name, "chain %s has rules", c.Name)
		case leads[c.Name]:
			d.problem(pos, there, "-X", "", "rules lead to chain %s", c.Name)
		}
		return true
	})
}
