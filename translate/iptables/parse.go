package iptables

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Parse reads what iptables-save prints and iptables-restore takes, into an empty rule set: tables are taken to hold nothing but
// what the source says. file is the name in messages. family 0 lets the source tell, see [Detect]; a source that fits both is IPv4.
// Lines for the other family ("-6 -A …") are left out, as iptables-restore does.
//
// A table whose built-in chains the source does not declare gets them all, with policy ACCEPT.
//
// The error is [Problems], all of them in the order of the source, unless reading fails. Beside Problems there is what can be read: a
// rule with problems keeps its place (see Rule.Problems), a line that is not a rule and has problems is left out; and
// [Problems.Beside] tells the ones from the others. There is no rule set when reading fails.
func Parse(r io.Reader, file string, family Family, vocab Vocabulary) (*Ruleset, error) {
	text, err := readAll(r, file)
	if err != nil {
		return nil, err
	}
	return ParseText(text, file, family, vocab)
}

// ParseText is [Parse] for a text that is there already. The rule set keeps parts of it.
func ParseText(text, file string, family Family, vocab Vocabulary) (*Ruleset, error) {
	return (&parser{source: newSource(file), family: family, vocab: vocab}).parse(text)
}

// ParseNoflush is [ParseText] for what "iptables-restore --noflush" takes: a source that adds to tables whose chains and rules it
// does not show. What it does to those of a chain is in Changes. A chain that is not declared is taken to be there.
func ParseNoflush(text, file string, family Family, vocab Vocabulary) (*Ruleset, error) {
	return (&parser{source: newSource(file), family: family, vocab: vocab, adds: true}).parse(text)
}

func (p *parser) parse(text string) (*Ruleset, error) {
	if len(text) > maxSource {
		return nil, tooLarge(p.file)
	}
	if p.family == 0 {
		p.family = familyOf(text)
	}
	p.rs = &Ruleset{Family: p.family}
	if p.all(text) {
		p.end()
	} else if p.table != nil {
		p.sortChains()
	}
	p.problems = append(p.problems, p.ofRules...)
	p.problems.Sort()
	return p.rs, p.problems.Err()
}

// parser reads a dump line by line.
type parser struct {
	source
	family Family
	vocab  Vocabulary
	adds   bool // to what is there
	rs     *Ruleset

	table    *Table              // nil between tables
	chains   map[string]*Chain   // of the table
	declared bool                // a built-in chain of the table was declared
	unknown  bool                // there is no such table
	stray    bool                // lines before any table were reported
	expanded int                 // rules that lists of addresses made
	removals int                 // by text
	sums     map[*Chain][]uint64 // of a chain's first rules as texts, where one was sought
	words    []string
	offsets  []int
	rule     ruleParser
}

// all goes through the lines. It is false when not all were read.
func (p *parser) all(text string) bool {
	all, used := p.ahead(text)
	defer close(used)
	for _, piece := range all {
		piece.isRead.Wait()
		read := piece.read
		whole := p.lines(piece.text, func(line string) {
			var c commandLine
			if len(read) > 0 {
				c, read = read[0], read[1:]
			}
			p.parseLine(line, c)
		})
		if !whole {
			return false
		}
		clear(piece.read)
		used <- piece.read[:0]
	}
	return true
}

// parseLine does what a line says. c is what was read of it ahead, if anything was.
func (p *parser) parseLine(line string, c commandLine) {
	switch {
	case line[0] == '*':
		p.startTable(tableOf(line))
	case p.table == nil:
		if !p.stray {
			p.problem(1, "", "this stands in no table", "begin the table with *filter, *nat, *mangle or *raw, and end it with COMMIT")
		}
		p.stray = true
	case line == "COMMIT":
		p.endTable()
	case p.unknown:
	case line[0] == ':':
		p.chainLine(line)
	case c.rules != nil && c.table == p.table.Name:
		p.run(c)
	default:
		p.command(line)
	}
}

func (p *parser) startTable(name string) {
	if p.table != nil {
		p.problem(1, "", "table "+p.table.Name+" has no COMMIT before this", "")
		p.endTable()
	}
	p.stray = false
	p.table = &Table{Name: name, Pos: p.pos(1)}
	p.chains = map[string]*Chain{}
	p.declared = false
	p.unknown = Builtin(name) == nil
	before := p.rs.Table(name)
	switch {
	case p.unknown:
		p.problem(1, "", "there is no table "+Quote(name), "there are filter, nat, mangle, raw and security")
		return
	case before != nil && p.adds:
		p.table = before
		for _, c := range before.Chains {
			p.chains[c.Name] = c
		}
		return
	case before != nil:
		p.problem(1, "", "table "+name+" comes a second time, for which iptables-restore would empty it first",
			"put its rules into one table, or apply one file after the other")
		return
	}
	p.rs.Tables = append(p.rs.Tables, p.table)
}

func (p *parser) endTable() {
	if !p.unknown {
		if p.adds {
			p.assumeTargets()
		}
		p.sortChains()
		p.problems = append(p.problems, checkJumps(p.table)...)
	}
	p.table, p.unknown = nil, false
}

// assumeTargets takes the chains that rules lead to for chains that are there.
func (p *parser) assumeTargets() {
	for _, c := range p.table.Chains {
		for _, r := range c.Rules {
			if name := callee(r); name != "" && p.chains[name] == nil {
				p.assume(name, r.Target.Pos)
			}
		}
	}
}

