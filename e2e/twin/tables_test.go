//go:build linux

package twin

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// rule is a rule as iptables-save prints it.
type rule struct {
	line   string
	table  string
	chain  string
	words  []condition
	target string
	args   map[string]string // of the target, by option
	jumps  bool              // by -g
	conds  []cond            // what conditions.go makes of the words
}

// condition is an option of a match, or of the rule itself, when ext is "".
type condition struct {
	ext  string
	neg  bool
	name string
	args []string
}

// tables are what a dump says, as iptables-save prints it after iptables-restore has read it.
type tables struct {
	v6      bool
	names   []string
	rules   map[string][]*rule  // by table and chain, as in "filter INPUT"
	policy  map[string]string   // of built-in chains
	chains  map[string][]string // by table
	all     []*rule
	members map[string][]string // of ipsets
	made    *shape
	callers map[string][]*rule // by table and chain: the rules that jump there
}

// scribe loads the dump where nobody sees it, and reads it back.
func (d *dump) scribe(t testing.TB) (*tables, error) {
	t.Helper()
	s := newSite(t)
	defer s.close()
	if err := d.loadLegacy(s); err != nil {
		return nil, err
	}
	text, err := s.run("", d.tool("save"))
	must(t, err)
	out := &tables{v6: d.v6, rules: map[string][]*rule{}, policy: map[string]string{}, chains: map[string][]string{}, members: map[string][]string{}}
	table := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table = line[1:]
			out.names = append(out.names, table)
		case strings.HasPrefix(line, ":"):
			f := words(line)
			out.chains[table] = append(out.chains[table], f[0][1:])
			if f[1] != "-" {
				out.policy[table+" "+f[0][1:]] = f[1]
			}
		case strings.HasPrefix(line, "-A"):
			r := readRule(table, line)
			out.rules[table+" "+r.chain] = append(out.rules[table+" "+r.chain], r)
			out.all = append(out.all, r)
		}
	}
	if d.ipsets != "" {
		sets, err := s.run("", "ipset", "save")
		must(t, err)
		for line := range strings.Lines(sets) {
			if w := words(line); len(w) >= 3 && w[0] == "add" {
				out.members[w[1]] = append(out.members[w[1]], w[2])
			}
		}
	}
	for _, r := range out.all {
		r.conds = out.conditions(r)
	}
	return out, nil
}

// wordy is the dump with rules that tell what they take, whatever their targets do: a rule without a target gets one that logs the
// rule's number, and another comes twice, first with such a target. That changes how chains have to be split, so often says which
// share of them does.
func (t *tables) wordy(d *dump, often float64, rnd *rand.Rand) *dump {
	var b strings.Builder
	for _, table := range t.names {
		fmt.Fprintf(&b, "*%s\n", table)
		for _, c := range t.chains[table] {
			fmt.Fprintf(&b, ":%s %s [0:0]\n", quoted(c), cmp.Or(t.policy[table+" "+c], "-"))
		}
		for n, r := range t.all {
			if r.table != table {
				continue
			}
			conds := r.line
			if r.target != "" {
				conds = r.line[:strings.LastIndex(r.line, map[bool]string{false: " -j ", true: " -g "}[r.jumps]+quoted(r.target))]
			}
			if r.target == "" || rnd.Float64() < often {
				fmt.Fprintf(&b, "%s -j NFLOG --nflog-group %d --nflog-prefix \"rule %d\"\n", conds, numbered, n)
			}
			if r.target != "" {
				b.WriteString(r.line + "\n")
			}
		}
		b.WriteString("COMMIT\n")
	}
	other := *d
	other.text = b.String()
	return &other
}

// quoted is a name as iptables-save prints it.
func quoted(name string) string {
	if strings.Contains(name, " ") {
		return `"` + name + `"`
	}
	return name
}

// readRule reads a line "-A CHAIN …". An option's arguments go to the next word that begins with "-" or is "!".
func readRule(table, line string) *rule {
	r := &rule{line: line, table: table, args: map[string]string{}}
	ext, neg := "", false
	w := words(line)
	for i := 0; i < len(w); {
		name := w[i]
		if i++; name == "!" {
			neg = true
			continue
		}
		from := i
		for i < len(w) && !strings.HasPrefix(w[i], "-") && w[i] != "!" {
			i++
		}
		args := w[from:i]
		switch {
		case name == "-A":
			r.chain = args[0]
		case name == "-m":
			ext = args[0]
		case name == "-j", name == "-g":
			r.target, r.jumps = args[0], name == "-g"
		case r.target != "":
			r.args[name] = strings.Join(args, " ")
		default:
			r.words = append(r.words, condition{ext, neg, name, args})
		}
		neg = false
	}
	return r
}

// words splits a line as iptables-restore does: in quotes a blank is part of a word.
func words(line string) []string {
	var out []string
	var b strings.Builder
	quoted, any := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && quoted && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		case c == '"':
			quoted, any = !quoted, true
		case (c == ' ' || c == '\n') && !quoted:
			if any || b.Len() > 0 {
				out = append(out, b.String())
			}
			b.Reset()
			any = false
		default:
			b.WriteByte(c)
		}
	}
	if any || b.Len() > 0 {
		out = append(out, b.String())
	}
	return out
}

// has says whether any rule has a target of these.
func (t *tables) has(targets ...string) bool {
	return slices.ContainsFunc(t.all, func(r *rule) bool { return slices.Contains(targets, r.target) })
}
