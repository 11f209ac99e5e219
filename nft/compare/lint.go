package compare

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rechain/nft/packet"
)

// Fault is a kind of [Warning].
type Fault string

// The kinds.
const (
	Shadowed    Fault = "shadowed"    // no packet gets to the rule: others take all of its packets
	Duplicate   Fault = "duplicate"   // shadowed by a rule that says the same
	Impossible  Fault = "impossible"  // no packet is as the rule says
	NotReached  Fault = "unreachable" // of a chain: no packet gets to it
	EmptyJump   Fault = "empty jump"  // the chain that the rule leads to has no rules
	NoEffect    Fault = "no effect"   // what follows does the same with all packets of the rule
	IdlePolicy  Fault = "idle policy" // rules decide about all packets, so that the policy decides about none
	NotAnswered Fault = "undecided"   // it took too much to say which rules of the hook are taken
)

// Warning is something in a program that cannot be what was meant, or that nobody needs.
type Warning struct {
	Fault Fault
	Chain *packet.Chain
	// Rule is nil where the whole chain is meant; else it is number Index of the chain, from 0 on.
	Rule  *packet.Rule
	Index int
	// By are the rules that take its packets; More says that there are more of them.
	By   []*packet.Rule
	More int
	// What is wrong, and Why.
	What, Why string
}

// Lint finds rules and chains that have no effect, in the order of the program. Each warning is certain for packets of the program's family, whatever
// opaque predicates say. A chain that leads back to itself is an error. Nodes is as in [Options].
//
// A rule may be taken at several hooks, and behind several jumps: it is told only if it is taken on none of these ways.
func Lint(prog *packet.Program, nodes int) (out []*Warning, err error) {
	if nodes == 0 {
		nodes = defaultNodes
	}
	l := newLinter(prog, nodes)
	err = l.run()
	return l.out, err
}

// lintTime is how long it may take to follow all packets. What is not known then is said.
const lintTime = 30 * time.Second

func newLinter(prog *packet.Program, nodes int) *linter {
	e := newEngine(prog.IPv6, nodes)
	e.logs, e.until = true, time.Now().Add(lintTime)
	e.survey(prog)
	e.placeAll()
	e.repeated = repeated(prog)
	return &linter{prog: prog, undecided: map[*packet.Chain]bool{}, key: keyer{func(c *packet.Chain) string { return c.Name }},
		pass: &pass{engine: e, cases: map[*packet.Rule]*ruleCases{}, hits: map[*packet.Rule]node{}, policy: map[*packet.Chain]bool{},
			entries: map[*packet.Chain][]entryFlow{}}}
}

func (l *linter) run() (err error) {
	defer func() {
		if p := recover(); p != nil {
			loop, ok := p.(*loopError)
			if !ok {
				panic(p)
			}
			err = loop
		}
	}()
	for h := packet.Prerouting; h <= packet.Ingress; h++ {
		if len(at(l.prog, h)) > 0 {
			l.guarded(h)
		}
	}
	for _, c := range l.prog.Chains {
		if !l.undecided[c] {
			l.judge(c)
		}
	}
	return nil
}

type linter struct {
	*pass
	prog      *packet.Program
	key       keyer
	undecided map[*packet.Chain]bool
	out       []*Warning
}

// guarded sends packets through a hook. Where that takes too much, nothing is said of the chains that they might have come to.
func (l *linter) guarded(h packet.Hook) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, errBudget) {
				panic(p)
			}
			l.busy = map[*packet.Chain]bool{}
			for _, base := range at(l.prog, h) {
				for _, c := range l.prog.Chains {
					if !l.undecided[c] && reaches(base, c, map[*packet.Chain]bool{}) {
						l.undecided[c] = true
					}
				}
				l.warn(&Warning{Fault: NotAnswered, Chain: base, What: "it is not known which rules are taken", Why: "following all packets took too much"})
			}
		}
	}()
	l.known = map[string]passed{}
	l.hook(l.prog, h)
}

func (l *linter) warn(w *Warning) { l.out = append(l.out, w) }

// judge tells what is wrong with a chain.
func (l *linter) judge(c *packet.Chain) {
	if len(l.entries[c]) == 0 {
		l.unreached(c)
		return
	}
	for i, r := range c.Rules {
		switch {
		case l.hit(r) == no:
			l.dead(c, i)
		default:
			l.emptyJump(c, i)
		}
	}
	if c.Base == nil {
		return
	}
	l.effectless(c)
	if !l.policy[c] && len(c.Rules) > 0 {
		w := &Warning{Fault: IdlePolicy, Chain: c, What: fmt.Sprintf("the policy, %s, decides about no packet", policyWord(c)), Why: "rules decide about all"}
		if r := c.Rules[len(c.Rules)-1]; len(r.Steps) > 0 && unconditional(r) {
			w.By, w.Why = []*packet.Rule{r}, "the last rule takes all that come to it"
		}
		l.warn(w)
	}
}

