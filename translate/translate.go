package translate

import (
	"fmt"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/diff"
	"rechain/translate/ext"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// Options says what the result looks like.
type Options struct {
	// TableName names the nft table for an iptables table. nil: the same name.
	TableName func(table string) string
	// TableComment is the comment of every table.
	TableComment string
	// Sets are the ipsets that rules name: a copy of each goes into every table with such rules.
	Sets ipset.Sets
	// Counters puts a counter into every rule that acts. A rule without a target is nothing but a counter, and is that always.
	Counters bool
	// Counts has counters and policies start at what the source has counted.
	Counts bool
	// RuleComment is a rule's comment, asked for by several goroutines. nil: the text of its comment match, if there is one.
	RuleComment func(*iptables.Rule) string
	// Whole says that packets meet the rules whole, whatever is among these: something else has the kernel put fragments together.
	Whole bool
	// DropMalformed adds rules that drop what iptables' matches drop, whatever their rule says: packets that are cut off where a
	// match looks.
	DropMalformed bool
	// Used leaves out built-in chains without rules whose policy is ACCEPT, and tables that are then empty.
	Used bool
	// AllowLossy takes translations that differ as the report says.
	AllowLossy bool
	// SkipRefused leaves out rules that cannot be translated. The report says which, and a remark stands in their place.
	SkipRefused bool
	// Apart says which tables stay the two families' own, where both are given. nil: none.
	Apart func(table string) bool
	// Taken says which names of chains are in use in the nft table that an iptables table becomes, so that none is made with such a
	// name. nil: none but the source's.
	Taken func(table *nft.Table, chain string) bool
}

// Report lists what was not translated exactly, in the order of the source.
type Report struct {
	Problems []ext.Problem
	// Headers says that rules look at transport headers. iptables drops what is cut off there, and so do the rules with
	// DropMalformed; without, such a packet does not match.
	Headers bool
	// Skipped are the rules that were left out. Their problems are not among the others.
	Skipped []Skipped
}

// Refused are the problems for which there is no translation.
func (r *Report) Refused() iptables.Problems {
	var ps iptables.Problems
	for _, p := range r.Problems {
		if !p.Lossy {
			ps = append(ps, p.Problem)
		}
	}
	return ps
}

// Err is all the problems as one error, or nil when there are none.
func (r *Report) Err() error {
	var ps iptables.Problems
	for _, p := range r.Problems {
		ps = append(ps, p.Problem)
	}
	return ps.Err()
}

// Ruleset translates one family or both. With both, equal rules of the two families become one rule of an inet table, the others
// are limited to theirs; with one, or where they are kept apart, tables are of one family, and packets of the other never meet them. A
// nil set is a family that is off.
//
// The result is nil when there is a problem, unless it is lossy and AllowLossy is set, or refused and left out.
func Ruleset(v4, v6 *iptables.Ruleset, opt Options) (*nft.Ruleset, *Report) {
	t := &translator{opt: opt, report: &Report{}, told: map[string]bool{}, source: map[iptables.Family]*iptables.Ruleset{iptables.IPv4: v4, iptables.IPv6: v6}}
	t.fragments = map[iptables.Family]bool{iptables.IPv4: !opt.Whole && Fragmented(v4), iptables.IPv6: !opt.Whole && Fragmented(v6)}
	out := &nft.Ruleset{}
	add := func(name string, v4, v6 *iptables.Table, inet bool) {
		if table := t.table(name, v4, v6, inet); table != nil {
			out.Tables = append(out.Tables, table)
		}
	}
	both := v4 != nil && v6 != nil
	for _, name := range tableNames(v4, v6) {
		t4, t6 := find(v4, name), find(v6, name)
		if both && opt.Apart != nil && opt.Apart(name) {
			if t4 != nil {
				add(name, t4, nil, false)
			}
			if t6 != nil {
				add(name, nil, t6, false)
			}
			continue
		}
		add(name, t4, t6, both)
	}
	if !opt.Whole {
		t.start(out, v4, nft.IPv4)
		t.start(out, v6, nft.IPv6)
	}
	if len(t.report.Refused()) > 0 || len(t.report.Problems) > 0 && !opt.AllowLossy {
		return nil, t.report
	}
	return out, t.report
}

func tableNames(sets ...*iptables.Ruleset) []string {
	var names []string
	for _, rs := range sets {
		if rs == nil {
			continue
		}
		for _, t := range rs.Tables {
			if !slices.Contains(names, t.Name) {
				names = append(names, t.Name)
			}
		}
	}
	return names
}

func find(rs *iptables.Ruleset, table string) *iptables.Table {
	if rs == nil {
		return nil
	}
	return rs.Table(table)
}

type translator struct {
	opt       Options
	report    *Report
	source    map[iptables.Family]*iptables.Ruleset
	fragments map[iptables.Family]bool // whether rules meet later fragments
	context   ext.Context              // of the rule that is translated: room for one is enough
	told      map[string]bool          // the problems that were reported
	// Of the table that is translated:
	shared *ext.Shared
	late   map[iptables.Family]*lateWay
	placed map[string][]placed // the rules of each chain, for the late way
	aside  *bool               // of a worker: a name was made, or asked for; see ahead.go
}

// nameOf is what the nft table for an iptables table is called.
func (t *translator) nameOf(table string) string {
	if t.opt.TableName == nil {
		return table
	}
	return t.opt.TableName(table)
}

// half is one family's part of a chain.
type half struct {
	family iptables.Family
	rules  []*iptables.Rule
}

func (t *translator) table(name string, v4, v6 *iptables.Table, both bool) *nft.Table {
	out := &nft.Table{Family: nft.IPv4, Name: t.nameOf(name), Comment: t.opt.TableComment}
	switch {
	case both:
		out.Family = nft.Inet
	case v6 != nil:
		out.Family = nft.IPv6
	}
	names := map[string]bool{}
	for _, tab := range []*iptables.Table{v4, v6} {
		if tab != nil {
			for _, ch := range tab.Chains {
				names[ch.Name] = true
			}
		}
	}
	taken := func(name string) bool { return names[name] || t.opt.Taken != nil && t.opt.Taken(out, name) }
	t.shared = &ext.Shared{Both: both, Unique: func(name string) string { return unique(names, taken, name) }}
	t.late = map[iptables.Family]*lateWay{iptables.IPv4: newLateWay(v4), iptables.IPv6: newLateWay(v6)}
	t.placed = map[string][]placed{}
	chains4, chains6 := chainsOf(v4), chainsOf(v6)
	done := map[string]bool{}
	var chains []pair
	for _, tab := range []*iptables.Table{v4, v6} {
		if tab == nil {
			continue
		}
		for _, ch := range tab.Chains {
			if !done[ch.Name] {
				done[ch.Name] = true
				chains = append(chains, pair{chains4[ch.Name], chains6[ch.Name]})
			}
		}
	}
	ahead := t.ahead(out, name, chains)
	for i, p := range chains {
		switch made := ahead(i); {
		case !made.ok:
			t.chain(out, names, taken, name, p.v4, p.v6)
		case made.chain != nil:
			out.Chains = append(out.Chains, made.chain)
			fallthrough
		default:
			t.report.Headers = t.report.Headers || made.headers
		}
	}
	t.behind(out, names, taken)
	out.Sets, out.Objects = t.shared.Sets, t.shared.Objects
	out.Chains = append(out.Chains, t.shared.Chains...)
	if t.opt.Taken == nil { // else there may be sets of these names, whatever is in them
		shareSets(out)
	}
	t.depth(out, name)
	if t.opt.Used && len(out.Chains) == 0 {
		return nil
	}
	return out
}

// unique is a name like the one given that no chain has, and takes it.
func unique(names map[string]bool, taken func(string) bool, name string) string {
	free := name
	for n := 2; taken(free); n++ {
		free = fmt.Sprintf("%s-%d", name, n)
	}
	names[free] = true
	return free
}

// chainsOf are a table's chains by name; none of no table.
func chainsOf(t *iptables.Table) map[string]*iptables.Chain {
	chains := map[string]*iptables.Chain{}
	if t != nil {
		for _, ch := range t.Chains {
			chains[ch.Name] = ch
		}
	}
	return chains
}

func (t *translator) chain(out *nft.Table, names map[string]bool, taken func(string) bool, table string, v4, v6 *iptables.Chain) {
	either := v4
	if either == nil {
		either = v6
	}
	if v4 != nil && v6 != nil && v4.Policy != v6.Policy {
		t.refuse(v6.Pos, "", "give the two families their own tables",
			"chain %s has policy %s for IPv6 and %s for IPv4, and one inet chain cannot have both", v6.Name, v6.Policy, v4.Policy)
		return
	}
	b := base(table, either.Name, either.Policy)
	if t.opt.Counts && b != nil {
		b.Counters = policyCounts(v4, v6)
	}
	h4, h6 := half{family: iptables.IPv4}, half{family: iptables.IPv6}
	if v4 != nil {
		h4.rules = v4.Rules
	}
	if v6 != nil {
		h6.rules = v6.Rules
	}
	if t.opt.Used && b != nil && b.Policy == bytecode.Accept && len(h4.rules)+len(h6.rules) == 0 {
		return
	}
	ch := &nft.Chain{Name: either.Name, Base: b, Origin: origin(either.Pos)}
	out.Chains = append(out.Chains, ch)
	c := &compiler{table: out, chain: ch, first: ch, taken: taken, names: names, shared: t.shared}
	for _, s := range lineUp(h4.rules, h6.rules) {
		t.step(c, table, out.Family == nft.Inet, h4, h6, s)
		if t.aside != nil && t.spreads() {
			return
		}
	}
	c.finish()
}

// policyCounts are what the policies of a chain's families have counted together; nil when the source does not say.
func policyCounts(chains ...*iptables.Chain) *bytecode.Counter {
	var sum *bytecode.Counter
	for _, ch := range chains {
		if ch == nil || ch.Counters == nil {
			continue
		}
		if sum == nil {
			sum = &bytecode.Counter{}
		}
		sum.Packets += ch.Counters.Packets
		sum.Bytes += ch.Counters.Bytes
	}
	return sum
}

// lineUp pairs the rules of two families that are equal.
func lineUp(v4, v6 []*iptables.Rule) []diff.Step {
	if len(v4) == 0 || len(v6) == 0 { // then nobody needs to know what they say
		steps := make([]diff.Step, 0, len(v4)+len(v6))
		for i := range v4 {
			steps = append(steps, diff.Step{A: i, B: -1})
		}
		for i := range v6 {
			steps = append(steps, diff.Step{A: -1, B: i})
		}
		return steps
	}
	return diff.Lists(texts(v4), texts(v6), func(a, b string) bool { return a == b })
}

// texts are rules as iptables-save prints them, by which those of two families are lined up.
func texts(rules []*iptables.Rule) []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.String()
	}
	return out
}

