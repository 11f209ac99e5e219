package iptables

import (
	"path"
	"slices"
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
var refused = map[byte]string{'L': "only lists rules", 'S': "only lists rules", 'E': "renames a chain"}

// maxArgs is how many words may follow a command and its chain, unless a rule follows.
var maxArgs = map[byte]int{'N': 0, 'P': 1, 'F': 0, 'X': 0, 'Z': 1}

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

// programs are the words with which lines of shell scripts begin.
var programs = []string{"iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy", "iptables-nft", "ip6tables-nft", "sudo"}

// command does what a line says that iptables takes as its arguments, with "[packets:bytes]" before it or not.
func (p *parser) command(line string) {
	if c, ok := p.read(line); ok {
		p.run(c)
	}
}

// read takes a command apart. It is false where there is none, which is reported, or where it is for the other family. The words are
// valid until the next line is read.
func (p *parser) read(line string) (c commandLine, ok bool) {
	skip := 0
	c.line = line
	if line != "" && line[0] == '[' {
		end := strings.IndexByte(line, ']') + 1
		if c.counters, ok = bracketed(line[:end]); !ok {
			p.problem(1, "", "the line begins with [, but not with [PACKETS:BYTES]", "")
			return c, false
		}
		skip = end
	}
	words, offsets, open := splitWords(line[skip:], p.words[:0], p.offsets[:0])
	p.words, p.offsets = words, offsets
	if open >= 0 {
		p.problem(skip+open+1, "", "the quote is not closed", "")
		return c, false
	}
	for i := range offsets {
		offsets[i] += skip + p.indent + 1 // columns from here on
	}
	if p.otherFamily(words) {
		return c, false
	}
	if len(words) > 0 && slices.Contains(programs, path.Base(words[0])) {
		p.problem(1, "", Quote(words[0])+" has no place in what iptables-restore reads", "leave the word out; of a script's commands, give what iptables-save prints after them")
		return c, false
	}
	at := slices.IndexFunc(words, func(w string) bool { c, _ := commandOf(w); return c != 0 })
	if at < 0 {
		p.problem(1, "", "there is no command in this line, such as -A CHAIN", "")
		return c, false
	}
	c.letter, c.chain = commandOf(words[at])
	c.args, c.cols = words[at+1:], offsets[at+1:]
	if c.chain == "" && len(c.args) > 0 && (!strings.HasPrefix(c.args[0], "-") || c.letter == 'N') {
		c.chain, c.args, c.cols = c.args[0], c.args[1:], c.cols[1:]
	}
	if at > 0 { // the rule begins before its command
		c.args = slices.Concat(words[:at], c.args)
		c.cols = slices.Concat(offsets[:at], c.cols)
	}
	return c, true
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

// run executes a command.
func (p *parser) run(c commandLine) {
	if c.letter == 'A' && c.chain != "" { // as nearly all are
		p.add(c)
		return
	}
	if why := refused[c.letter]; why != "" {
		p.problem(1, c.String(), why+", which a description of a rule set cannot do", "leave the line out, and write the rules that shall be there")
		return
	}
	if c.chain == "" && strings.IndexByte("FXZ", c.letter) < 0 {
		p.problem(1, c.String(), "needs a chain", "")
		return
	}
	if limit, ok := maxArgs[c.letter]; ok && len(c.args) > limit {
		p.problem(c.cols[limit]-p.indent, c.String(), Quote(c.args[limit])+" is one word too many", "")
		return
	}
	switch c.letter {
	case 'I':
		p.insert(c)
	case 'D', 'C':
		p.remove(c)
	case 'R':
		p.replace(c)
	case 'N':
		p.userChain(c.chain, 1, false)
	case 'P':
		p.policy(c.chain, c.args)
	case 'F':
		p.flush(c)
	case 'X':
		p.deleteChain(c)
	case 'Z':
		p.zero(c)
	}
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
