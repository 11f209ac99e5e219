package redirect

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"rechain/translate/iptables"
)

// WriteRestore writes what Istio's iptables backend gives to "iptables-restore --noflush", or ip6tables-restore, for the family:
// byte for byte, groups as they were given (but by number where the name would not be one word). It writes nothing for a family
// that is off.
func (p *Plan) WriteRestore(w io.Writer, f iptables.Family) error {
	lines := p.build(f, func(g Group) string {
		if oneWord(g.Given) {
			return g.Given
		}
		return fmt.Sprint(g.GID)
	})
	var b strings.Builder
	for _, table := range tables(lines) {
		fmt.Fprintf(&b, "* %s\n", table)
		rules := ofTable(lines, table)
		_, user := chains(rules)
		for _, chain := range user {
			fmt.Fprintf(&b, "-N %s\n", chain)
		}
		for _, l := range rules {
			fmt.Fprintln(&b, l)
		}
		b.WriteString("COMMIT\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// oneWord says whether a name is one that iptables-restore takes as it is. A directory service may know groups such as "domain users".
func oneWord(name string) bool {
	return name != "" && strings.Trim(name[:1], nameStart) == "" && strings.Trim(name, nameStart+"$-") == ""
}

const (
	letters   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	nameStart = letters + "0123456789_."
)

// String prints the line as iptables-restore takes it.
func (l Line) String() string {
	head := "-A " + l.Chain
	if l.Insert > 0 {
		head = fmt.Sprintf("-I %s %d", l.Chain, l.Insert)
	}
	return head + " " + strings.Join(l.Words, " ")
}

// tables are the tables of the lines, in their order.
func tables(lines []Line) []string {
	names := make([]string, len(lines))
	for i, l := range lines {
		names[i] = l.Table
	}
	return slices.Compact(names)
}

func ofTable(lines []Line, table string) []Line {
	var of []Line
	for _, l := range lines {
		if l.Table == table {
			of = append(of, l)
		}
	}
	return of
}

// chains are the chains that have rules in one table's lines: built-in ones in the order in which a packet meets them, and those
// that must be made in the order of their first rules. Every chain that a rule jumps to has rules.
func chains(lines []Line) (builtin, user []string) {
	has := map[string]bool{}
	for _, l := range lines {
		if !has[l.Chain] && !iptables.IsBuiltin(l.Table, l.Chain) {
			user = append(user, l.Chain)
		}
		has[l.Chain] = true
	}
	for _, c := range iptables.Builtin(lines[0].Table) {
		if has[c] {
			builtin = append(builtin, c)
		}
	}
	return builtin, user
}
