package iptables

import (
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
// The error is [Problems], all of them, unless reading fails. Then there is no rule set.
func Parse(r io.Reader, file string, family Family, vocab Vocabulary) (*Ruleset, error) {
	text, err := readAll(r, file)
	if err != nil {
		return nil, err
	}
	if family == 0 {
		family = familyOf(text)
	}
	p := &parser{source: source{file: file}, family: family, vocab: vocab, rs: &Ruleset{Family: family}}
	if p.lines(text, p.parseLine) {
		p.end()
	}
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return p.rs, nil
}

// parser reads a dump line by line.
type parser struct {
	source
	family Family
	vocab  Vocabulary
	rs     *Ruleset

	table    *Table            // nil between tables
	chains   map[string]*Chain // of the table
	declared bool              // a built-in chain of the table was declared
	stray    bool              // lines before any table were reported
	offsets  []int
	rule     ruleParser
}

func (p *parser) parseLine(line string) {
	switch {
	case line[0] == '*':
		p.startTable(strings.TrimSpace(line[1:]))
	case p.table == nil:
		if !p.stray {
			p.problem(1, "", "this stands before any *table line", "begin the table with *filter, *nat, *mangle or *raw, and end it with COMMIT")
		}
		p.stray = true
	case line == "COMMIT":
		p.endTable()
	case line[0] == ':':
		p.chainLine(line)
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
	switch {
	case Builtin(name) == nil:
		p.problem(1, "", "there is no table "+Quote(name), "there are filter, nat, mangle, raw and security")
	case p.rs.Table(name) != nil:
		p.problem(1, "", "table "+name+" comes a second time, which would empty it first", "put its rules into one table")
	}
	p.rs.Tables = append(p.rs.Tables, p.table)
}

func (p *parser) endTable() {
	p.sortChains()
	p.problems = append(p.problems, checkJumps(p.table)...)
	p.table = nil
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

// chain returns a chain of the table, making a built-in one; nil when there is none.
func (p *parser) chain(name string) *Chain {
	c := p.chains[name]
	if c == nil && IsBuiltin(p.table.Name, name) {
		c = p.newChain(name, "ACCEPT", 1)
	}
	return c
}

func (p *parser) newChain(name, policy string, col int) *Chain {
	c := &Chain{Name: name, Policy: policy, Pos: p.pos(col)}
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
	if c := p.userChain(name, 2); c != nil {
		c.Counters, c.Declared = counters, true
	}
}

// userChain makes a new chain, or reports why it cannot.
func (p *parser) userChain(name string, col int) *Chain {
	if wrong := checkChainName(name, p.family, p.vocab); wrong != "" {
		p.problem(col, name, wrong, "")
		return nil
	}
	if p.chains[name] != nil || IsBuiltin(p.table.Name, name) {
		p.problem(col, name, "the chain exists already", "")
		return nil
	}
	return p.newChain(name, "", col)
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
	n, err1 := strconv.ParseUint(packets, 10, 64)
	b, err2 := strconv.ParseUint(bytes, 10, 64)
	return &Counters{n, b}, err1 == nil && err2 == nil
}

// String prints "[packets:bytes]", zero when there are no counters.
func (c *Counters) String() string {
	if c == nil {
		return "[0:0]"
	}
	return fmt.Sprintf("[%d:%d]", c.Packets, c.Bytes)
}