// assume makes a chain that the source does not; nil when there can be no such chain.
func (p *parser) assume(name string, at Pos) *Chain {
	if p.table.Bare || IsBuiltin(p.table.Name, name) || checkChainName(name, p.family, p.vocab) != "" {
		return nil
	}
	c := p.newChain(name, "", 1)
	c.Pos = at
	return c
}

// sortChains puts the built-in chains first, in the order of the source. If it declared none, all are there, in the kernel's order.
func (p *parser) sortChains() {
	var first []*Chain
	if !p.declared {
		for _, name := range Builtin(p.table.Name) {
			first = append(first, p.chain(name))
		}
	}
	isFirst := func(c *Chain) bool { return c.Policy != "" }
	for _, c := range p.table.Chains {
		if p.declared && isFirst(c) {
			first = append(first, c)
		}
	}
	p.table.Chains = append(first, slices.DeleteFunc(p.table.Chains, isFirst)...)
}

// chain returns a chain of the table, making a built-in one, or one that is taken to be there; nil when there is none.
func (p *parser) chain(name string) *Chain {
	c := p.chains[name]
	switch {
	case c != nil && c.Changes.Delete:
		return nil
	case c != nil:
	case IsBuiltin(p.table.Name, name):
		c = p.newChain(name, "ACCEPT", 1)
	case p.adds:
		c = p.assume(name, p.pos(1))
	}
	return c
}

func (p *parser) newChain(name, policy string, col int) *Chain {
	c := &Chain{Name: name, Policy: policy, Pos: p.pos(col)}
	c.Changes.Empty = p.table.Empty
	p.chains[name] = c
	p.table.Chains = append(p.table.Chains, c)
	return c
}

// chainLine reads ":NAME POLICY [PACKETS:BYTES]".
func (p *parser) chainLine(line string) {
	fields := strings.Fields(line[1:])
	if len(fields) < 2 || len(fields) > 3 {
		p.problem(1, "", "a chain line is \":NAME POLICY [PACKETS:BYTES]\"", "")
		return
	}
	name, policy := fields[0], fields[1]
	var counters *Counters
	if len(fields) == 3 {
		var ok bool
		if counters, ok = bracketed(fields[2]); !ok {
			p.problem(1, "", "the counters "+Quote(fields[2])+" are not [PACKETS:BYTES]", "")
		}
	}
	if IsBuiltin(p.table.Name, name) {
		p.declared = true
		c := p.chain(name)
		if policy != "-" {
			c.Counters, c.Declared = counters, true
		}
		p.setPolicy(c, policy, 2)
		return
	}
	if policy != "-" {
		p.problem(2, "", "chain "+name+" cannot have a policy: table "+p.table.Name+" has no such built-in chain", "write - for the policy")
	}
	if c := p.userChain(name, 2, p.adds); c != nil {
		c.Counters = counters
	}
}

// maxChains bounds how deep chains can lead to one another.
const maxChains = 1 << 18

// userChain makes a new chain, or reports why it cannot. again empties one that is there, as iptables-restore --noflush does it.
func (p *parser) userChain(name string, col int, again bool) *Chain {
	if wrong := checkChainName(name, p.family, p.vocab); wrong != "" {
		p.problem(col, name, wrong, "")
		return nil
	}
	c := p.chains[name]
	switch {
	case IsBuiltin(p.table.Name, name), c != nil && !again && !c.Changes.Delete:
		p.problem(col, name, "the chain exists already", "")
		return nil
	case c == nil && len(p.table.Chains) >= maxChains:
		p.problem(col, name, fmt.Sprintf("the table has more than %d chains", maxChains), "")
		return nil
	case c == nil:
		c = p.newChain(name, "", col)
		c.Changes = Changes{Empty: again || p.table.Bare, New: p.adds && !again && !p.table.Bare}
	default:
		c.Rules, c.Changes = nil, Changes{Empty: true}
		delete(p.sums, c)
	}
	c.Declared = true
	return c
}

// setPolicy sets a built-in chain's policy; - leaves it.
func (p *parser) setPolicy(c *Chain, policy string, col int) {
	switch {
	case policies[policy]:
		c.Policy = policy
	case policy != "-":
		p.problem(col, c.Name, "the policy is ACCEPT or DROP, not "+Quote(policy), "")
	}
}

func (p *parser) end() {
	if p.table != nil {
		p.problem(1, "", "table "+p.table.Name+" has no COMMIT", "is the file cut off?")
		p.endTable()
	}
}

// bracketed reads "[packets:bytes]".
func bracketed(s string) (*Counters, bool) {
	inner, ok := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	packets, bytes, two := strings.Cut(inner, ":")
	if !ok || !closed || !two {
		return nil, false
	}
	return parseCounters(packets, bytes)
}

func parseCounters(packets, bytes string) (*Counters, bool) {
	n, ok1 := parseCount(packets)
	b, ok2 := parseCount(bytes)
	return &Counters{n, b}, ok1 && ok2
}

// parseCount reads a number; what is too large is the largest, as strtoull does it.
func parseCount(w string) (uint64, bool) {
	n, err := strconv.ParseUint(w, 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// String prints "[packets:bytes]", zero when there are no counters.
func (c *Counters) String() string {
	if c == nil {
		return "[0:0]"
	}
	return fmt.Sprintf("[%d:%d]", c.Packets, c.Bytes)
}
