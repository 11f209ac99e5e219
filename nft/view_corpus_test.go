package nft_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rechain/nft"
	"rechain/nft/bytecode"
)

// Real dumps, translated by iptables-restore-translate and installed by iptables-nft-restore, give rule sets that nobody made for this
// test. The dumps are not part of the project.
const corpus = "../../shared/corpus"

func TestViewsOfDumps(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(corpus, "*.rules"))
	if len(files) == 0 {
		t.Skipf("no dumps in %s", corpus)
	}
	l := newLab(t)
	var translated, installed, rules int
	for _, file := range files {
		tool := "iptables"
		if strings.HasSuffix(file, ".v6.rules") {
			tool = "ip6tables"
		}
		if script, err := l.run("", tool+"-restore-translate", "-f", file); err == nil {
			l.must("", "nft", "flush", "ruleset")
			if _, err := l.run(script, "nft", "-f", "-"); err == nil {
				translated++
				rules += l.dump(file+", translated", true)
			}
		}
		dump, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		l.must("", "nft", "flush", "ruleset")
		if _, err := l.run(string(dump), tool+"-nft-restore"); err == nil {
			installed++
			rules += l.dump(file+", installed", false)
		}
	}
	t.Logf("%d dumps translated, %d installed, %d rules alike", translated, installed, rules)
}

// dump compares the text of the loaded rule set with nft's and loads it again. Lines with a compat expression do not count: nft asks
// iptables' libraries for their meaning.
func (l *lab) dump(name string, byNft bool) (rules int) {
	l.t.Helper()
	theirs, err := l.run("", "nft", "-a", "list", "ruleset")
	if err != nil {
		return 0
	}
	ours, _ := l.views()
	programs := l.programs()
	want, _ := corrected(theirs, ours)
	w, g := strings.Split(want, "\n"), strings.Split(ours, "\n")
	if len(w) != len(g) {
		l.t.Errorf("%s: nft has %d lines, we have %d", name, len(w), len(g))
		return 0
	}
	compat := false
	for i := range w {
		switch {
		case strings.Contains(g[i], "xt match ") || strings.Contains(g[i], "xt target "):
			compat = true
		case w[i] != g[i]:
			l.t.Errorf("%s:%d\n nft %s\n  we %s", name, i+1, w[i], g[i])
		case strings.HasPrefix(w[i], "\t\t"):
			rules++
		}
	}
	if !compat {
		l.reload(name+", our text loaded", ours, ours, "nft", "-f", "-")
		if byNft { // iptables-nft orders and pads its programs in another way
			l.samePrograms(name, programs)
		}
	}
	return rules
}

// TestUnsayable makes sure that nft refuses a view of what it cannot say, rather than take it for something else.
func TestUnsayable(t *testing.T) {
	l := newLab(t)
	l.must("*filter\n-A INPUT -m physdev --physdev-in x -j DROP\nCOMMIT\n", "iptables-nft-restore")
	text, js := l.views()
	if !strings.Contains(text, "xt match physdev") || !strings.Contains(js, `{"xt": {"type": "match", "name": "physdev"}}`) {
		t.Fatalf("%s\n%s", text, js)
	}
	table := func(rule *nft.Rule) string {
		return "table ip x {\n\tchain y {\n\t\t" + nft.RuleText(&nft.Table{Family: nft.IPv4}, rule) + "\n\t}\n}\n"
	}
	name := &nft.Match{Left: &nft.Meta{Key: bytecode.MetaIifname}, Right: &nft.Value{Data: append([]byte(`x" accept`), make([]byte, 7)...)}}
	for _, view := range []string{
		text,
		table(&nft.Rule{Stmts: []nft.Stmt{&nft.Opaque{Ops: []bytecode.Op{&bytecode.Notrack{}}}}}),
		table(&nft.Rule{Stmts: []nft.Stmt{name}}),
		table(&nft.Rule{Stmts: []nft.Stmt{&nft.Plain{Op: &bytecode.Log{Prefix: `"`}}}}),
		table(&nft.Rule{Stmts: []nft.Stmt{&nft.Match{Left: &nft.Meta{Key: 999}, Right: &nft.Value{Data: []byte{1}}}}}),
	} {
		if _, err := l.run(view, "nft", "-c", "-f", "-"); err == nil {
			t.Errorf("nft loads\n%s", view)
		}
	}
	if _, err := l.run(js, "nft", "-j", "-c", "-f", "-"); err == nil {
		t.Errorf("nft loads\n%s", js)
	}
	l.must(table(&nft.Rule{Comment: "a \"b\"\nc", Stmts: []nft.Stmt{&nft.Counter{}}}), "nft", "-c", "-f", "-")
}
