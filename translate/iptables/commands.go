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
	if len(words) > 0 && slices.Contains(programs, path.Base(words[0])) {
		p.problem(1, "", Quote(words[0])+" has no place in what iptables-restore reads", "leave the word out; of a script's commands, give what iptables-save prints after them")
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
	c := commandLine{letter: command, chain: name, args: args, cols: cols, counters: counters}
	if why := refused[command]; why != "" {
		p.problem(1, c.String(), why+", which a description of a rule set cannot do", "leave the line out, and write the rules that shall be there")
		return
	}
	if name == "" && strings.IndexByte("FXZ", command) < 0 {
		p.problem(1, c.String(), "needs a chain", "")
		return
	}
	if limit, ok := maxArgs[command]; ok && len(args) > limit {
		p.problem(cols[limit]-p.indent, c.String(), Quote(args[limit])+" is one word too many", "")
		return
	}
	switch command {
	case 'A':
		p.add(c)
	case 'I':
		p.insert(c)
	case 'D', 'C':
		p.remove(c)
	case 'R':
		p.replace(c)
	case 'N':
		p.userChain(name, 1, false)
	case 'P':
		p.policy(name, args)
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
