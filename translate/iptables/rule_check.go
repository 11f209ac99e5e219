package iptables

import (
	"fmt"
	"slices"
	"strings"
)

// maxExpanded is how many rules one line may become: far above what anyone writes, and a bound to memory.
const maxExpanded = 1 << 16

// expand makes the rules that lists of addresses stand for.
func (p *ruleParser) expand() []*Rule {
	if len(p.src) <= 1 && len(p.dst) <= 1 {
		p.rule.Src, p.rule.Dst = first(p.src), first(p.dst)
		return p.only()
	}
	var rules []*Rule
	for i := range max(1, len(p.src)) {
		for j := range max(1, len(p.dst)) {
			r := *p.rule
			r.Src, r.Dst = nth(p.src, i), nth(p.dst, j)
			rules = append(rules, &r)
		}
	}
	return rules
}

// only is a list of the rule.
func (p *ruleParser) only() []*Rule {
	list := p.lists.take(1)
	list[0] = p.rule
	return list
}

func first(list []*AddrMatch) *AddrMatch { return nth(list, 0) }

// nth is the condition of the i-th address: none for any address.
func nth(list []*AddrMatch, i int) *AddrMatch {
	if i >= len(list) {
		return nil
	}
	if a := list[i]; a.Neg || slices.ContainsFunc(a.Mask, func(b byte) bool { return b != 0 }) {
		return a
	}
	return nil
}

// finish checks what only the whole rule shows.
func (p *ruleParser) finish() {
	if p.neg {
		p.problem(p.negAt, "", "nothing follows \"!\"", "")
	}
	if len(p.src)*len(p.dst) > maxExpanded {
		p.problem(p.pos, "", fmt.Sprintf("the lists of addresses make more than %d rules", maxExpanded), "use a set")
	}
	for _, a := range slices.Concat(p.src, p.dst) {
		if a.Neg && (len(p.src) > 1 || len(p.dst) > 1) {
			p.problem(a.Pos, "", "\"!\" cannot stand where -s or -d has several addresses", "write a rule for each, or a chain")
			break
		}
	}
	r := p.rule
	switch {
	case r.Out != nil && (p.chain == "PREROUTING" || p.chain == "INPUT"):
		p.problem(r.Out.Pos, "-o", "has no meaning in "+p.chain+": the packet has no outgoing interface there", "")
	case r.In != nil && (p.chain == "OUTPUT" || p.chain == "POSTROUTING"):
		p.problem(r.In.Pos, "-i", "has no meaning in "+p.chain+": the packet has no incoming interface there", "")
	}
	if r.Target != nil && r.Target.Name == "DROP" && p.table == "nat" {
		p.problem(r.Target.Pos, "DROP", "cannot stand in table nat, which sees only the first packet of a connection", "drop in filter or raw")
	}
	for i := range p.scopes {
		p.check(&p.scopes[i])
	}
}

// check looks at an extension's options together. What it finds in a rule that is wrong already may be a consequence of that, so
// it is silent then.
func (p *ruleParser) check(sc *scope) {
	if !p.problems.OfValues() {
		return
	}
	e := sc.ext
	p.checkProtocol(sc)
	for _, spec := range e.Options {
		if spec.Required && !has(*sc.options, spec.Name) {
			p.problem(sc.pos, e.Name, "needs "+spec.Name, "")
		}
	}
	for _, o := range *sc.options {
		for _, other := range o.Spec.Excludes {
			if has(*sc.options, other) {
				p.problem(o.Pos, e.Name, o.Spec.Name+" and "+other+" exclude each other", "")
				return
			}
		}
	}
	if !p.problems.OfValues() {
		return
	}
	if e.Canonical != nil && !unread(*sc.options) {
		*sc.options = e.Canonical(e, *sc.options, p.family)
	}
	if e.Check == nil || len(p.problems) > 0 { // what checks looks at any value of the rule
		return
	}
	if found := e.Check(p.rule, *sc.options, p.table, p.chain); found != nil {
		problem := *found
		if problem.Pos == (Pos{}) {
			problem.Pos = sc.pos
		}
		if problem.Ext == "" {
			problem.Ext = e.Name
		}
		p.problems = append(p.problems, &problem)
	}
}

func unread(options []Option) bool {
	return slices.ContainsFunc(options, func(o Option) bool { _, ok := o.Value.(Unread); return ok })
}

func has(options []Option, name string) bool {
	_, ok := get(options, name)
	return ok
}

// checkProtocol checks what the kernel does for each extension with a protocol (xt_check_match, xt_check_target).
func (p *ruleParser) checkProtocol(sc *scope) {
	if sc.ext.Protocols == nil {
		return
	}
	proto := p.rule.Proto
	if proto != nil && !proto.Neg && slices.Contains(sc.ext.Protocols, proto.Num) {
		return
	}
	names := make([]string, len(sc.ext.Protocols))
	for i, n := range sc.ext.Protocols {
		names[i] = ProtocolName(n)
	}
	p.problem(sc.pos, sc.ext.Name, "works only with -p "+strings.Join(names, " or -p "), "")
}
