//go:build linux

package translate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rechain/nft/kernel/testlab"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// upstreamEnv names the folder extensions/ of iptables' source, whose .t files are its own tests. They are not part of this project.
const upstreamEnv = "RECHAIN_IPTABLES_TESTS"

// upstreamLine is a line of such a file: "RULE;SAVED;OK" or "RULE;;FAIL", where "=" says that it is saved as given.
type upstreamLine struct {
	at          string // file and line
	table       string
	chain       string
	rule, saved string
	ok          bool
	before      []string // rules that this one needs
}

// upstreamFamilies are the families that a file is for, by the beginning of its name.
var upstreamFamilies = map[string][]iptables.Family{
	"libxt_":  {iptables.IPv4, iptables.IPv6},
	"libipt_": {iptables.IPv4}, "iptables.t": {iptables.IPv4},
	"libip6t_": {iptables.IPv6},
}

// upstreamLines reads a file. Each line stands for several: one for each of the chains that the file names last before it.
func upstreamLines(t *testing.T, file string) []upstreamLine {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	table, chains := "filter", []string{}
	var before []string
	var lines []upstreamLine
	number := 0
	for text := range strings.Lines(string(data)) {
		number++
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		switch text[0] {
		case '@': // a command of another program
		case ':':
			chains = strings.Split(text[1:], ",")
		case '*':
			table = text[1:]
		case '%':
			if rule, ok := strings.CutPrefix(text, "%iptables -I "); ok {
				before = append(before, "-A "+rule)
			}
		default:
			fields := strings.Split(text, ";")
			l := upstreamLine{at: fmt.Sprintf("%s:%d", filepath.Base(file), number), table: table,
				rule: fields[0], saved: fields[1], ok: fields[2] == "OK", before: slices.Clone(before)}
			if len(fields) > 3 && fields[3] == "LEGACY" { // what follows is for iptables-legacy
				switch {
				case len(fields) > 4 && fields[4] == "NOMATCH":
					l.saved = ""
				case !l.ok:
					continue
				case len(fields) > 4:
					l.saved = fields[4]
				}
			}
			if l.saved == "=" {
				l.saved = l.rule
			}
			for _, l.chain = range chains {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

func (l *upstreamLine) dump() string {
	var b strings.Builder
	b.WriteString("*" + l.table + "\n")
	for _, c := range iptables.Builtin(l.table) {
		b.WriteString(":" + c + " ACCEPT [0:0]\n")
	}
	for _, r := range l.before {
		b.WriteString(r + "\n")
	}
	fmt.Fprintf(&b, "-A %s %s\nCOMMIT\n", l.chain, l.rule)
	return b.String()
}

// TestUpstream holds parser, printer and translation against iptables' own tests of its extensions, and against the iptables-legacy
// of this machine, which has the last word where it is of another version.
func TestUpstream(t *testing.T) {
	dir := os.Getenv(upstreamEnv)
	if dir == "" {
		t.Skipf("%s does not name the folder extensions/ of iptables' source", upstreamEnv)
	}
	testlab.Programs(t, "iptables-legacy-restore", "ip6tables-legacy-restore")
	testlab.Users(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.t"))
	must(t, err)
	played := 0
	for _, file := range files {
		name := filepath.Base(file)
		for prefix, families := range upstreamFamilies {
			if !strings.HasPrefix(name, prefix) {
				continue
			}
			played++
			t.Run(strings.TrimSuffix(name, ".t"), func(t *testing.T) {
				t.Parallel()
				lab := &site{ns: newNamespace(t)}
				for _, l := range upstreamLines(t, file) {
					for _, f := range families {
						l.play(t, lab, f)
					}
				}
			})
		}
	}
	if played == 0 {
		t.Errorf("%s has no files like libxt_*.t", dir)
	}
}

// play plays a line for a family.
func (l *upstreamLine) play(t *testing.T, lab *site, f iptables.Family) {
	report := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: IPv%d %s %s: %s\n\t%s", l.at, f, l.table, l.chain, l.rule, fmt.Sprintf(format, args...))
	}
	dump := l.dump()
	saved, refused := lab.saved(f, l.table, dump)
	if refused != nil && l.ok {
		t.Logf("%s: IPv%d %s: is right, but this iptables or kernel does not take it: %v", l.at, f, l.rule, refused)
	}
	rs, err := iptables.Parse(strings.NewReader(dump), "t", f, ext.Vocabulary)
	if err != nil {
		switch {
		case !l.ok || upstreamDisputed[l.rule] != "":
		case refused == nil:
			report("iptables takes it, we do not: %v", err)
		case refused.byKernel:
			report("we do not take it, but it is right: %v", err)
		}
		checkReasons(report, l.rule, err)
		return
	}
	wanted := "-A " + l.chain + " " + l.saved
	switch printed := lastRule(rs, l.chain); {
	case !l.ok || printed == wanted && l.saved != "":
	case refused == nil && printed != saved:
		report("we print\n\t%s\n\tand iptables-save\n\t%s", printed, saved)
	case refused != nil && l.saved != "":
		report("we print\n\t%s\n\tand its author wants\n\t%s", printed, wanted)
	}
	sets := map[iptables.Family]*iptables.Ruleset{f: rs}
	_, translation := Ruleset(sets[iptables.IPv4], sets[iptables.IPv6], Options{})
	for _, p := range translation.Problems {
		checkReasons(report, l.rule, iptables.Problems{p.Problem})
	}
	switch {
	case l.ok || len(translation.Refused()) > 0 || upstreamDisputed[l.rule] != "":
	case refused == nil:
		t.Logf("%s: IPv%d %s: should be refused, but this iptables takes it", l.at, f, l.rule)
	default:
		report("we take it, iptables does not: %v", refused)
	}
}

// upstreamDisputed are the rules where we do something else than their author wants, on purpose.
var upstreamDisputed = map[string]string{
	"-m nfacct --nfacct-name wrong": "nobody created that account, which a rule does not show",
	"-j NFQUEUE --queue-balance :":  "iptables 1.8.9 takes it for 65536 queues, which the kernel refuses, and later ones for 65535",
}

// checkReasons wants each problem to say what it is about, by the extension or option, or by a word that is none, and what is wrong.
func checkReasons(report func(string, ...any), rule string, err error) {
	var problems iptables.Problems
	if !errors.As(err, &problems) {
		report("%v is not a list of problems", err)
	}
	for _, p := range problems {
		named := p.Ext != "" || slices.ContainsFunc(strings.Fields(rule), func(w string) bool { return strings.Contains(p.Msg, w) })
		if p.Msg == "" || !named {
			report("a problem that does not say of what, or what it is: %v", p)
		}
	}
}

// refusal is why iptables-restore does not take a dump: its own words are wrong, or the kernel says no.
type refusal struct {
	why      string
	byKernel bool
}

func (r *refusal) String() string { return r.why }

// saved loads a table into iptables-legacy and returns the last rule that it then has.
func (s *site) saved(f iptables.Family, table, dump string) (string, *refusal) {
	if out, err := s.run(dump, legacyTool(f, "restore")); err != nil {
		out = strings.TrimSpace(out)
		return "", &refusal{out, !strings.Contains(out, "(legacy)") || strings.Contains(out, "missing kernel module")}
	}
	out, err := s.run("", legacyTool(f, "save"), "-t", table)
	if err != nil {
		return "", &refusal{out, true}
	}
	last := ""
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "-A") {
			last = strings.TrimSpace(line)
		}
	}
	return last, nil
}

// lastRule is the last rule of a chain as we print it.
func lastRule(rs *iptables.Ruleset, chain string) string {
	rules := rs.Tables[0].Chain(chain).Rules
	return "-A " + chain + " " + rules[len(rules)-1].String()
}
