package iptables

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// commandLine is a command with its words. cols are their columns.
type commandLine struct {
	letter   byte
	chain    string
	args     []string
	cols     []int
	counters *Counters
	line     string  // all of it
	rules    []*Rule // what was read of it ahead, as of a table
	table    string
}

// String is "-A".
func (c commandLine) String() string { return "-" + string(c.letter) }

// number takes a rule number off the words, if there is one.
func (c *commandLine) number() (word string, col int) {
	if len(c.args) == 0 || strings.HasPrefix(c.args[0], "-") || c.args[0] == "!" {
		return "", 0
	}
	word, col = c.args[0], c.cols[0]
	c.args, c.cols = c.args[1:], c.cols[1:]
	return word, col
}

// named is the chain of a command, or nil when that is reported missing.
func (p *parser) named(c commandLine) *Chain {
	ch := p.chain(c.chain)
	if ch == nil {
		hint := "declare it before: \":" + c.chain + " - [0:0]\""
		if tables := tablesWith(c.chain); tables != nil {
			hint = "it is built in to " + strings.Join(tables, ", ")
		}
		p.problem(1, c.chain, "table "+p.table.Name+" has no such chain", hint)
	}
	return ch
}

// known is how many rules from a chain's first on have numbers that the source shows, and whether these are all.
func (p *parser) known(ch *Chain) (n int, all bool) {
	if p.adds && !ch.Changes.Empty && !ch.Changes.New {
		return ch.Changes.Inserted, false
	}
	return len(ch.Rules), true
}

// index is the place of a rule number in a chain of which that many rules are known; negative when it has none.
func (p *parser) index(c commandLine, ch *Chain, word string, col, limit int) int {
	n, err := strconv.Atoi(word)
	_, all := p.known(ch)
	switch {
	case err != nil || n < 1:
		p.problem(col-p.indent, c.String(), Quote(word)+" is not a rule number", "")
	case n <= limit:
		return n - 1
	case all:
		p.problem(1, c.String(), fmt.Sprintf("the chain has only %d rules before this", len(ch.Rules)), "")
	default:
		p.problem(1, c.String(), "counts rules that the kernel holds, which can be more there than they are in iptables",
			"insert at 1, append, or name a rule by its words; or apply the whole rule set, without --noflush")
	}
	return -1
}

// maxExpandedAll is how many rules all lists of addresses of a source may make.
const maxExpandedAll = 1 << 19

// rules reads a command's rule. When it has problems, there is one rule, which has them.
func (p *parser) rules(c commandLine) []*Rule {
	rules, problems := c.rules, Problems(nil)
	if rules == nil {
		rules, problems = p.rule.parse(c.args, c.cols, p.pos(1), place{p.table.Name, c.chain, p.family, p.vocab})
		p.ofRules = append(p.ofRules, problems...)
	}
	if c.counters != nil {
		if rules[0].Counters != nil && problems == nil {
			p.problem(1, "-c", "the line begins with counters already", "")
		}
		for _, r := range rules {
			r.Counters = c.counters
		}
	}
	for _, r := range rules {
		r.line = c.line
	}
	if p.expanded += len(rules) - 1; p.expanded > maxExpandedAll {
		p.problem(1, "", fmt.Sprintf("lists of addresses make more than %d rules by now", maxExpandedAll), "use sets")
		p.full = true
	}
	return rules
}

func (p *parser) add(c commandLine) {
	ch := p.named(c)
	rules := p.rules(c)
	if ch != nil {
		ch.Rules = append(ch.Rules, rules...)
	}
}

func (p *parser) insert(c commandLine) {
	index := 0
	word, col := c.number()
	ch := p.named(c)
	if ch == nil {
		p.rules(c)
		return
	}
	n, all := p.known(ch)
	if word != "" {
		if index = p.index(c, ch, word, col, n+1); index < 0 {
			return
		}
	}
	// iptables inserts one after the other at the same place.
	rules := p.rules(c)
	slices.Reverse(rules)
	ch.Rules = slices.Insert(ch.Rules, index, rules...)
	if sums := p.sums[ch]; index < len(sums) {
		p.sums[ch] = slices.Insert(sums, index, sumsOf(rules)...)
	}
	if !all {
		ch.Changes.Inserted += len(rules)
	}
}

// one is a rule that a command other than -A and -I names: it is not kept, and must be right.
func (p *parser) one(c commandLine) []*Rule {
	before := len(p.ofRules)
	rules := p.rules(c)
	if len(p.ofRules) > before {
		return nil
	}
	return rules
}

func (p *parser) replace(c commandLine) {
	word, col := c.number()
	if word == "" {
		p.problem(1, c.String(), "needs a rule number", "")
		return
	}
	ch := p.named(c)
	if ch == nil {
		return
	}
	n, _ := p.known(ch)
	index := p.index(c, ch, word, col, n)
	rules := p.rules(c)
	switch {
	case len(rules) > 1:
		p.problem(1, c.String(), "lists of addresses make several rules where one is wanted", "")
	case index >= 0 && len(rules) == 1:
		ch.Rules[index] = rules[0]
		if sums := p.sums[ch]; index < len(sums) {
			copy(sums[index:], sumsOf(rules))
		}
	}
}

