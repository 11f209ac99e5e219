package meaning

import (
	"cmp"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// Of is what a rule set does with packets of one family: its tables of that family, and the inet ones. Tables that are dormant do
// nothing.
func Of(rs *nft.Ruleset, ipv6 bool) *packet.Program { return read(rs, ipv6, false) }

// RuleByRule is [Of], but each rule says what it does by itself, as the kernel tells it: rules that combine marks bit by bit are not read as the
// one effect that they have together.
func RuleByRule(rs *nft.Ruleset, ipv6 bool) *packet.Program { return read(rs, ipv6, true) }

func read(rs *nft.Ruleset, ipv6, literal bool) *packet.Program {
	p := &packet.Program{IPv6: ipv6}
	for _, t := range rs.Tables {
		if t.Family != nft.Inet && t.Family != own(ipv6) || t.Flags&dormant != 0 {
			continue
		}
		r := &tableReader{ipv6: ipv6, literal: literal, table: t, chains: map[string]*packet.Chain{}, sets: map[string]*nft.Set{}}
		p.Chains = append(p.Chains, r.read()...)
		p.Tracks = p.Tracks || r.tracks
	}
	order(p.Chains)
	return p
}

const dormant = 1 // NFT_TABLE_F_DORMANT

func own(ipv6 bool) nft.Family {
	if ipv6 {
		return nft.IPv6
	}
	return nft.IPv4
}

// order puts base chains in the order in which the kernel calls them: by priority, and at equal ones as they were made
// (nf_hook_entries_grow).
func order(chains []*packet.Chain) {
	at := func(c *packet.Chain) int {
		if c.Base == nil {
			return 1 << 31
		}
		return c.Base.Priority
	}
	slices.SortStableFunc(chains, func(a, b *packet.Chain) int { return cmp.Compare(at(a), at(b)) })
}

// tableReader reads one table.
type tableReader struct {
	ipv6    bool
	literal bool // rules are not read together
	table   *nft.Table
	chains  map[string]*packet.Chain
	sets    map[string]*nft.Set
	tracks  bool
}

func (t *tableReader) family() nft.Family { return own(t.ipv6) }

func (t *tableReader) read() []*packet.Chain {
	for _, s := range t.table.Sets {
		t.sets[s.Name] = s
	}
	var out []*packet.Chain
	for _, c := range t.table.Chains {
		ch := &packet.Chain{Table: t.table.Name, Name: c.Name, Base: base(c.Base), Origin: origin(c.Origin, c.Handle)}
		t.chains[c.Name] = ch
		out = append(out, ch)
	}
	for i, c := range t.table.Chains {
		for n := 0; n < len(c.Rules); {
			rules := t.rules(c.Rules[n:])
			out[i].Rules = append(out[i].Rules, rules...)
			n += len(rules)
		}
	}
	return out
}

// natPriority are those at which chains of type nat run, whatever their own priority (nf_nat_ipv4_ops): the own one only orders them among
// themselves.
var natPriority = map[bytecode.Hook]int{bytecode.Prerouting: -100, bytecode.Input: 100, bytecode.Output: -100, bytecode.Postrouting: 100}

func base(b *nft.Base) *packet.Base {
	if b == nil {
		return nil
	}
	out := &packet.Base{Hook: packet.Hook(b.Hook), Priority: int(b.Priority), NAT: b.Type == "nat", Drop: b.Policy == bytecode.Drop}
	if out.NAT {
		out.Priority = natPriority[b.Hook]
	}
	return out
}

func origin(o nft.Origin, handle uint64) packet.Origin {
	return packet.Origin{File: o.File, Line: o.Line, Key: o.Key, Handle: handle}
}

// ruleReader reads one rule.
type ruleReader struct {
	*tableReader
	proto   uint8         // of the transport header, as far as the rule has asked; 0: not
	resets  map[uint8]int // how many TCP options it takes out, by kind
	removed *packet.Touch // the last element that it took out of a set
}

// rules reads the first rule, or those that must be read together: the first of these has all that they do.
func (t *tableReader) rules(from []*nft.Rule) []*packet.Rule {
	steps, n := t.pieceCopy(from)
	if n == 0 || t.literal {
		return []*packet.Rule{t.rule(from[0])}
	}
	var out []*packet.Rule
	for _, r := range from[:n] {
		out = append(out, t.blank(r))
	}
	out[0].Steps = steps
	return out
}

func (t *tableReader) blank(r *nft.Rule) *packet.Rule {
	return &packet.Rule{Origin: origin(r.Origin, r.Handle), Text: func() string { return nft.RuleText(t.table, r) }}
}

func (t *tableReader) rule(r *nft.Rule) *packet.Rule {
	read := &ruleReader{tableReader: t, resets: resets(r.Stmts)}
	out := t.blank(r)
	if steps, ok := read.bitCopy(r.Stmts); ok && !t.literal {
		out.Steps = steps
		return out
	}
	for _, s := range r.Stmts {
		out.Steps = append(out.Steps, read.stmt(s)...)
	}
	return out
}