func policyWord(c *packet.Chain) string {
	if c.Base.Drop {
		return "drop"
	}
	return "accept"
}

func unconditional(r *packet.Rule) bool {
	_, asks := r.Steps[0].(*packet.Require)
	return !asks
}

// unreached tells of a chain to which no packet comes. Of a base chain that can only be where others before it let nothing through.
func (l *linter) unreached(c *packet.Chain) {
	w := &Warning{Fault: NotReached, Chain: c, What: "no packet gets to the chain", Why: "nothing leads to it"}
	for _, from := range l.prog.Chains {
		for _, r := range from.Rules {
			if slices.Contains(targets(r.Steps), c) {
				w.By = append(w.By, r)
			}
		}
	}
	switch {
	case c.Base != nil:
		w.Why = "the chains before it at the same hook let nothing through"
	case len(w.By) > 0:
		w.Why = "no packet takes the rules that lead to it"
	}
	w.limit()
	l.warn(w)
}

// maxNamed is how many rules a warning names.
const maxNamed = 3

func (w *Warning) limit() {
	if n := len(w.By) - maxNamed; n > 0 {
		w.By, w.More = w.By[:maxNamed], n
	}
}

// dead tells why no packet takes a rule.
func (l *linter) dead(c *packet.Chain, i int) {
	r := c.Rules[i]
	w := &Warning{Chain: c, Rule: r, Index: i}
	if !l.possibleAnywhere(c, r) {
		w.Fault, w.What, w.Why = Impossible, "no packet matches", "its conditions exclude each other, or what is possible at the hook"
		l.warn(w)
		return
	}
	w.Fault, w.What = Shadowed, "never reached"
	ways := false
	for _, entry := range l.entries[c] {
		wants := l.wanted(c, r, entry.in)
		if wants == no {
			continue
		}
		ways = true
		if one := l.alone(c, i, entry.in, wants); one != nil {
			if !slices.Contains(w.By, one) {
				w.By = append(w.By, one)
			}
			continue
		}
		for j := 0; j < i && wants != no; j++ {
			gone := l.and(wants, l.and(entry.before[j], l.not(entry.before[j+1])))
			if gone == no {
				continue
			}
			if !slices.Contains(w.By, c.Rules[j]) {
				w.By = append(w.By, c.Rules[j])
			}
			wants = l.and(wants, l.not(gone))
		}
	}
	switch {
	case !ways:
		w.Why = "none of the packets that get to the chain matches"
	case len(w.By) == 1 && l.key.rule(w.By[0]) == l.key.rule(r):
		w.Fault, w.Why = Duplicate, "an earlier rule says the same"
	default:
		w.Why = "earlier rules take all packets that match"
	}
	w.limit()
	l.warn(w)
}

// alone is an earlier rule that ends all of the packets by itself; nil if it takes more than one.
func (l *linter) alone(c *packet.Chain, i int, in flow, wants node) *packet.Rule {
	for _, r := range c.Rules[:i] {
		if ends(r) && l.and(wants, l.not(l.wanted(c, r, in))) == no {
			return r
		}
	}
	return nil
}

// ends says whether a rule decides about all packets that it takes, without leading anywhere.
func ends(r *packet.Rule) bool {
	for _, s := range r.Steps {
		if end, ok := s.(*packet.End); ok {
			return end.Verdict.Chain == nil && end.Verdict.Kind != packet.Continue
		}
		if _, ok := s.(*packet.Choose); ok {
			return false
		}
	}
	return false
}

// wanted is the packets of a flow that a rule would take.
func (l *linter) wanted(c *packet.Chain, r *packet.Rule, in flow) node {
	n := no
	for x, some := range in {
		n = l.or(n, l.and(some, l.takes(l.having(l.casesOf(c, r).diagram, x), x)))
	}
	return n
}

// takes is the packets that a rule takes, which had an effect done to them before.
func (l *linter) takes(n node, before int) node {
	return l.where(n, func(t node) bool {
		o := l.outcomes[t.value()]
		_, taken := o.number()
		return taken || l.acted(before, o.effect)
	})
}

// possibleAnywhere says whether any packet, at the hooks from which the chain is reached, is as a rule says.
func (l *linter) possibleAnywhere(c *packet.Chain, r *packet.Rule) bool {
	takes := l.takes(l.casesOf(c, r).diagram, 0)
	for h := packet.Prerouting; h <= packet.Ingress; h++ {
		for _, base := range at(l.prog, h) {
			if reaches(base, c, map[*packet.Chain]bool{}) && l.and(takes, l.anyAt(h, l.prog.Tracks)) != no {
				return true
			}
		}
	}
	return false
}

