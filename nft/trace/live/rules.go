package live

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/meaning"
	"rechain/nft/packet"
)

// rules are the tables of a namespace as they are told of: what a step names, and where it comes from.
type rules struct {
	tables *bytecode.Ruleset
	// origins are where rules come from that were copied, by their place; nil: they are their own.
	origins map[place]packet.Origin
}

// place is a rule in the kernel.
type place struct {
	family bytecode.Family
	table  string
	chain  string
	handle uint64
}

// copied notes where the rules of a copy come from: those of rs, in their order. A rule that came from a kernel keeps its handle.
func copied(rs *nft.Ruleset, have *bytecode.Ruleset) (*rules, error) {
	r := &rules{tables: have, origins: map[place]packet.Origin{}}
	for _, t := range have.Tables {
		source := tableOf(rs, t)
		for _, c := range t.Chains {
			from := chainOf(source, c.Name)
			if from == nil || len(from.Rules) != len(c.Rules) {
				return nil, fmt.Errorf("chain %s of table %s is not what was loaded", c.Name, t.Name)
			}
			for i, rule := range c.Rules {
				o := from.Rules[i].Origin
				handle := from.Rules[i].Handle
				if handle == 0 {
					handle = rule.Handle
				}
				r.origins[place{t.Family, t.Name, c.Name, rule.Handle}] = packet.Origin{File: o.File, Line: o.Line, Key: o.Key, Handle: handle}
			}
		}
	}
	return r, nil
}

func tableOf(rs *nft.Ruleset, t *bytecode.Table) *nft.Table {
	for _, x := range rs.Tables {
		if x.Family == t.Family && x.Name == t.Name {
			return x
		}
	}
	return nil
}

func chainOf(t *nft.Table, name string) *nft.Chain {
	if t == nil {
		return nil
	}
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// chain is one that steps name.
type chain struct {
	*packet.Chain
	rules map[uint64]*packet.Rule // by the kernel's handle
}

// meanings are the chains of all tables, as packets of one family meet them.
func (r *rules) meanings(ipv6 bool) map[tableKey]map[string]*chain {
	out := map[tableKey]map[string]*chain{}
	for _, t := range r.tables.Tables {
		chains := map[string]*chain{}
		for _, c := range meaning.RuleByRule(nft.Raise(&bytecode.Ruleset{Tables: []*bytecode.Table{t}}), ipv6).Chains {
			known := &chain{c, map[uint64]*packet.Rule{}}
			for _, rule := range c.Rules {
				known.rules[rule.Handle] = rule
				if o, ok := r.origins[place{t.Family, t.Name, c.Name, rule.Handle}]; ok {
					rule.Origin = o
				}
			}
			chains[c.Name] = known
		}
		out[tableKey{t.Family, t.Name}] = chains
	}
	return out
}
