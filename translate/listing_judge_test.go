//go:build linux

package translate

import (
	"fmt"
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
		var want strings.Builder
		one := &iptables.Ruleset{Family: f, Tables: []*iptables.Table{table}}
		if variant == "nft" { // which does not keep all that it is given
			saved, err := lab.output(familyTool(f, variant, "-save"), "-t", table.Name)
			must(t, err)
			one, err = iptables.Parse(strings.NewReader(saved), "saved", f, ext.Vocabulary)
			must(t, err)
		}
		must(t, iptables.Print(&want, one, iptables.PrintOptions{}))
		for _, flags := range []string{"-vnxL", "-vL"} {
			out, err := lab.output(familyTool(f, variant, ""), "-t", table.Name, flags)
			must(t, err)
			got, err := iptables.ParseListing(strings.NewReader(out), "listing", iptables.ListingOptions{Family: f, Table: table.Name}, ext.Vocabulary)
			if err != nil {
				if !notListed(err) {
					t.Errorf("%s %s: %v\n%s", variant, flags, err, out)
				}
				continue
			}
			var printed strings.Builder
			must(t, iptables.Print(&printed, got, iptables.PrintOptions{}))
			if variant == "nft" && strings.Contains(want.String(), "-m eui64") {
				continue // of which iptables-nft lists nothing
			}
			wanted := byChain(anyPort.ReplaceAllString(want.String(), "$1"))
			if d := cmp.Diff(declaring(printed.String(), byChain(printed.String())), declaring(printed.String(), wanted)); d != "" {
				t.Errorf("%s %s: read from the listing (-), and the rules (+):\n%s%s", variant, flags, d, out)
			}
		}
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

// output is what a program writes to standard output.
func (s *site) output(command ...string) (string, error) {
	out, err := s.run("", append([]string{"sh", "-c", `exec "$@" 2>/dev/null`, "sh"}, command...)...)
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return out, err
}
