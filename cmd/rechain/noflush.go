package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// addition brings the tables of a source, which adds, together with those that the kernel holds.
type addition struct {
	source   *source
	as       translation
	have     *nft.Ruleset
	problems iptables.Problems
}

// appended is what the kernel shall hold after the source was added to it: the tables that the source names, with all that is in
// them.
func (a *application) appended(s *source, have *nft.Ruleset) (*nft.Ruleset, error) {
	d := &addition{source: s, as: a.as, have: have}
	before, err := d.translate(have, func(c *iptables.Chain) []*iptables.Rule { return c.Rules[:c.Changes.Inserted] })
	if err != nil {
		return nil, err
	}
	after, err := d.translate(before, func(c *iptables.Chain) []*iptables.Rule { return c.Rules[c.Changes.Inserted:] })
	if err != nil {
		return nil, err
	}
	out := &nft.Ruleset{}
	for _, t := range after.Tables {
		there := findTable(have, t.Family, t.Name)
		if there == nil {
			there = &nft.Table{Family: t.Family, Name: t.Name, Comment: t.Comment, Origin: t.Origin}
		}
		if err := d.table(there, findTable(before, t.Family, t.Name), t); err != nil {
			return nil, err
		}
		out.Tables = append(out.Tables, there)
	}
	d.problems.Sort()
	if err := d.problems.Err(); err != nil {
		return nil, no(err)
	}
	return out, nil
}

// translate translates those rules of the source that pick picks. What there is to say was said before the kernel was asked. No chain
// is made with a name that the kernel or taken has.
func (d *addition) translate(taken *nft.Ruleset, pick func(*iptables.Chain) []*iptables.Rule) (*nft.Ruleset, error) {
	part := *d.source
	part.v4, part.v6 = picked(part.v4, pick), picked(part.v6, pick)
	as := d.as
	as.taken = func(t *nft.Table, chain string) bool {
		for _, rs := range []*nft.Ruleset{d.have, taken} {
			if there := findTable(rs, t.Family, t.Name); there != nil && findChain(there, chain) != nil {
				return true
			}
		}
		return false
	}
	return part.translate(as, io.Discard)
}

func picked(rs *iptables.Ruleset, pick func(*iptables.Chain) []*iptables.Rule) *iptables.Ruleset {
	if rs == nil {
		return nil
	}
	out := &iptables.Ruleset{Family: rs.Family}
	for _, t := range rs.Tables {
		table := *t
		table.Chains = nil
		for _, c := range t.Chains {
			chain := *c
			chain.Rules = pick(c)
			table.Chains = append(table.Chains, &chain)
		}
		out.Tables = append(out.Tables, &table)
	}
	return out
}

// problem notes why something cannot be done to a table as the kernel holds it.
func (d *addition) problem(pos iptables.Pos, there *nft.Table, ext, hint, format string, args ...any) {
	where := fmt.Sprintf("table %s %s, as the kernel holds it: ", there.Family, there.Name)
	d.problems = append(d.problems, &iptables.Problem{Pos: pos, Ext: ext, Msg: where + fmt.Sprintf(format, args...), Hint: hint})
}

func posOf(o nft.Origin) iptables.Pos {
	if o.Key != "" {
		return iptables.AtKey(o.Key)
	}
	return iptables.At(o.File, o.Line, o.Col)
}