// maxRemovals is how many rules a source may name by their words to delete them, each of which is a search.
const maxRemovals = 1 << 13

// remove is -D, by number or by words, and -C, which fails where there is no such rule.
func (p *parser) remove(c commandLine) {
	word, col := "", 0
	if c.letter == 'D' {
		word, col = c.number()
	}
	ch := p.named(c)
	if ch == nil {
		return
	}
	n, all := p.known(ch)
	if word != "" {
		if index := p.index(c, ch, word, col, n); index >= 0 {
			p.take(ch, index)
		}
		return
	}
	if p.removals++; p.removals > maxRemovals {
		p.problem(1, c.String(), fmt.Sprintf("is used more than %d times", maxRemovals), "leave out the rules that it deletes")
		return
	}
	for _, r := range p.one(c) {
		index := p.find(ch, r)
		switch {
		case index >= 0 && c.letter == 'C':
		case index >= 0 && index < n:
			p.take(ch, index)
		case all:
			p.problem(1, c.String(), "chain "+ch.Name+" has no such rule before this", "")
		case c.letter == 'C':
			p.problem(1, c.String(), "only checks for a rule, which only the kernel can tell here", "leave the line out")
		case index >= 0:
			p.problem(1, c.String(), "such a rule is appended before this, and the kernel may hold one too", "leave both lines out")
		default:
			ch.Changes.Without = append(ch.Changes.Without, r)
		}
	}
}

// find is the place of the first rule in a chain that is equal to a rule, or -1. What the chain's rules are is kept for the next time.
func (p *parser) find(ch *Chain, r *Rule) int {
	if p.sums == nil {
		p.sums = map[*Chain][]uint64{}
	}
	p.sums[ch] = append(p.sums[ch], sumsOf(ch.Rules[len(p.sums[ch]):])...)
	text := r.text()
	sum := maphash.String(sumSeed, text)
	for i, s := range p.sums[ch] {
		if s == sum && ch.Rules[i].Problems == nil && ch.Rules[i].text() == text {
			return i
		}
	}
	return -1
}

var sumSeed = maphash.MakeSeed()

// sumsOf are hashes of rules as texts.
func sumsOf(rules []*Rule) []uint64 {
	sums := make([]uint64, len(rules))
	for i, r := range rules {
		sums[i] = maphash.String(sumSeed, r.text())
	}
	return sums
}

// take removes a rule that is known.
func (p *parser) take(ch *Chain, index int) {
	ch.Rules = slices.Delete(ch.Rules, index, index+1)
	if sums := p.sums[ch]; index < len(sums) {
		p.sums[ch] = slices.Delete(sums, index, index+1)
	}
	if ch.Changes.Inserted > 0 {
		ch.Changes.Inserted--
	}
}

// flush is -F.
func (p *parser) flush(c commandLine) {
	chains := p.table.Chains
	if c.chain != "" {
		ch := p.named(c)
		if ch == nil {
			return
		}
		chains = []*Chain{ch}
	}
	p.table.Empty = p.adds && (p.table.Empty || c.chain == "")
	for _, ch := range chains {
		ch.Rules = nil
		delete(p.sums, ch)
		if p.adds && !ch.Changes.New {
			ch.Changes = Changes{Empty: true, Delete: ch.Changes.Delete}
		}
	}
}

// deleteChain is -X. That no rule leads to the chain shows when the table ends.
func (p *parser) deleteChain(c commandLine) {
	chains := slices.DeleteFunc(slices.Clone(p.table.Chains), func(ch *Chain) bool { return ch.Policy != "" || ch.Changes.Delete })
	if c.chain != "" {
		ch := p.chain(c.chain)
		if ch == nil || ch.Policy != "" {
			p.problem(1, c.String(), "table "+p.table.Name+" has no such user chain: "+Quote(c.chain), "")
			return
		}
		chains = []*Chain{ch}
	}
	p.table.Bare = p.adds && (p.table.Bare || c.chain == "")
	for _, ch := range chains {
		switch {
		case len(ch.Rules) > 0:
			p.problem(1, c.String(), "chain "+ch.Name+" has rules by now, and is not deleted before it is empty", "")
		case p.adds && !ch.Changes.New:
			ch.Changes.Delete = true
		default:
			delete(p.chains, ch.Name)
			p.table.Chains = slices.DeleteFunc(p.table.Chains, func(o *Chain) bool { return o == ch })
		}
	}
}

// zero is -Z, which iptables-restore does before it sets the counters of the source.
func (p *parser) zero(c commandLine) {
	switch {
	case p.adds:
		p.problem(1, c.String(), "resets counters that the kernel holds, which is not done here", "leave the line out")
	case c.chain != "":
		p.named(c)
	}
}
