package ext

import (
	"slices"

	"rechain/translate/iptables"
)

// reachedFrom are the built-in chains of the table from which packets come to the rule's chain, by jumps of the source; none
// when no packet does.
func (c *Context) reachedFrom() []string {
	table := c.Source.Table(c.Table)
	var from []string
	for _, builtin := range iptables.Builtin(c.Table) {
		if leadsTo(table, builtin, c.Chain, map[string]bool{}) {
			from = append(from, builtin)
		}
	}
	return from
}

// leadsTo says whether a chain is another, or leads there. seen are those that were looked at before.
func leadsTo(table *iptables.Table, from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	ch := table.Chain(from)
	if ch == nil || seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(ch.Rules, func(r *iptables.Rule) bool {
		return r.Target != nil && r.Target.Ext == nil && leadsTo(table, r.Target.Name, to, seen)
	})
}