// asked is what the source's tables that became a table ask for beside rules.
func (d *addition) asked(t *nft.Table) (table iptables.Table, chains map[string]*iptables.Chain) {
	chains = map[string]*iptables.Chain{}
	if d.source.ruleset != nil {
		return table, chains
	}
	name := t.Name
	if d.as.prefix != "" {
		name = strings.TrimPrefix(name, d.as.prefix+"-")
	}
	first := true
	for _, rs := range d.source.families() {
		if t.Family == nft.IPv4 && rs.Family != iptables.IPv4 || t.Family == nft.IPv6 && rs.Family != iptables.IPv6 {
			continue
		}
		from := rs.Table(name)
		if from == nil {
			continue
		}
		mixed := !first && (from.Empty != table.Empty || from.Bare != table.Bare)
		table.Empty, table.Bare = from.Empty, from.Bare
		for _, c := range from.Chains {
			old := chains[c.Name]
			if mixed || old != nil && !alike(old.Changes, c.Changes) || t.Family == nft.Inet && len(c.Changes.Without) > 0 {
				d.problem(c.Pos, t, c.Name, "leave out --inet", "the table has the rules of both families, and this deletes those of one")
				mixed = false
			}
			if chains[c.Name] = c; old != nil && old.Declared {
				chains[c.Name] = old
			}
		}
		first = false
	}
	return table, chains
}

// alike says whether two families do the same to a chain that is there.
func alike(a, b iptables.Changes) bool {
	return a.Empty == b.Empty && a.New == b.New && a.Delete == b.Delete
}

// secondWays reports base chains of t that the translation has made to go through iptables' chains a second time (see package
// translate): they must not lack the rules of there and other.
func (d *addition) secondWays(chains map[string]*iptables.Chain, there, t, other *nft.Table) {
	for _, c := range t.Chains {
		if c.Base == nil || chains[c.Name] != nil || d.source.ruleset != nil {
			continue
		}
		for _, o := range slices.Concat(there.Chains, other.Chains) {
			if o.Base != nil && o.Base.Hook == c.Base.Hook && len(o.Rules) > 0 {
				d.problem(posOf(c.Origin), there, c.Name, "apply the whole rule set, without --noflush",
					"what the chain does depends on rules that it cannot repeat")
				break
			}
		}
	}
}

// table brings a table of the kernel to what it is with rules before and after its own.
func (d *addition) table(there, before, after *nft.Table) error {
	asked, chains := d.asked(after)
	for _, t := range []*nft.Table{before, after} {
		d.sets(there, t)
	}
	if asked.Empty {
		for _, c := range there.Chains {
			c.Rules = nil
		}
	}
	d.secondWays(chains, there, before, after)
	d.secondWays(chains, there, after, before)
	for _, c := range after.Chains {
		from := chains[c.Name]
		if from != nil && from.Changes.Delete {
			continue
		}
		if from == nil {
			from = &iptables.Chain{Declared: true} // made by the translation
		}
		if err := d.chain(there, findChain(before, c.Name), c, from); err != nil {
			return err
		}
	}
	for _, c := range before.Chains {
		if chains[c.Name] == nil && findChain(there, c.Name) == nil {
			there.Chains = append(there.Chains, c)
		}
	}
	d.deleteChains(there, asked.Bare, chains)
	return nil
}

// chain brings a chain of the kernel to what it is with rules before and after its own.
func (d *addition) chain(there *nft.Table, before, after *nft.Chain, from *iptables.Chain) error {
	into := findChain(there, after.Name)
	switch {
	case into == nil && from.Policy == "" && !from.Declared:
		d.problem(from.Pos, there, from.Name, "declare it before: \":"+from.Name+" - [0:0]\"", "there is neither such a chain nor such a target")
		return nil
	case into == nil:
		into = &nft.Chain{Name: after.Name, Base: after.Base, Comment: after.Comment, Origin: after.Origin, Remarks: after.Remarks}
		there.Chains = append(there.Chains, into)
	case from.Changes.New:
		d.problem(from.Pos, there, from.Name, "declare it, which empties it: \":"+from.Name+" - [0:0]\"", "the chain exists already")
	case !sameHook(into.Base, after.Base):
		d.problem(posOf(after.Origin), there, after.Name, "", "the chain hangs on another hook")
		return nil
	case from.Declared && after.Base != nil:
		base := *into.Base
		base.Policy = after.Base.Policy
		into.Base = &base
	}
	if from.Changes.Empty {
		into.Rules = nil
	}
	for _, r := range from.Changes.Without {
		if err := d.without(there, into, from, r); err != nil {
			return err
		}
	}
	if before != nil && len(before.Rules) > 0 {
		if len(into.Rules)+len(after.Rules) > 0 && closed(before) {
			d.problem(posOf(before.Origin), there, after.Name, "append the rule, or apply the whole rule set, without --noflush",
				"what is inserted into chain %s ends with a rule that leaves it, so that what follows may never be reached", after.Name)
		}
		into.Rules = slices.Concat(before.Rules, into.Rules)
	}
	if len(after.Rules) > 0 && closed(into) {
		d.problem(posOf(after.Origin), there, "", "apply the whole rule set, without --noflush",
			"chain %s ends with a rule that leaves it, so that what is appended may never be reached", after.Name)
	}
	into.Rules = append(into.Rules, after.Rules...)
	return nil
}

