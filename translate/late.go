package translate

import (
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// In iptables, table raw gives a packet a template with what its connection is to have. In nftables, a helper can only be given to
// the connection itself, which is there behind connection tracking. So packets that open a connection go their way through the
// table once more there, through copies of its chains that hold what decides about that way, and nothing else: what else rules do
// they have done already, and what they dropped does not come.
//
// That is the same way as long as its rules answer the same both times. What they ask must have no state, must not look at the
// connection, which was not there the first time, and must not be changed by the table itself.

// latePriority is the first behind connection tracking (NF_IP_PRI_CONNTRACK).
const latePriority = -200 + 1

// lateSuffix makes the names of the copies.
const lateSuffix = "-ct"

// lateWay is one family's way through the copies of a table. Without maps, there is none.
type lateWay struct {
	table   *iptables.Table
	decides map[string]bool // chains that end the way, or give a connection something
	leads   map[string]bool // chains that give a connection something
	open    map[string]bool // chains to which a way leads from a built-in chain
	// obstacles stand on the way from a built-in chain, which then is not open, in the chains to which it leads.
	obstacles map[string]*obstacle
}

// obstacle is a rule that cannot be asked again, because of the match or target that is named.
type obstacle struct {
	rule    *iptables.Rule
	because string
}

func newLateWay(table *iptables.Table) *lateWay {
	w := &lateWay{table: table}
	if table == nil || !slices.ContainsFunc(table.Chains, func(ch *iptables.Chain) bool { return slices.ContainsFunc(ch.Rules, ext.TracksLate) }) {
		return w
	}
	w.decides, w.leads, w.open, w.obstacles = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]*obstacle{}
	// A chain is what its rules are, and these are what the chains are that they call: repeated until nothing is new.
	for more := true; more; {
		more = false
		for _, ch := range table.Chains {
			decides := slices.ContainsFunc(ch.Rules, w.ends)
			leads := slices.ContainsFunc(ch.Rules, w.lead)
			more = more || decides != w.decides[ch.Name] || leads != w.leads[ch.Name]
			w.decides[ch.Name], w.leads[ch.Name] = decides, leads
		}
	}
	w.explore()
	return w
}

// ends says whether a rule can end the way of a packet.
func (w *lateWay) ends(r *iptables.Rule) bool {
	switch {
	case r.Target == nil:
		return false
	case r.Target.Ext != nil:
		return ext.Tracks(r) || r.Target.Name == "NFQUEUE"
	}
	return r.Target.Name == "ACCEPT" || r.Target.Name == "QUEUE" || w.decides[r.Target.Name]
}

// lead says whether a rule gives a connection something, or leads to one that does.
func (w *lateWay) lead(r *iptables.Rule) bool {
	return r.Target != nil && (ext.TracksLate(r) || r.Target.Ext == nil && w.leads[r.Target.Name])
}

// has says whether a rule stands in the copy of its chain.
func (w *lateWay) has(r *iptables.Rule) bool {
	return w.ends(r) || r.Target != nil && (r.Target.Name == "RETURN" || r.Target.Goto)
}

// explore goes the way from each built-in chain through the rules of the copies.
func (w *lateWay) explore() {
	marks, sets := w.changes()
	for _, ch := range w.table.Chains {
		if !iptables.IsBuiltin(w.table.Name, ch.Name) || !w.leads[ch.Name] {
			continue
		}
		last := 0
		for i, r := range ch.Rules {
			if w.lead(r) {
				last = i + 1
			}
		}
		seen := map[string]bool{}
		found := w.walk(ch.Name, ch.Rules[:last], marks, sets, seen)
		for name := range seen {
			if found == nil {
				w.open[name] = true
			} else {
				w.obstacles[name] = found
			}
		}
	}
}

// walk returns the first obstacle in a chain's rules and in the chains to which they lead.
func (w *lateWay) walk(chain string, rules []*iptables.Rule, marks, sets bool, seen map[string]bool) (found *obstacle) {
	if seen[chain] {
		return nil
	}
	seen[chain] = true
	for _, r := range rules {
		if !w.has(r) {
			continue
		}
		if what := onlyOnce(r, marks, sets); what != "" && found == nil {
			found = &obstacle{r, what}
		}
		if ch := w.table.Chain(r.Target.Name); ch != nil {
			if o := w.walk(ch.Name, ch.Rules, marks, sets, seen); found == nil {
				found = o
			}
		}
	}
	return found
}

// changes says whether the table changes packets' marks, and sets.
func (w *lateWay) changes() (marks, sets bool) {
	for _, ch := range w.table.Chains {
		for _, r := range ch.Rules {
			if t := r.Target; t != nil {
				marks = marks || t.Name == "MARK" || t.Name == "HMARK"
				sets = sets || t.Name == "SET"
			}
			for _, m := range r.Matches {
				if m.Ext.Name == "socket" {
					_, restores := m.Get("--restore-skmark")
					marks = marks || restores
				}
			}
		}
	}
	return marks, sets
}

// repeatable are the matches that say of a packet behind connection tracking what they said before it. Those of mark and set are
// so while nothing changes these.
var repeatable = []string{
	"addrtype", "ah", "bpf", "cgroup", "comment", "cpu", "dccp", "devgroup", "dscp", "dst", "ecn", "esp", "eui64", "frag", "hbh", "hl", "icmp",
	"icmp6", "ipcomp", "iprange", "ipv6header", "length", "mac", "mark", "mh", "multiport", "owner", "physdev", "pkttype", "policy",
	"realm", "rpfilter", "rt", "sctp", "set", "socket", "srh", "string", "tcp", "tcpmss", "time", "tos", "ttl", "u32", "udp", "udplite",
}

