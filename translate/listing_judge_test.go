//go:build linux

package translate

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"rechain/nft/kernel/testlab"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// TestListings loads the rules of every case into iptables, legacy and nft, lists them, and reads the listings: the rules must be
// the same, or refused because a listing does not show all of a rule.
func TestListings(t *testing.T) {
	testlab.Programs(t, "iptables-legacy-restore", "ip6tables-legacy-restore", "iptables-nft-restore", "ip6tables-nft-restore")
	testlab.Users(t)
	for _, file := range caseFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			must(t, err)
			for _, f := range archive.Files {
				c, err := parseCase(f)
				must(t, err)
				if _, wrong := c.blocks["wrong"]; wrong || c.differs["iptables"] != "" {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					for _, family := range c.families {
						for _, variant := range []string{"legacy", "nft"} {
							c.playListing(t, family, variant)
						}
					}
				})
			}
		})
	}
}

// familyTool is the name of a program of iptables for a family.
func familyTool(f iptables.Family, variant, what string) string {
	name := "iptables-" + variant + what
	if f == iptables.IPv6 {
		name = "ip6tables-" + variant + what
	}
	return name
}

// playListing lists the case with one of the two programs, with and without -n.
func (c *testCase) playListing(t *testing.T, f iptables.Family, variant string) {
	t.Helper()
	lab := &site{ns: newNamespace(t)}
	if sets := c.ipsets(); sets != "" {
		testlab.Programs(t, "ipset")
		if out, err := lab.run(sets, "ipset", "restore"); err != nil {
			t.Fatal(out)
		}
	}
	if out, err := lab.run(c.dump(), familyTool(f, variant, "-restore")); err != nil {
		if variant == "legacy" {
			t.Fatal(out)
		}
		t.Logf("iptables-nft does not take it: %s", out)
		return
	}
	rs, err := c.parse(f)
	must(t, err)
	for _, table := range rs.Tables {
		if variant == "nft" { // which does not keep all that it is given
			saved, err := lab.output(familyTool(f, variant, "-save"), "-t", table.Name)
			must(t, err)
			one, err := iptables.Parse(strings.NewReader(saved), "saved", f, ext.Vocabulary)
			must(t, err)
			table = one.Tables[0]
		}
		for _, flags := range []string{"-vnxL", "-vL"} {
			lab.lists(t, f, table, variant, flags)
		}
	}
}

// lists lists a table that was loaded, and wants to read the same from it.
func (s *site) lists(t *testing.T, f iptables.Family, table *iptables.Table, variant, flags string) {
	t.Helper()
	var want, printed strings.Builder
	must(t, iptables.Print(&want, &iptables.Ruleset{Family: f, Tables: []*iptables.Table{table}}, iptables.PrintOptions{}))
	if variant == "nft" && strings.Contains(want.String(), "-m eui64") {
		return // of which iptables-nft lists nothing
	}
	out, err := s.output(familyTool(f, variant, ""), "-t", table.Name, flags)
	must(t, err)
	got, err := iptables.ParseListing(strings.NewReader(out), "listing", iptables.ListingOptions{Family: f, Table: table.Name}, ext.Vocabulary)
	if err != nil {
		if !notListed(err) {
			t.Errorf("%s %s: %v\n%s", variant, flags, err, out)
		}
		return
	}
	must(t, iptables.Print(&printed, got, iptables.PrintOptions{}))
	wanted := byChain(twice.ReplaceAllString(anyPort.ReplaceAllString(want.String(), "$1"), "$1 "))
	if d := cmp.Diff(declaring(want.String(), byChain(printed.String())), declaring(want.String(), wanted)); d != "" {
		t.Errorf("%s %s: read from the listing (-), and the rules (+):\n%s%s", variant, flags, d, out)
	}
}

// TestListedDumps does as TestListings with the dumps of the corpus.
func TestListedDumps(t *testing.T) {
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
			rs, err := iptables.Parse(strings.NewReader(string(data)), d.name, d.family, ext.Vocabulary)
			must(t, err)
			for _, table := range rs.Tables {
				lab.lists(t, d.family, table, "legacy", "-vnxL")
			}
		})
	}
}

// notListed says whether a listing is refused only because it does not show everything.
func notListed(err error) bool {
	for _, p := range err.(iptables.Problems) {
		if !notShown.MatchString(p.Msg) {
			return false
		}
	}
	return true
}

// notShown are the reasons to refuse a listing that are its own fault. Without -n it has names.
var notShown = regexp.MustCompile("^a listing does not show |^two comments |which only the host that it was written on can resolve")

// anyPort is no condition, which sctp and dccp save but do not list.
var anyPort = regexp.MustCompile("([^!]) --[sd]port 0:65535")

// twice are two matches that are listed as if they were one, which means the same.
var twice = regexp.MustCompile(`(-m conntrack --ctstate \S+) -m conntrack `)

// output is what a program writes to standard output.
func (s *site) output(command ...string) (string, error) {
	out, err := s.run("", append([]string{"sh", "-c", `exec "$@" 2>/dev/null`, "sh"}, command...)...)
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return out, err
}
