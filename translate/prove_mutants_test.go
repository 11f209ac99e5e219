//go:build linux

package translate

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"rechain/nft"
	"rechain/nft/bytecode"
	nftcompare "rechain/nft/compare"
	nftmeaning "rechain/nft/meaning"
	"rechain/nft/trace"
	"rechain/translate/iptables"
)

// mutantsOf is how many translations are broken for an extension.
const mutantsOf = 24

// TestMutants breaks translations that are proved, a statement of a rule at a time, and wants a packet that shows it. What is left out or
// changed may make no difference, so that not every mutant is found; of each extension one must be.
func TestMutants(t *testing.T) {
	caught, extensions := 0, 0
	for _, file := range caseFiles(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		if !strings.Contains(name, "_") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			must(t, err)
			made, found := 0, 0
			for _, f := range archive.Files {
				c, err := parseCase(f)
				must(t, err)
				if _, wrong := c.blocks["wrong"]; wrong || c.malformed {
					continue
				}
				for _, dump := range append(c.dropping(), c.dump()) {
					n, k := c.mutate(t, dump, mutantsOf-made)
					made, found = made+n, found+k
				}
			}
			if made == 0 {
				t.Skip("nothing is translated exactly, or does anything to a packet")
			}
			t.Logf("%d of %d mutants found", found, made)
			if extensions++; found > 0 {
				caught++
			} else {
				t.Error("no mutant is found")
			}
		})
	}
	if caught < 30 {
		t.Errorf("mutants are found of %d extensions, out of %d", caught, extensions)
	}
}

// mutate breaks the translations of a dump in at most so many ways, and counts them and those that are found.
func (c *testCase) mutate(t *testing.T, dump string, most int) (made, found int) {
	for i := range c.proofs(t, dump) {
		if p := c.proofs(t, dump)[i]; p.lossy || !nftcompare.Same(p.compare(t)) {
			continue
		}
		for n := 0; made < most; n++ {
			p := c.proofs(t, dump)[i] // anew, since a mutation is made in place
			what, ok := breakStatement(p.model, n)
			if !ok {
				break
			}
			if what == "" {
				continue
			}
			made++
			functions := p.compare(t)
			switch n := p.witnessed(t, functions); {
			case n > 0:
				found++
			case nftcompare.Same(functions):
				t.Logf("not found: %s\n%s", what, dump)
			default: // undecided
				return made - 1, found
			}
		}
	}
	return made, found
}

// witnessed sees each packet that a comparison found through both programs, and counts them.
func (p *proof) witnessed(t *testing.T, functions []*nftcompare.Function) (n int) {
	t.Helper()
	result := nftmeaning.Of(p.model, p.family == iptables.IPv6)
	for _, f := range functions {
		for _, x := range f.Findings {
			a, err := trace.Hook(p.source, f.Hook, x.Packet, true)
			must(t, err)
			b, err := trace.Hook(result, f.Hook, x.Packet, true)
			must(t, err)
			if trace.Same(a.Outcome, b.Outcome) {
				t.Errorf("%v: %v fares alike", f.Hook, x.Packet)
			}
			n++
		}
	}
	return n
}

// breakStatement breaks a rule set in its n-th way, and says how; "" where that way is none, and false behind the last. Each statement has
// three: it is left out, its comparison is turned around, and its value is another.
func breakStatement(rs *nft.Ruleset, n int) (what string, ok bool) {
	for _, table := range rs.Tables {
		for _, chain := range table.Chains {
			for _, rule := range chain.Rules {
				if _, counts := rule.Stmts[len(rule.Stmts)-1].(*nft.Counter); counts {
					continue // which shows nothing
				}
				if n >= 3*len(rule.Stmts) {
					n -= 3 * len(rule.Stmts)
					continue
				}
				return breakOne(table, rule, n/3, n%3), true
			}
		}
	}
	return "", false
}

func breakOne(table *nft.Table, rule *nft.Rule, at, way int) string {
	before := strings.TrimSpace(nft.RuleText(table, rule))
	m, isMatch := rule.Stmts[at].(*nft.Match)
	set, isSet := rule.Stmts[at].(*nft.InSet)
	_, counts := rule.Stmts[at].(*nft.Counter)
	switch {
	case counts:
		return ""
	case way == 0:
		rule.Stmts = slices.Delete(slices.Clone(rule.Stmts), at, at+1)
	case way == 1 && isMatch:
		other := map[bytecode.CmpOp]bytecode.CmpOp{bytecode.CmpEq: bytecode.CmpNeq, bytecode.CmpNeq: bytecode.CmpEq,
			bytecode.CmpLt: bytecode.CmpGte, bytecode.CmpGte: bytecode.CmpLt, bytecode.CmpGt: bytecode.CmpLte, bytecode.CmpLte: bytecode.CmpGt}
		turned := *m
		turned.Op = other[m.Op]
		rule.Stmts[at] = &turned
	case way == 1 && isSet:
		turned := *set
		turned.Not = !set.Not
		rule.Stmts[at] = &turned
	case way == 2 && isMatch:
		v, ok := m.Right.(*nft.Value)
		if !ok {
			return ""
		}
		changed, data := *m, slices.Clone(v.Data)
		data[0] ^= 1
		changed.Right = &nft.Value{Data: data}
		rule.Stmts[at] = &changed
	default:
		return ""
	}
	return before + "\nbecomes " + strings.TrimSpace(nft.RuleText(table, rule))
}