// onlyOnce names the match or target because of which a rule can only be asked once; "" for none. NFQUEUE and QUEUE hand the packet to a
// program that may change it.
func onlyOnce(r *iptables.Rule, marks, sets bool) string {
	for _, m := range r.Matches {
		_, byMark := m.Get("--validmark")
		switch name := m.Ext.Name; {
		case !slices.Contains(repeatable, name), marks && (name == "mark" || byMark), sets && name == "set":
			return name
		}
	}
	if r.Target.Name == "NFQUEUE" || r.Target.Name == "QUEUE" {
		return r.Target.Name
	}
	return ""
}

// refuse reports to c that its rule's way cannot be gone again, if that is so.
func (w *lateWay) refuse(c *ext.Context) {
	o := w.obstacles[c.Chain]
	if o == nil || !ext.TracksLate(c.Rule) {
		return
	}
	c.Refuse(c.Rule.Target.Pos, c.Rule.Target.Name, "move it before that rule, if its packets may come there",
		"in nftables this is done behind connection tracking, where %s in %s cannot be asked again", o.because, at(o.rule))
}

func at(r *iptables.Rule) string {
	p := r.Pos
	p.Col = 0
	return "the rule at " + p.String()
}

// placed is a rule where it stands in a chain.
type placed struct {
	before   []nft.Stmt
	families []iptables.Family
	lowered
}

// place appends a rule to a chain, and remembers it where the table has a late way.
func (t *translator) place(c *compiler, p placed) {
	if len(p.act.Rules) > 0 {
		t.emit(c, p.before, p.lowered)
	}
	if p.ok && (t.late[iptables.IPv4].leads != nil || t.late[iptables.IPv6].leads != nil) {
		t.placed[c.first.Name] = append(t.placed[c.first.Name], p)
	}
}

// behind appends the copies of a table's chains.
func (t *translator) behind(out *nft.Table, names map[string]bool, taken func(string) bool) {
	copies := map[string]*nft.Chain{}
	var todo []string
	copied := func(name string, base *nft.Base, o nft.Origin) *nft.Chain {
		if ch := copies[name]; ch != nil {
			return ch
		}
		ch := &nft.Chain{Name: unique(names, taken, name+lateSuffix), Base: base, Origin: o}
		copies[name] = ch
		todo = append(todo, name)
		return ch
	}
	for _, ch := range out.Chains {
		if ch.Base != nil && (t.late[iptables.IPv4].open[ch.Name] || t.late[iptables.IPv6].open[ch.Name]) {
			base := *ch.Base
			base.Priority, base.Policy, base.Counters = latePriority, bytecode.Accept, nil
			copied(ch.Name, &base, ch.Origin)
		}
	}
	for i := 0; i < len(todo); i++ {
		ch := copies[todo[i]]
		out.Chains = append(out.Chains, ch)
		c := &compiler{table: out, chain: ch, first: ch, taken: taken, names: names, shared: t.shared}
		rules := t.placed[todo[i]]
		if ch.Base != nil {
			ch.Rules = []*nft.Rule{{Stmts: opened(), Origin: ch.Origin}}
			rules = t.untilLast(rules)
		}
		for _, p := range rules {
			if slices.ContainsFunc(p.families, func(f iptables.Family) bool { return t.late[f].open[todo[i]] && t.late[f].has(p.rule) }) {
				p.act = t.lateAction(p, func(name string) *nft.Chain { return copied(name, nil, origin(p.rule.Pos)) })
				t.emit(c, p.before, p.lowered)
			}
		}
		c.finish()
	}
}

// opened ends the way of packets that do not open a connection. Those that were expected are no such packets: a template gives them
// no helper either (init_conntrack).
func opened() []nft.Stmt {
	return append(ext.Opens().Inverse, &nft.Verdict{Code: bytecode.Accept})
}

// untilLast leaves out the rules behind each family's last one that leads to where a connection is given something.
func (t *translator) untilLast(rules []placed) []placed {
	last := map[iptables.Family]int{}
	for i, p := range rules {
		for _, f := range p.families {
			if t.late[f].lead(p.rule) {
				last[f] = i + 1
			}
		}
	}
	var out []placed
	for i, p := range rules {
		if slices.ContainsFunc(p.families, func(f iptables.Family) bool { return i < last[f] }) {
			out = append(out, p)
		}
	}
	return out
}

// lateAction is what a rule does in the copy of its chain.
func (t *translator) lateAction(p placed, copied func(string) *nft.Chain) ext.Action {
	target := p.rule.Target
	if target.Ext != nil {
		return ext.Action{Rules: p.act.Late, Ends: true}
	}
	v := &nft.Verdict{Code: bytecode.Return}
	switch {
	case target.Name == "ACCEPT":
		v.Code = bytecode.Accept
	case target.Name == "RETURN":
	case slices.ContainsFunc(p.families, func(f iptables.Family) bool { return t.late[f].decides[target.Name] }):
		v.Code, v.Chain = bytecode.Jump, copied(target.Name).Name
		if target.Goto {
			v.Code = bytecode.Goto
		}
	}
	return ext.Action{Rules: [][]nft.Stmt{{v}}, Ends: v.Code != bytecode.Jump}
}
