package nft

import (
	"io"
	"strings"
	"time"
)

// The views print a rule set as nft(8) does. One pass names things and drops the matches that a later one implies; it leaves a
// tree of nodes, and each node prints itself as text (text_*.go) and as JSON (json_*.go).

// Names says how a view names what only a host knows. The zero value prints numbers and times in UTC.
type Names struct {
	// Ifname gives the name of an interface index, "" if it does not know it. nft(8) cannot read an index that has no interface.
	Ifname func(index uint32) string
	// Cgroup gives the path of a version 2 control group below the mount point, "" if it does not know it.
	Cgroup func(id uint64) string
	// Location is the time zone of "meta time" and "meta hour", which the kernel keeps in UTC; nil is UTC.
	Location *time.Location
}

// TextOptions says what [WriteText] shows. The zero value is "nft -s list ruleset".
type TextOptions struct {
	Names
	// Counters shows what changes by itself: counters, used quotas, expiry and the elements of meters. "nft list ruleset" does.
	Counters bool
	// Handles appends "# handle N", as "nft -a" does.
	Handles bool
	// Origin appends "# FILE:LINE" to each rule that has one.
	Origin bool
}

// JSONOptions says how [WriteJSON] names things.
type JSONOptions struct {
	Names
}

// WriteText prints a rule set as "nft list ruleset" prints it when options are as there ([TextOptions].Counters). What nft 1.0.6
// lists wrongly, so that it does not load again or loads as another rule, is printed right. What nft cannot express is printed so that nft refuses to load it:
// compat expressions as nft prints them, an [Opaque] as "opaque: [ … ]", and a quote inside a string doubled. Quotes in comments
// become apostrophes. The error is the writer's.
func WriteText(w io.Writer, rs *Ruleset, opt TextOptions) error {
	p := &textPrinter{out: w, stateless: !opt.Counters, handles: opt.Handles, origin: opt.Origin}
	for _, t := range rs.Tables {
		newViewer(t, opt.Names).table().text(p)
	}
	p.flush()
	return p.err
}

// WriteJSON prints a rule set as "nft -j list ruleset" does (libnftables-json(5)), on one line, with the names of [WriteText]. It adds
// what later versions of nft have and 1.0.6 has not: comments of tables and chains, devices of chains, and chains before what may
// refer to them. The error is the writer's.
func WriteJSON(w io.Writer, rs *Ruleset, opt JSONOptions) error {
	items := jsonArray{metainfo}
	for _, t := range rs.Tables {
		items = append(items, newViewer(t, opt.Names).table().json()...)
	}
	_, err := io.WriteString(w, encodeJSON(jsonObject{{"nftables", items}})+"\n")
	return err
}

// RuleText is a rule's line without its indentation, as [WriteText] prints it with counters hidden. The table is the rule's.
func RuleText(t *Table, r *Rule) string {
	p := &textPrinter{stateless: true}
	newViewer(t, Names{}).rule(r).text(p)
	return p.String()
}

// StmtText is one statement as [RuleText] prints it, but with nothing known from the statements before it: a port of no
// protocol, for example, is "th dport".
func StmtText(t *Table, s Stmt) string {
	p := &textPrinter{stateless: true}
	newViewer(t, Names{}).rule(&Rule{Stmts: []Stmt{s}}).text(p)
	return strings.TrimSpace(p.String())
}

// viewer names the things of one table. It looks for named sets and bound chains when a rule names some: many views are of one rule.
type viewer struct {
	family Family
	names  Names
	in     *Table
	sets   map[string]*Set
	bound  map[string]*Chain

	// Of the rule that is named:
	rules    room[ruleView]
	nodes    room[ruleNode]
	stmts    []node
	entries  room[entry]
	matches  room[matchNode]
	payloads room[payloadNode]
	prefixes room[prefixNode]
}

func newViewer(t *Table, names Names) *viewer { return &viewer{family: t.Family, names: names, in: t} }

// set finds a set of the table; nil if there is none.
func (v *viewer) set(name string) *Set {
	if v.sets == nil {
		v.sets = make(map[string]*Set, len(v.in.Sets))
		for _, s := range v.in.Sets {
			v.sets[s.Name] = s
		}
	}
	return v.sets[name]
}

// boundChain finds a chain that a rule holds itself; nil if the name is another's.
func (v *viewer) boundChain(name string) *Chain {
	if v.bound == nil {
		v.bound = map[string]*Chain{}
		for _, c := range v.in.Chains {
			if c.Flags&chainBinding != 0 {
				v.bound[c.Name] = c
			}
		}
	}
	return v.bound[name]
}
