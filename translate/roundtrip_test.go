//go:build linux

package translate

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rechain/nft/kernel/testlab"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// corpusDir has rule sets that people and programs made, if it is there. INDEX.tsv says of each what it needs.
const corpusDir = "../../shared/corpus"

// dumpFile is a dump of the corpus.
type dumpFile struct {
	name   string
	family iptables.Family
	sets   string // what ipset restores before
}

// corpusDumps are the dumps of the corpus.
func corpusDumps(t *testing.T) []dumpFile {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(corpusDir, "INDEX.tsv"))
	if err != nil {
		t.Skipf("no collection of dumps in %s", corpusDir)
	}
	var header []string
	var dumps []dumpFile
	for line := range strings.Lines(string(index)) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if header == nil {
			header = fields
			continue
		}
		column := func(name string) string {
			if i := slices.Index(header, name); i < len(fields) {
				return strings.Trim(fields[i], `"`)
			}
			return ""
		}
		if column("kind") == "ipset" {
			continue
		}
		d := dumpFile{name: column("file"), family: iptables.IPv4}
		if column("family") == "v6" {
			d.family = iptables.IPv6
		}
		d.sets = neededSets(t, d.family, column("ipsets_needed"), column("companion_ipset"))
		dumps = append(dumps, d)
	}
	return dumps
}

// neededSet is one in the index: NAME(DIRECTIONS;guessed TYPE).
var neededSet = regexp.MustCompile(`(\S+)\([^;)]*;guessed ([^)]*)\)`)

// neededSets are the sets of a file, and empty ones of those types that the index thinks likely.
func neededSets(t *testing.T, f iptables.Family, needed, file string) string {
	t.Helper()
	var b strings.Builder
	if file != "" {
		data, err := os.ReadFile(filepath.Join(corpusDir, file))
		must(t, err)
		b.Write(data)
		b.WriteByte('\n')
	}
	for _, m := range neededSet.FindAllStringSubmatch(needed, -1) {
		family := "inet"
		if f == iptables.IPv6 {
			family += "6"
		}
		fmt.Fprintf(&b, "create -exist %s %s family %s\n", m[1], m[2], family)
	}
	return b.String()
}

// legacySite is a namespace where iptables-legacy has taken a dump; nil, and why, when it does not take it.
func (d *dumpFile) legacySite(t *testing.T, dump string) (*site, string) {
	t.Helper()
	lab := &site{ns: newNamespace(t)}
	if d.sets != "" {
		testlab.Programs(t, "ipset")
		if out, err := lab.run(d.sets, "ipset", "-exist", "restore"); err != nil {
			return nil, out
		}
	}
	if out, err := lab.run(dump, legacyTool(d.family, "restore"), "-c"); err != nil {
		return nil, out
	}
	return lab, ""
}

// TestRoundTrip reads what iptables-save prints of dumps, and prints it: byte by byte the same. The dumps themselves, as their
// authors wrote them, we print as iptables-save prints them.
func TestRoundTrip(t *testing.T) {
	testlab.Programs(t, "iptables-legacy-restore", "ip6tables-legacy-restore")
	testlab.Users(t)
	for _, d := range corpusDumps(t) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(filepath.Join(corpusDir, d.name))
			must(t, err)
			lab, refused := d.legacySite(t, string(data))
			if lab == nil {
				t.Skipf("iptables-legacy does not take it: %s", refused)
			}
			out, err := lab.run("", legacyTool(d.family, "save"), "-c")
			must(t, err)
			saved := uncommented(out)
			if d := cmp.Diff(strings.Split(saved, "\n"), strings.Split(reprinted(t, d.family, saved), "\n")); d != "" {
				t.Errorf("iptables-save's print (-) and ours of it (+):\n%s", d)
			}
			for name, table := range tablesOf(reprinted(t, d.family, string(data))) {
				if d := cmp.Diff(declaring(table, byChain(tablesOf(saved)[name])), byChain(table)); d != "" {
					t.Errorf("iptables-save (-) and we (+) print the dump:\n%s", d)
				}
			}
		})
	}
}

// reprinted is our print of a dump.
func reprinted(t *testing.T, f iptables.Family, dump string) string {
	t.Helper()
	rs, err := iptables.Parse(strings.NewReader(dump), "dump", f, ext.Vocabulary)
	must(t, err)
	var b strings.Builder
	must(t, iptables.Print(&b, rs, iptables.PrintOptions{Counters: true}))
	return b.String()
}

func uncommented(dump string) string {
	var b strings.Builder
	for line := range strings.Lines(dump) {
		if line[0] != '#' {
			b.WriteString(line)
		}
	}
	return b.String()
}

// tablesOf parts a dump by its tables.
func tablesOf(dump string) map[string]string {
	tables, name := map[string]string{}, ""
	for line := range strings.Lines(dump) {
		if line[0] == '*' {
			name = strings.TrimSpace(line[1:])
		}
		tables[name] += line
	}
	return tables
}

// declaring are the lines of a table without the built-in chains that another text of it does not name, where they do nothing: a
// kernel has all of them.
func declaring(text string, lines []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool {
		return line[0] == ':' && strings.HasSuffix(line, " ACCEPT") && !strings.Contains(text, "\n"+line+" ")
	})
}
