package iptables

import (
	"fmt"
	"slices"
	"strings"
)

// finish makes the tables.
func (p *listingParser) finish() *Ruleset {
	rs := &Ruleset{Family: p.opt.Family}
	for _, g := range p.groups {
		name, ok := p.tableName(g)
		if !ok {
			continue
		}
		if rs.Table(name) != nil {
			p.at(g.chains[0].Pos, "", "table "+name+" is listed twice", "")
			continue
		}
		t := &Table{Name: name, Guessed: p.opt.Table == "", Pos: g.chains[0].Pos}
		for _, c := range g.chains {
			p.fill(t, c)
		}
		p.problems = append(p.problems, checkJumps(t)...)
		p.countReferences(t, g)
		rs.Tables = append(rs.Tables, t)
	}
	return rs
}

func (p *listingParser) at(pos Pos, ext, msg, hint string) {
	p.problems = append(p.problems, &Problem{Pos: pos, Ext: ext, Msg: msg, Hint: hint})
}

// fill reads the rules of a chain.
func (p *listingParser) fill(t *Table, c *listedChain) {
	if c.Policy == "" {
		if wrong := checkChainName(c.Name, p.opt.Family, p.vocab); wrong != "" {
			p.at(c.Pos, c.Name, wrong, "")
		}
	}
	if (c.Policy != "") != IsBuiltin(t.Name, c.Name) {
		p.at(c.Pos, c.Name, "the chain has a policy exactly if it is built in, and table "+t.Name+" says otherwise", "is it another table?")
	}
	chain := &c.Chain
	for _, r := range c.rows {
		words, cols, ok := p.words(r)
		if !ok {
			continue
		}
		rules, problems := p.rule.parse(words, cols, r.pos, place{t.Name, c.Name, p.opt.Family, p.vocab})
		p.problems = append(p.problems, problems...)
		for _, rule := range rules {
			rule.Counters = r.counters
			chain.Rules = append(chain.Rules, rule)
		}
	}
	t.Chains = append(t.Chains, chain)
}

// countReferences compares the references that the listing states with the rules that lead to the chain: when they differ, part of
// the listing is missing.
func (p *listingParser) countReferences(t *Table, g *listedTable) {
	if len(p.problems) > 0 {
		return
	}
	count := map[string]int{}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			count[callee(r)]++
		}
	}
	for _, c := range g.chains {
		if n := count[c.Name]; c.references >= 0 && c.references != n {
			p.at(c.Pos, c.Name, fmt.Sprintf("the chain has %d references, but %d rules lead to it", c.references, n),
				"is the listing complete?")
		}
	}
}

// tableName is the table of a group of chains.
func (p *listingParser) tableName(g *listedTable) (string, bool) {
	if p.opt.Table != "" {
		if Builtin(p.opt.Table) == nil {
			p.at(g.chains[0].Pos, "", "there is no table "+Quote(p.opt.Table), "")
			return "", false
		}
		return p.opt.Table, true
	}
	if name := guessTable(g); name != "" {
		return name, true
	}
	p.at(g.chains[0].Pos, "", "a listing does not name its table, and these chains do not tell it", "name the table (--table)")
	return "", false
}

// guessed are the tables by their built-in chains. nat had no INPUT before Linux 2.6.36.
var guessed = map[string]string{
	"INPUT FORWARD OUTPUT":                        "filter",
	"PREROUTING INPUT OUTPUT POSTROUTING":         "nat",
	"PREROUTING OUTPUT POSTROUTING":               "nat",
	"PREROUTING INPUT FORWARD OUTPUT POSTROUTING": "mangle",
	"PREROUTING OUTPUT":                           "raw",
}

// guessTable tells a table by its built-in chains, and security from filter by the targets that only it has; "": it does not show.
func guessTable(g *listedTable) string {
	var found []string
	for _, name := range Builtin("mangle") { // which has all of them
		if g.chain(name) != nil {
			found = append(found, name)
		}
	}
	table := guessed[strings.Join(found, " ")]
	if table == "filter" && slices.ContainsFunc(g.chains, (*listedChain).marksSecurity) {
		return "security"
	}
	return table
}

func (c *listedChain) marksSecurity() bool {
	return slices.ContainsFunc(c.rows, func(r row) bool { return r.target.text == "SECMARK" || r.target.text == "CONNSECMARK" })
}