// emptyJump tells of a rule that only leads to a chain without rules.
func (l *linter) emptyJump(c *packet.Chain, i int) {
	r := c.Rules[i]
	for _, s := range r.Steps {
		if end, ok := s.(*packet.End); ok && end.Verdict.Kind == packet.Jump && len(end.Verdict.Chain.Rules) == 0 {
			l.warn(&Warning{Fault: EmptyJump, Chain: c, Rule: r, Index: i, What: "jumps to an empty chain", Why: fmt.Sprintf("chain %s has no rules", end.Verdict.Chain.Name)})
		}
	}
}

// effectless tells of rules of a base chain that decide as what follows would.
func (l *linter) effectless(c *packet.Chain) {
	defer func() {
		l.remembers = false
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, errBudget) {
				panic(p)
			}
			l.busy = map[*packet.Chain]bool{}
		}
	}()
	l.remembers = true
	l.chains = map[*packet.Chain]node{}
	kind := packet.Accept
	if c.Base.Drop {
		kind = packet.Drop
	}
	rest := l.end(outcome{kind: kind})
	var found []*Warning
	for i := len(c.Rules) - 1; i >= 0; i-- {
		r := c.Rules[i]
		v, plain := decides(r)
		if plain && l.hit(r) != no && l.unchanged(c, i) {
			same := l.end(outcome{kind: v.Kind, detail: v.Detail})
			if l.endsOnly(l.hit(r), rest, same, map[[2]node]bool{}) {
				found = append(found, &Warning{Fault: NoEffect, Chain: c, Rule: r, Index: i, What: "has no effect", Why: "without it, its packets fare the same"})
			}
		}
		rest = l.rename(l.seq(packet.Continue, l.engine.rule(c, r), rest), packet.Return, kind)
	}
	slices.Reverse(found)
	l.out = append(l.out, found...)
}

// endsOnly says whether a function ends in one way for all of some packets. They are few ways through it, so that the rest is not looked at.
func (l *linter) endsOnly(some, n, end node, done map[[2]node]bool) bool {
	switch pair := [2]node{some, n}; {
	case some == no || n == end || done[pair]:
		return true
	case n.isTerminal():
		return false
	default:
		done[pair] = true // or the answer is no anyhow
	}
	level := min(l.level(some), l.level(n))
	slo, shi := l.at(some, level)
	lo, hi := l.at(n, level)
	return l.endsOnly(slo, lo, end, done) && l.endsOnly(shi, hi, end, done)
}

// unchanged says whether packets come to a rule as they came to the hook.
func (l *linter) unchanged(c *packet.Chain, i int) bool {
	return !slices.ContainsFunc(l.entries[c], func(entry entryFlow) bool { return entry.changed[i] })
}

// decides is the verdict of a rule that does nothing else than to accept or drop by tests without memory.
func decides(r *packet.Rule) (v packet.Verdict, ok bool) {
	for i, s := range r.Steps {
		switch x := s.(type) {
		case *packet.Require:
			if o, _ := stateful(x.P); o != nil {
				return v, false
			}
		case *packet.End:
			return x.Verdict, i == len(r.Steps)-1 && (x.Verdict.Kind == packet.Accept || x.Verdict.Kind == packet.Drop)
		default:
			return v, false
		}
	}
	return v, false
}

// Place is where a rule or chain stands: "FILE:LINE", with the way to it where a line has many, a configuration key, or its handle; "" where nothing says.
func Place(o packet.Origin) string {
	switch {
	case o.File != "" && o.Line > 0 && o.Key != "":
		return fmt.Sprintf("%s:%d:%s", o.File, o.Line, o.Key)
	case o.File != "" && o.Line > 0:
		return fmt.Sprintf("%s:%d", o.File, o.Line)
	case o.Key != "":
		return o.Key
	case o.Handle != 0:
		return fmt.Sprintf("handle %d", o.Handle)
	}
	return o.File
}

// String is the warning in one line: "FILE:LINE: TABLE CHAIN: what; why".
func (w *Warning) String() string {
	place := Place(w.Chain.Origin)
	if w.Rule != nil {
		place = Place(w.Rule.Origin)
	}
	var b strings.Builder
	if place != "" {
		b.WriteString(place + ": ")
	}
	fmt.Fprintf(&b, "%s %s: ", w.Chain.Table, w.Chain.Name)
	if w.Rule != nil && w.Rule.Text != nil {
		fmt.Fprintf(&b, "%q ", w.Rule.Text())
	}
	fmt.Fprintf(&b, "%s; %s", w.What, w.Why)
	if len(w.By) > 0 {
		var by []string
		for _, r := range w.By {
			if p := Place(r.Origin); p != "" {
				by = append(by, p)
			} else if r.Text != nil {
				by = append(by, fmt.Sprintf("%q", r.Text()))
			}
		}
		if w.More > 0 {
			by = append(by, fmt.Sprintf("%d more", w.More))
		}
		fmt.Fprintf(&b, ": %s", strings.Join(by, ", "))
	}
	return b.String()
}
