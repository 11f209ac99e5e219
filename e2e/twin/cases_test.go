//go:build linux

package twin

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// known are the files whose packets are known to differ, and why. Their differences are told, and do not fail the test.
var known = map[string]string{
	"match_cgroup":     "the kernel's xt_cgroup does not see the class of a SYN-ACK, which belongs to a connection request; nftables looks at the listening socket",
	"target_ecn":       "the kernel's xt_ECN writes its flags into the data of later fragments, taking it for a TCP header",
	"match_ipv6header": "the kernel's xt_ipv6header takes the data of later fragments for the headers that the first one has; nftables sees none there",
	"match_tcpmss":     laterFragments,
	"malformed":        laterFragments,
	"target_tcpmss":    "the kernel's nft_rt takes 536 for the segment size of a route whose MTU is above 65535, as that of lo is in IPv6 (get_tcpmss)",
}

const laterFragments = "the kernel's xt_tcpmss takes the data of later fragments for a TCP header, and drops what does not look like one"

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
				dumps := caseDumps(f.Name, string(f.Data))
				if sample() && len(dumps) == 2 { // one family or the other
					dumps = dumps[i%2:][:1]
				}
				for _, d := range dumps {
					t.Run(d.name, func(t *testing.T) {
						t.Parallel()
						d.known = known[name]
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
func caseDumps(name, text string) []*dump {
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