// sets adds sets and objects: to a set that is there, the elements that it does not have. Objects of one name and kind are taken to
// be the same.
func (d *addition) sets(there, more *nft.Table) {
	for _, set := range more.Sets {
		i := slices.IndexFunc(there.Sets, func(o *nft.Set) bool { return o.Name == set.Name })
		if i < 0 {
			there.Sets = append(there.Sets, set)
			continue
		}
		old := there.Sets[i]
		if !slices.Equal(old.Type, set.Type) || old.Flags != set.Flags {
			d.problem(posOf(set.Origin), there, "", "", "set %s is of another kind", set.Name)
		}
		for _, e := range set.Elements {
			if !slices.ContainsFunc(old.Elements, func(o nft.Element) bool { return bytes.Equal(o.Key, e.Key) && bytes.Equal(o.KeyEnd, e.KeyEnd) }) {
				old.Elements = append(old.Elements, e)
			}
		}
	}
	for _, o := range more.Objects {
		if !slices.ContainsFunc(there.Objects, func(p *nft.Object) bool { return p.Name == o.Name && p.Type == o.Type }) {
			there.Objects = append(there.Objects, o)
		}
	}
}

func sameHook(a, b *nft.Base) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Type == b.Type && a.Hook == b.Hook && a.Priority == b.Priority
}

// closed says whether the end of a chain may not be where packets come that no rule took: where a translation had to ask for the
// opposite of what may be absent, it goes on in another chain, which has the first one's name and a number, or leaves with two rules
// (see package translate).
func closed(c *nft.Chain) bool {
	n := len(c.Rules)
	return n > 0 && ends(c.Rules[n-1], bytecode.Goto) && goesOn(c) ||
		n > 1 && ends(c.Rules[n-1], bytecode.Return) && ends(c.Rules[n-2], bytecode.Return)
}

// goesOn says whether the last rule goes to a chain that is made to go on in.
func goesOn(c *nft.Chain) bool {
	return slices.ContainsFunc(c.Rules[len(c.Rules)-1].Stmts, func(s nft.Stmt) bool {
		v, ok := s.(*nft.Verdict)
		return ok && strings.HasPrefix(v.Chain, c.Name+"-")
	})
}

func ends(r *nft.Rule, code bytecode.VerdictCode) bool {
	return slices.ContainsFunc(r.Stmts, func(s nft.Stmt) bool {
		v, ok := s.(*nft.Verdict)
		return ok && v.Code == code
	})
}

func findTable(rs *nft.Ruleset, f nft.Family, name string) *nft.Table {
	i := slices.IndexFunc(rs.Tables, func(t *nft.Table) bool { return t.Family == f && t.Name == name })
	if i < 0 {
		return nil
	}
	return rs.Tables[i]
}

func findChain(t *nft.Table, name string) *nft.Chain {
	i := slices.IndexFunc(t.Chains, func(c *nft.Chain) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return t.Chains[i]
}
