//go:build linux

package translate

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"rechain/nft"
	nftcompare "rechain/nft/compare"
	nftmeaning "rechain/nft/meaning"
	"rechain/nft/packet"
	"rechain/translate/ext"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// TestProveCases proves each case that is translated exactly, and shows that those that are not differ.
func TestProveCases(t *testing.T) {
	for _, file := range caseFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			must(t, err)
			for _, f := range archive.Files {
				c, err := parseCase(f)
				must(t, err)
				if _, wrong := c.blocks["wrong"]; wrong {
					continue
				}
				t.Run(c.name, func(t *testing.T) { c.prove(t, name) })
			}
		})
	}
}

// prove compares what the case's rules say with what their translation does: all together, and each rule that has no target by itself with one.
func (c *testCase) prove(t *testing.T, file string) {
	known := unproved[file+"/"+c.name]
	differs := false // some translation that is lossy
	lossy := false
	for _, dump := range append([]string{c.dump()}, c.dropping()...) {
		for _, p := range c.proofs(t, dump) {
			functions := p.compare(t)
			same := nftcompare.Same(functions)
			lossy = lossy || p.lossy
			differs = differs || p.lossy && !same
			if !p.lossy && !same && known == "" {
				t.Errorf("%v: %s\n%s", p.family, dump, differences(functions))
			}
			if !p.lossy && !same {
				known += " "
			}
		}
	}
	switch {
	case lossy && !differs && known == "":
		t.Errorf("the same, though the translation is lossy")
	case known != "" && known == unproved[file+"/"+c.name] && (!lossy || differs):
		t.Errorf("is among what is not proved, but it is: %s", known)
	}
}

// dropping are the rules without a target by themselves, each with one: what only counts packets shows nothing.
func (c *testCase) dropping() (dumps []string) {
	if slices.ContainsFunc(c.input, func(l string) bool { return strings.HasPrefix(l, "*") }) {
		return nil
	}
	for _, r := range c.rules() {
		words := strings.Fields(r)
		if slices.ContainsFunc(words, func(w string) bool { return w == "-j" || w == "-g" || w == "--jump" || w == "--goto" }) ||
			!slices.ContainsFunc(words, func(w string) bool { return slices.Contains(iptables.Builtin(c.table), w) }) {
			continue
		}
		dumps = append(dumps, c.dump(r+" -j DROP"))
	}
	return dumps
}

// proof is a case in one family.
type proof struct {
	family iptables.Family
	source *packet.Program
	model  *nft.Ruleset
	lossy  bool
	whole  bool // packets come whole, whatever the rules say
}

func (p *proof) compare(t *testing.T) []*nftcompare.Function {
	result := nftmeaning.Of(p.model, p.family == iptables.IPv6)
	result.Tracks = result.Tracks || p.whole
	functions, err := nftcompare.Programs(p.source, result, nftcompare.Options{Findings: 2, Nodes: 1 << 20, Logs: true})
	must(t, err)
	return functions
}

// proofs are a dump in each family of the case; none where it is refused.
func (c *testCase) proofs(t *testing.T, dump string) (out []*proof) {
	together := [][]iptables.Family{c.families}
	if !c.inet {
		together = slices.Collect(slices.Chunk(c.families, 1))
	}
	ipsets, err := ipset.Parse(strings.NewReader(c.ipsets()), "case")
	must(t, err)
	for _, families := range together {
		var sets [2]*iptables.Ruleset // IPv4, IPv6
		for _, f := range families {
			rs, err := iptables.Parse(strings.NewReader(dump), "case", f, ext.Vocabulary)
			must(t, err)
			sets[f/6] = rs
		}
		model, report := Ruleset(sets[0], sets[1], Options{AllowLossy: true, Sets: ipsets, DropMalformed: c.malformed, Whole: !c.plain})
		if model == nil {
			continue
		}
		for _, f := range families {
			source := Meaning(sets[f/6], ipsets)
			source.Tracks = source.Tracks || !c.plain
			out = append(out, &proof{f, source, model, len(report.Problems) > 0, !c.plain})
		}
	}
	return out
}

func differences(functions []*nftcompare.Function) string {
	var b strings.Builder
	for _, f := range functions {
		if f.Undecided != nil {
			fmt.Fprintf(&b, "%v: %v\n", f.Hook, f.Undecided)
		}
		for _, x := range f.Findings {
			fmt.Fprintf(&b, "%v: %v\nneeds %v\n%v\n%v\n", f.Hook, x.Packet, x.Needs, x.A, x.B)
		}
	}
	return b.String()
}

// unproved are cases of which the two meanings do not say what is true, and why.
var unproved = map[string]string{
	"target_synproxy/raw: with what it needs":                          "what goes on unsound, the rule behind it drops",
	"match_comment/longer":                                             "what is lost is a comment",
	"match_nfacct/ip ip6: counters":                                    "what is lost is where packets are counted",
	"match_set/ip mangle: what a set's elements count":                 "what is lost is which packets are counted",
	"malformed/ip ip6 malformed: where the rule asks something before": malformedPackets,
	"malformed/ip ip6 malformed: options":                              malformedPackets,
	"malformed/ip plain malformed: fragments":                          malformedPackets,
	"fragments/ip6 plain: hashlimit":                                   "which bucket a later fragment fills is not told",
	"malformed/ip6 malformed: each match":                              malformedPackets,
}

const malformedPackets = "what the rules drop besides are packets that are cut off, which are not among those that are compared"
