package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
)

// writeEdits prints edits as a difference of rules: what is added behind +, what is removed behind -, under the table and chain
// that it is in.
func writeEdits(w io.Writer, edits []bytecode.Edit) {
	d := differ{w: w, raised: map[*bytecode.Table]*nft.Table{}}
	for _, e := range edits {
		d.edit(e)
	}
}

type differ struct {
	w      io.Writer
	raised map[*bytecode.Table]*nft.Table
	place  string // the last place that was printed
}

func (d *differ) edit(e bytecode.Edit) {
	t := e.Table
	switch e.Kind {
	case bytecode.AddTable:
		d.table("+", t)
	case bytecode.DeleteTable:
		d.table("-", t)
	case bytecode.AddChain, bytecode.DeleteChain:
		sign := "+"
		if e.Kind == bytecode.DeleteChain {
			sign = "-"
		}
		d.at(fmt.Sprintf("  table %s %s", t.Family, t.Name))
		fmt.Fprintf(d.w, "%s   %s\n", sign, chainText(t, e.Chain))
		d.place = ""
	case bytecode.SetPolicy:
		d.at(fmt.Sprintf("  table %s %s", t.Family, t.Name))
		fmt.Fprintf(d.w, "+   %s\n", chainText(t, e.Chain))
	case bytecode.AddRule, bytecode.InsertRule:
		d.at(fmt.Sprintf("  table %s %s chain %s", t.Family, t.Name, e.Chain.Name))
		fmt.Fprintf(d.w, "+   %s\n", d.rule(t, e.Chain, e.Rule))
	case bytecode.AddSet, bytecode.AddElements:
		d.set("+", t, e.Set)
	case bytecode.DeleteSet, bytecode.DeleteElements, bytecode.FlushSet:
		d.set("-", t, e.Set)
	case bytecode.DeleteRule:
		d.at(fmt.Sprintf("  table %s %s chain %s", t.Family, t.Name, e.Chain.Name))
		fmt.Fprintf(d.w, "-   %s\n", d.rule(t, e.Chain, e.Rule))
	}
}

// at prints where the next lines belong, once.
func (d *differ) at(place string) {
	if d.place != place {
		fmt.Fprintln(d.w, place)
		d.place = place
	}
}

// set prints how many elements of a set come or go.
func (d *differ) set(sign string, t *bytecode.Table, s *bytecode.Set) {
	d.at(fmt.Sprintf("  table %s %s", t.Family, t.Name))
	fmt.Fprintf(d.w, "%s   set %s: %d elements\n", sign, s.Name, len(s.Elements))
}

// table prints a whole table behind a sign.
func (d *differ) table(sign string, t *bytecode.Table) {
	fmt.Fprintf(d.w, "%s table %s %s\n", sign, t.Family, t.Name)
	if t.Flags != 0 {
		fmt.Fprintf(d.w, "%s   flags %s\n", sign, tableFlags(t.Flags))
	}
	for _, c := range t.Chains {
		fmt.Fprintf(d.w, "%s   %s\n", sign, chainText(t, c))
		for _, r := range c.Rules {
			fmt.Fprintf(d.w, "%s     %s\n", sign, d.rule(t, c, r))
		}
	}
	d.place = ""
}

// tableFlags names a table's flags as nft does (NFT_TABLE_F_* in linux/netfilter/nf_tables.h).
func tableFlags(flags uint32) string {
	var names []string
	for i, name := range []string{"dormant", "owner", "persist"} {
		if flags&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}

// rule prints a rule in nft's words.
func (d *differ) rule(t *bytecode.Table, c *bytecode.Chain, r *bytecode.Rule) string {
	raised := d.raised[t]
	if raised == nil {
		raised = nft.RaiseTable(t)
		d.raised[t] = raised
	}
	chain := slices.Index(t.Chains, c)
	return nft.RuleText(raised, raised.Chains[chain].Rules[slices.Index(c.Rules, r)])
}

// chainText names a chain and the hook it is on.
func chainText(t *bytecode.Table, c *bytecode.Chain) string {
	if c.Base == nil {
		return "chain " + c.Name
	}
	return fmt.Sprintf("chain %s { type %s hook %s priority %d; policy %s; }", c.Name, c.Base.Type,
		t.Family.Hook(c.Base.Hook), c.Base.Priority, c.Base.Policy)
}
