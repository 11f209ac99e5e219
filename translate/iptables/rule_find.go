package iptables

import (
	"maps"
	"slices"
	"strings"
)

// unknown reports an option that nothing in the rule takes, and skips what may be its values.
func (p *ruleParser) unknown(name string, at Pos) {
	p.takeNeg()
	if !p.lost {
		p.problem(at, name, "is not an option of this rule", p.whose(name))
	}
	p.skipValues()
}

func (p *ruleParser) skipValues() {
	p.takeNeg()
	for p.next < len(p.words) && p.words[p.next] != "!" && !strings.HasPrefix(p.words[p.next], "-") {
		p.next++
	}
}

// whose says what would make the option known, or that it is iptables' own.
func (p *ruleParser) whose(name string) string {
	var owners []string
	switch {
	case name == "-t" || name == "--table":
		return "leave it out, the line *" + p.table + " names the table"
	case slices.Contains(otherNames, name) || len(name) == 2 && strings.Contains("nwWxVh", name[1:]):
		return "leave it out"
	}
	for _, e := range p.vocab.Matches(p.family) {
		if e.Option(name) == nil {
			continue
		}
		owner := "-m " + e.Name
		for _, n := range e.Protocols {
			if protocolMatches[n] == e.Name {
				owner = "-p " + ProtocolName(n)
			}
		}
		owners = append(owners, owner)
	}
	if owners == nil {
		return ""
	}
	return "it needs " + strings.Join(owners, " or ") + " before it"
}

// load puts a match into the rule.
func (p *ruleParser) load(e *Extension, at Pos) {
	m := p.matches.put(Match{Ext: e, Pos: at})
	if p.rule.Matches == nil {
		p.rule.Matches = p.matchLists.take(2)[:0]
	}
	p.rule.Matches = append(p.rule.Matches, m)
	p.scopes = append(p.scopes, scope{e, &m.Options, at})
}

// loadProtocol loads the match of the rule's protocol once, for an option that is not known (load_proto in iptables' xshared.c).
func (p *ruleParser) loadProtocol() bool {
	if p.implicit || p.rule.Proto == nil {
		return false
	}
	p.implicit = true
	e := p.vocab.MatchExtension(protocolMatches[p.rule.Proto.Num], p.family)
	if e == nil {
		return false
	}
	p.load(e, p.posOf(p.next-1))
	return true
}

// find looks an option up by its long name, or the beginning of one: in iptables' own first, then in the extensions, the last one
// loaded first. choice are the names that a beginning could stand for, when there are several.
func (p *ruleParser) find(name string) (base *baseOption, in *scope, spec *OptionSpec, choice []string) {
	for _, o := range baseOptions {
		if slices.Contains(o.long, name[2:]) {
			return o, nil, nil, nil
		}
	}
	for i := len(p.scopes) - 1; i >= 0; i-- {
		if o := p.scopes[i].ext.Option(name); o != nil {
			return nil, &p.scopes[i], o, nil
		}
	}
	if p.lost { // it may be an option of the extension that is not known
		return nil, nil, nil, nil
	}
	for _, o := range baseOptions {
		if i := slices.IndexFunc(o.long, func(l string) bool { return strings.HasPrefix(l, name[2:]) }); i >= 0 {
			base, choice = o, append(choice, "--"+o.long[i])
		}
	}
	for i := len(p.scopes) - 1; i >= 0; i-- {
		for _, o := range p.scopes[i].ext.Options {
			if startsOne(o, name) && !slices.Contains(choice, o.Name) {
				in, spec, choice = &p.scopes[i], o, append(choice, o.Name)
			}
		}
	}
	if len(choice) > 0 {
		choice = append(choice, otherStarts(name)...)
	}
	if len(choice) > 1 {
		return nil, nil, nil, choice
	}
	return base, in, spec, nil
}

// otherStarts are the options that begin so and have no place in a rule: with them, too, a beginning must not be mixed up.
func otherStarts(name string) []string {
	names := slices.AppendSeq(slices.Clone(otherNames), maps.Keys(commandNames))
	slices.Sort(names)
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, name) })
}

func startsOne(o *OptionSpec, name string) bool {
	return strings.HasPrefix(o.Name, name) ||
		slices.ContainsFunc(o.Aliases, func(a string) bool { return strings.HasPrefix(a, name) })
}
