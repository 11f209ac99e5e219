package iptables

import (
	"slices"
	"strconv"
	"strings"
)

// commandNames are the long names of commands (original_opts in iptables.c).
var commandNames = map[string]byte{
	"--append": 'A', "--insert": 'I', "--new-chain": 'N', "--policy": 'P', "--flush": 'F', "--delete-chain": 'X',
	"--delete": 'D', "--check": 'C', "--replace": 'R', "--list": 'L', "--list-rules": 'S', "--zero": 'Z', "--rename-chain": 'E',
}

// otherNames are the other long names of iptables' options that have no place in a rule.
var otherNames = []string{"--table", "--numeric", "--wait", "--wait-interval", "--exact", "--version", "--help", "--line-numbers", "--modprobe"}

// refused are the commands that have no place in a description of a rule set, and why.
var refused = map[byte]string{
	'D': "deletes a rule", 'C': "only checks for a rule", 'R': "replaces a rule", 'L': "only lists rules", 'S': "only lists rules",
	'Z': "only resets counters", 'E': "renames a chain",
}

// maxArgs is how many words may follow a command and its chain, unless a rule follows.
var maxArgs = map[byte]int{'N': 0, 'P': 1, 'F': 0, 'X': 0}

// commandOf returns the command that a word is, or 0, and the chain when that stands in the same word ("-AINPUT").
func commandOf(w string) (command byte, chain string) {
	switch {
	case len(w) < 2 || w[0] != '-':
		return 0, ""
	case w[1] == '-':
		return commandNames[w], ""
	}
	if strings.IndexByte("AINPFXDCRLSZE", w[1]) < 0 {
		return 0, ""
	}
	return w[1], w[2:]
}

// command reads a line that iptables takes as its arguments, with "[packets:bytes]" before it or not.
func (p *parser) command(line string) {
	skip := 0
	var counters *Counters
	if line[0] == '[' {
		end := strings.IndexByte(line, ']') + 1
		ok := false
		if counters, ok = bracketed(line[:end]); !ok {
			p.problem(1, "", "the line begins with [, but not with [PACKETS:BYTES]", "")
			return
		}
		skip = end
	}
	words, offsets, open := splitWords(line[skip:], p.offsets)
	p.offsets = offsets
	if open >= 0 {
		p.problem(skip+open+1, "", "the quote is not closed", "")
		return
	}
	for i := range offsets {
		offsets[i] += skip + p.indent + 1 // columns from here on
	}
	if p.otherFamily(words) {
		return
	}
	at := slices.IndexFunc(words, func(w string) bool { c, _ := commandOf(w); return c != 0 })
	if at < 0 {
		p.problem(1, "", "there is no command in this line, such as -A CHAIN", "")
		return
	}
	c, chain := commandOf(words[at])
	args, cols := words[at+1:], offsets[at+1:]
	if chain == "" && len(args) > 0 && (!strings.HasPrefix(args[0], "-") || c == 'N') {
		chain, args, cols = args[0], args[1:], cols[1:]
	}
	if at > 0 { // the rule begins before its command
		args = slices.Concat(words[:at], args)
		cols = slices.Concat(offsets[:at], cols)
	}
	p.run(c, chain, args, cols, counters)
}

// otherFamily says whether the line is marked for the other family.
func (p *parser) otherFamily(words []string) bool {
	for _, w := range words {
		switch w {
		case "-4", "--ipv4":
			return p.family == IPv6
		case "-6", "--ipv6":
			return p.family == IPv4
		}
	}
	return false
}

// run executes a command. args are its words without the command and the chain; cols their columns.
func (p *parser) run(command byte, name string, args []string, cols []int, counters *Counters) {
	if why := refused[command]; why != "" {
		p.problem(1, "-"+string(command), why+", which a description of a rule set cannot do", "leave the line out, and write the rules that shall be there")
		return
	}
	if name == "" && command != 'F' && command != 'X' {
		p.problem(1, "-"+string(command), "needs a chain", "")
		return
	}
	if limit, ok := maxArgs[command]; ok && len(args) > limit {
		p.problem(cols[limit]-p.indent, "-"+string(command), Quote(args[limit])+" is one word too many", "")
		return
	}
	if strings.IndexByte("IFX", command) >= 0 {
		p.table.Edits = append(p.table.Edits, p.pos(1))
	}
	switch command {
	case 'A':
		p.add(name, -1, args, cols, counters)
	case 'I':
		index := 1
		if len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "!" {
			n, err := strconv.Atoi(args[0])
			if err != nil || n < 1 {
				p.problem(cols[0]-p.indent, "-I", Quote(args[0])+" is not a rule number", "")
				return
			}
			index, args, cols = n, args[1:], cols[1:]
		}
		p.add(name, index-1, args, cols, counters)
	case 'N':
		p.userChain(name, 1)
	case 'P':
		p.policy(name, args)
	case 'F', 'X':
		p.clear(command, name)
	}
}

// add appends a rule to a chain (index -1), or inserts it.
func (p *parser) add(name string, index int, args []string, cols []int, counters *Counters) {
	c := p.chain(name)
	if c == nil {
		p.problem(1, name, "table "+p.table.Name+" has no such chain", "declare it before: \":"+name+" - [0:0]\"")
		return
	}
	if index > len(c.Rules) {
		p.problem(1, "-I", "the chain has only "+strconv.Itoa(len(c.Rules))+" rules before this", "")
		return
	}
	rules, problems := p.rule.parse(args, cols, p.pos(1), place{p.table.Name, name, p.family, p.vocab})
	p.problems = append(p.problems, problems...)
	for _, r := range rules {
		if counters != nil {
			r.Counters = counters
		}
	}
	if index < 0 {
		c.Rules = append(c.Rules, rules...)
		return
	}
	// iptables inserts one after the other at the same place.
	slices.Reverse(rules)
	c.Rules = slices.Insert(c.Rules, index, rules...)
}

func (p *parser) policy(name string, args []string) {
	if !IsBuiltin(p.table.Name, name) {
		p.problem(1, "-P", "table "+p.table.Name+" has no built-in chain "+Quote(name), "")
		return
	}
	if len(args) == 0 {
		p.problem(1, "-P", "needs a policy", "")
		return
	}
	p.declared = true
	c := p.chain(name)
	c.Declared = true
	p.setPolicy(c, args[0], 1)
}

// clear is -F and -X. The rule set is empty at first, so that they do nothing there; later they would undo what the source says.
func (p *parser) clear(command byte, name string) {
	if name != "" && p.chain(name) == nil || command == 'X' && IsBuiltin(p.table.Name, name) {
		p.problem(1, "-"+string(command), "table "+p.table.Name+" has no such user chain: "+Quote(name), "")
	}
	for _, c := range p.table.Chains {
		if name != "" && c.Name != name {
			continue
		}
		switch {
		case len(c.Rules) > 0:
			p.problem(1, "-"+string(command), "empties chain "+c.Name+", which has rules by now", "leave out the rules, or this line")
		case command == 'X' && c.Policy == "":
			p.problem(1, "-X", "deletes chain "+c.Name+", which was made just before", "leave out the chain, or this line")
		}
	}
}