// step translates a rule of one family, or a pair of equal rules.
func (t *translator) step(c *compiler, table string, inet bool, h4, h6 half, s diff.Step) {
	rules := make([]lowered, 0, 2)
	if s.A >= 0 {
		rules = append(rules, t.lower(table, c, iptables.IPv4, h4.rules[s.A]))
	}
	if s.B >= 0 {
		rules = append(rules, t.lower(table, c, iptables.IPv6, h6.rules[s.B]))
	}
	if len(rules) == 2 && rules[0].ok && rules[1].ok && sameMeaning(rules[0], rules[1]) {
		t.place(c, placed{nil, []iptables.Family{iptables.IPv4, iptables.IPv6}, rules[0]})
		return
	}
	for _, r := range rules {
		var before []nft.Stmt
		if inet {
			before = guard(r.family)
		}
		t.place(c, placed{before, []iptables.Family{r.family}, r})
	}
}

func (t *translator) refuse(pos iptables.Pos, extension, hint, format string, args ...any) {
	c := &ext.Context{}
	c.Refuse(pos, extension, hint, format, args...)
	t.tell(c.Problems)
}

func origin(p iptables.Pos) nft.Origin {
	return nft.Origin{File: p.File(), Line: int(p.Line), Col: int(p.Col), Key: p.Key()}
}
