package iptables

import (
	"io"
	"slices"
	"strconv"
	"strings"
)

// ListingOptions say what a listing leaves open. Family 0 lets its addresses and protocols tell, IPv4 if they fit both. Table ""
// lets the built-in chains and targets tell; see Guessed in [Table].
type ListingOptions struct {
	Family Family
	Table  string
}

// ParseListing reads what "iptables -L -v" and "ip6tables -L -v" print, with -n, -x and --line-numbers or without: one table, or
// several one after the other. People's comments are left out: lines that begin with #, and what follows a word that begins with #
// where iptables prints nothing more. Counters with K, M, G or T are rounded as they are printed.
//
// Without -v a listing does not show interfaces, and is refused. So are names of hosts, users and groups, which only the host that
// they were printed on can resolve, but for those of the loopback.
//
// The error is [Problems], all of them, unless reading fails. Then there is no rule set.
func ParseListing(r io.Reader, file string, opt ListingOptions, vocab Vocabulary) (*Ruleset, error) {
	text, err := readAll(r, file)
	if err != nil {
		return nil, err
	}
	text = strings.NewReplacer("\x00 ", " ", "\x00\n", "\n").Replace(text) // iptables 1.8.9 ends the program of a bpf match so
	if opt.Family == 0 {
		opt.Family = familyOf(text)
	}
	p := &listingParser{source: newSource(file), opt: opt, vocab: vocab, matches: vocab.Matches(opt.Family)}
	p.lines(text, p.parseLine)
	rs := p.finish()
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	return rs, nil
}

// listingParser reads a listing line by line. Rules are read at the end, since their table may show only then.
type listingParser struct {
	source
	opt     ListingOptions
	vocab   Vocabulary
	matches []*Extension

	groups  []*listedTable // a group is what will be a table
	chain   *listedChain
	columns columns
	terse   bool // a listing without -v was reported
	rule    ruleParser
}

// listedTable are the chains of one table.
type listedTable struct{ chains []*listedChain }

type listedChain struct {
	Chain
	references int
	rows       []row
}

// columns are those that differ between listings.
type columns struct{ header, numbers, counters bool }

func (p *listingParser) parseLine(line string) {
	switch {
	case strings.HasPrefix(line, "Chain "):
		p.chainLine(line)
	case p.chain == nil:
		p.problem(1, "", "this stands before any \"Chain NAME (…)\" line", "is it the output of iptables -L -v?")
	case isHeader(line):
		p.header(line)
	case !p.columns.header:
		p.problem(1, "", "a line with the columns' names is expected here: \"pkts bytes target prot opt in out source destination\"", "")
	case p.terse:
	default:
		p.row(line)
	}
}

// chainLine reads "Chain NAME (policy ACCEPT 5 packets, 6 bytes)" or "Chain NAME (1 references)".
func (p *listingParser) chainLine(line string) {
	name, rest, _ := strings.Cut(line[len("Chain "):], " (")
	if i := strings.IndexByte(rest, ')'); i >= 0 {
		if tail := strings.TrimSpace(rest[i+1:]); tail != "" && tail[0] != '#' {
			p.problem(1, name, Quote(tail)+" follows the chain's line", "")
		}
		rest = rest[:i]
	} else {
		rest = ""
	}
	c := &listedChain{Chain: Chain{Name: name, Pos: p.pos(1)}, references: -1}
	words := strings.Fields(rest)
	switch {
	case len(words) == 2 && words[1] == "references":
		n, err := strconv.Atoi(words[0])
		if err != nil {
			p.problem(1, name, Quote(words[0])+" is not a number of references", "")
		}
		c.references = n
	case len(words) == 2 && words[0] == "policy" && policies[words[1]]:
		c.Policy = words[1]
	case len(words) == 6 && words[0] == "policy" && policies[words[1]] && words[3] == "packets," && words[5] == "bytes":
		c.Policy = words[1]
		var ok bool
		if c.Counters, ok = listedCounters(words[2], words[4]); !ok {
			p.problem(1, name, "the policy's counters are not numbers", "")
		}
	default:
		p.problem(1, name, "the chain's line does not say (policy …) or (… references)", "")
	}
	p.chain, p.columns = c, columns{}
	// A chain that was there already begins the listing of another table.
	if n := len(p.groups); n == 0 || p.groups[n-1].chain(name) != nil {
		p.groups = append(p.groups, &listedTable{})
	}
	g := p.groups[len(p.groups)-1]
	g.chains = append(g.chains, c)
}

func (g *listedTable) chain(name string) *listedChain {
	if i := slices.IndexFunc(g.chains, func(c *listedChain) bool { return c.Name == name }); i >= 0 {
		return g.chains[i]
	}
	return nil
}

func isHeader(line string) bool {
	words := strings.Fields(line)
	return slices.Contains(words, "target") && slices.Contains(words, "prot") && slices.Contains(words, "source")
}

func (p *listingParser) header(line string) {
	words := strings.Fields(line)
	p.columns = columns{header: true, numbers: words[0] == "num", counters: slices.Contains(words, "pkts")}
	if (!slices.Contains(words, "in") || !p.columns.counters) && !p.terse {
		p.terse = true
		p.problem(1, "", "the listing lacks the interfaces, so that its rules are not known", "list again with iptables -L -v -n")
	}
}

// listedCounters reads numbers that may be rounded to thousands (xtables_print_num).
func listedCounters(packets, bytes string) (*Counters, bool) {
	n, ok1 := listedNumber(packets)
	b, ok2 := listedNumber(bytes)
	return &Counters{n, b}, ok1 && ok2
}

func listedNumber(w string) (uint64, bool) {
	scale := uint64(1)
	if w != "" {
		if i := strings.IndexByte("KMGT", w[len(w)-1]); i >= 0 {
			w = w[:len(w)-1]
			for range i + 1 {
				scale *= 1000
			}
		}
	}
	n, err := strconv.ParseUint(w, 10, 64)
	return n * scale, err == nil && n <= ^uint64(0)/scale
}
