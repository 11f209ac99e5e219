//go:build linux

package twin

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// tracked are the files about what takes the data of later fragments for headers, and only to iptables, as their cases say. There is no
// such fragment there: a rule more tracks connections, but in cases that are about fragments.
var tracked = map[string]bool{"match_ipv6header": true, "match_tcpmss": true, "malformed": true, "target_ecn": true}

const tracking = "-A PREROUTING -m conntrack --ctstate INVALID"

// TestCases compares rechain with iptables-legacy on the rules of every extension's cases. What they look like is said in
// translate/cases_test.go; here only their rules count.
func TestCases(t *testing.T) {
	lab(t)
	files, err := filepath.Glob("../../translate/ext/*.txtar")
	must(t, err)
	more, err := filepath.Glob("../../translate/testdata/*.txtar")
	must(t, err)
	n := setting(t, "RECHAIN_PROBES", 30)
	for _, file := range append(files, more...) {
		archive, err := txtar.ParseFile(file)
		must(t, err)
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			for i, f := range archive.Files {
				dumps := caseDumps(f.Name, string(f.Data), tracked[name])
				if sample() && len(dumps) == 2 { // one family or the other
					dumps = dumps[i%2:][:1]
				}
				for _, d := range dumps {
					t.Run(d.name, func(t *testing.T) {
						t.Parallel()
						d.settle()
						j := judge(t, d, n)
						t.Logf("%d of %d rules took a packet", j.taken, j.rules)
					})
				}
			}
		})
	}
}

// builtins are the chains of each table.
var builtins = map[string][]string{
	"raw": {"PREROUTING", "OUTPUT"}, "mangle": {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"},
	"nat": {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}, "filter": {"INPUT", "FORWARD", "OUTPUT"}, "security": {"INPUT", "FORWARD", "OUTPUT"},
}

// caseDumps are the dumps of a case, one for each family. Cases about what is no rule, and those that differ from iptables, which say
// why, have none.
func caseDumps(name, text string, track bool) []*dump {
	table, families, malformed := "filter", []string(nil), false
	if words, _, ok := strings.Cut(name, ":"); ok {
		for w := range strings.FieldsSeq(words) {
			switch {
			case w == "ip", w == "ip6":
				families = append(families, w)
			case w == "inet":
				families = []string{"ip", "ip6"}
			case builtins[w] != nil:
				table = w
			case w == "malformed":
				malformed = true
			case w == "plain":
				track = false
			}
		}
	}
	if families == nil {
		families = []string{"ip"}
	}
	var rules, sets []string
	open := false
	begin := func(name string) {
		if open {
			rules = append(rules, "COMMIT")
		}
		open = true
		rules = append(rules, "*"+name)
		for _, chain := range builtins[name] {
			rules = append(rules, ":"+chain+" ACCEPT [0:0]")
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if slices.Contains([]string{"saves:", "refused:", "lossy:", "nft:", "table:", "packets:", "saves ip6:"}, line) || strings.HasPrefix(line, "differs ") {
			break
		}
		switch {
		case line == "", line[0] == '#':
		case strings.HasPrefix(line, "create "), strings.HasPrefix(line, "add "):
			sets = append(sets, line)
		case line[0] == '*':
			begin(line[1:])
		default:
			if !open {
				begin(table)
			}
			if f := strings.Fields(line); line[0] == ':' {
				line = f[0] + " " + append(f, "-")[1] + " [0:0]"
			}
			rules = append(rules, line)
		}
	}
	if strings.Contains(text, "\ndiffers iptables") || strings.Contains(text, "\ndiffers packets") || strings.Contains(text, "\nwrong:\n") || !open {
		return nil
	}
	if track {
		begin("raw")
		rules = append(rules, tracking)
	}
	var out []*dump
	for _, f := range families {
		d := &dump{name: f + " " + name, v6: f == "ip6", text: strings.Join(rules, "\n") + "\nCOMMIT\n", malformed: malformed}
		d.maySkip = strings.Contains(text, "\nrefused")
		if len(sets) > 0 {
			d.ipsets = strings.Join(sets, "\n") + "\n"
		}
		out = append(out, d)
	}
	return out
}
