package translate

import (
	"reflect"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// lowered is what a rule becomes. It is not ok when there was a problem.
type lowered struct {
	family iptables.Family
	rule   *iptables.Rule
	cond   ext.All
	act    ext.Action
	ok     bool
}

func (t *translator) emit(c *compiler, before []nft.Stmt, l lowered) {
	if !l.ok {
		return
	}
	c.comment, c.origin = "", origin(l.rule.Pos)
	if t.opt.RuleComment != nil {
		c.comment = t.opt.RuleComment(l.rule)
	} else {
		c.comment = commentText(l.rule)
	}
	c.proto = protocolTest(l.cond)
	c.rule(before, l.cond, l.act)
}

// lower says one rule's conditions and action, and reports what is wrong with it. A rule that could not be read is refused.
func (t *translator) lower(table string, into *compiler, f iptables.Family, r *iptables.Rule) lowered {
	c := &t.context
	*c = ext.Context{Family: f, Table: table, Chain: into.first.Name, Rule: r, Source: t.source[f], Shared: t.shared, Sets: t.opt.Sets,
		Fragments: t.fragments[f], DropMalformed: t.opt.DropMalformed}
	l := lowered{family: f, rule: r}
	for _, p := range r.Problems {
		c.Problems = append(c.Problems, ext.Problem{Problem: p})
	}
	if r.Problems == nil {
		t.late[f].refuse(c)
		l.cond, l.act = conditions(c), t.action(c)
		t.report.Headers = t.report.Headers || insists(c)
	}
	l.ok = !c.Refused()
	if !l.ok && t.opt.SkipRefused {
		t.skip(into, c)
		return l
	}
	t.tell(c.Problems)
	return l
}

// tell reports problems, each of them once: many rules may name the set that has the element that cannot be said.
func (t *translator) tell(problems []ext.Problem) {
	for _, p := range problems {
		text := p.Error()
		if !t.told[text] {
			t.told[text] = true
			t.report.Problems = append(t.report.Problems, p)
		}
	}
}

// verdicts are the targets that the kernel itself knows (xt_standard_target).
var verdicts = map[string]*nft.Verdict{
	"ACCEPT": {Code: bytecode.Accept}, "DROP": {Code: bytecode.Drop}, "RETURN": {Code: bytecode.Return},
}

func (t *translator) action(c *ext.Context) ext.Action {
	var act ext.Action
	target := c.Rule.Target
	switch {
	case target == nil: // the rule is there to count
		act.Rules = [][]nft.Stmt{{t.counter(c.Rule)}}
		return act
	case target.Ext != nil:
		act = ext.TargetFor(target, c.Family).Lower(c, target)
	case target.Name == "QUEUE": // NF_QUEUE without a number: to the program at queue 0
		act = ext.Action{Rules: [][]nft.Stmt{{&nft.Queue{Total: 1}}}, Ends: true}
	default:
		v, ok := verdicts[target.Name]
		if !ok {
			v = &nft.Verdict{Code: bytecode.Jump, Chain: target.Name}
			if target.Goto {
				v.Code = bytecode.Goto
			}
		}
		act = ext.Action{Rules: [][]nft.Stmt{{v}}, Ends: v.Code != bytecode.Jump}
	}
	if t.opt.Counters && act.Rules == nil && act.Late != nil {
		act.Rules = [][]nft.Stmt{nil}
	}
	if t.opt.Counters && len(act.Rules) > 0 {
		// All that the rule takes passes the first of the action's rules.
		act.Rules[0] = append([]nft.Stmt{t.counter(c.Rule)}, act.Rules[0]...)
	}
	return act
}

// counter begins at a rule's counts where these are wanted.
func (t *translator) counter(r *iptables.Rule) *nft.Counter {
	if k := r.Counters; k != nil && t.opt.Counts {
		return &nft.Counter{Packets: k.Packets, Bytes: k.Bytes}
	}
	return &nft.Counter{}
}

// commentText is the text of the rule's comment match, as much of it as a rule can keep.
func commentText(r *iptables.Rule) string {
	for _, m := range r.Matches {
		if o, ok := m.Get("--comment"); ok {
			text := o.Value.(string)
			return text[:min(len(text), ext.CommentMax)]
		}
	}
	return ""
}

// sameMeaning says whether the two families' translations are the same statements.
func sameMeaning(a, b lowered) bool {
	return reflect.DeepEqual(a.cond, b.cond) && reflect.DeepEqual(a.act, b.act)
}
