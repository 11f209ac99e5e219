package nft_test

import (
	"bytes"
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

// TestViewsOfWhatKernelsMayLack has statements that not every kernel has. Where it refuses them, nft has at least read them.
func TestViewsOfWhatKernelsMayLack(t *testing.T) {
	l := newLab(t)
	table := &nft.Table{Family: nft.IPv4, Name: "t",
		Flowtables: []*nft.Flowtable{{Name: "fast", Priority: 5, Devices: []string{"lo"}}},
		Chains:     []*nft.Chain{{Name: "c", Base: &nft.Base{Type: "filter", Hook: bytecode.Forward, Policy: bytecode.Accept}}}}
	cases := map[string]nft.Stmt{
		"queue to 1":                       &nft.Queue{First: 1, Total: 1},
		"queue flags bypass,fanout to 1-3": &nft.Queue{First: 1, Total: 3, Flags: 3},
		"queue to numgen inc mod 4":        &nft.Queue{Num: &nft.Numgen{Modulus: 4}},
		"flow add @fast":                   &nft.Plain{Op: &bytecode.FlowOffload{Table: "fast"}},
		"ct secmark set meta secmark":      &nft.Assign{Key: &nft.CT{Key: bytecode.CtSecmark}, Value: &nft.Meta{Key: bytecode.MetaSecmark}},
		"meta secmark set \"s\"":           &nft.ObjectRef{Type: bytecode.ObjectSecmark, Name: "s"},
		"socket cgroupv2 level 2 \"a/b\"":  &nft.Match{Left: &nft.Socket{Key: bytecode.SocketCgroupV2, Level: 2}, Right: &nft.Value{Data: []byte{7, 0, 0, 0, 0, 0, 0, 0}}},
		"sctp chunk init-ack init-tag 5":   &nft.Match{Left: &nft.Exthdr{Op: 3, Type: 2, Offset: 4, Len: 4}, Right: &nft.Value{Data: []byte{0, 0, 0, 5}}},
		"ipsec in spnum 2 ip6 saddr ::1":   &nft.Match{Left: &nft.Xfrm{Key: 4, Spnr: 2}, Right: &nft.Value{Data: append(make([]byte, 15), 1)}},
		"synproxy mss 1460 timestamp":      &nft.Plain{Op: &bytecode.Synproxy{MSS: 1460, Flags: 9}},
		"ct count over 5":                  &nft.Plain{Op: &bytecode.Connlimit{Count: 5, Flags: 1}},
		"limit rate over 2 mbytes/day":     &nft.Plain{Op: &bytecode.Limit{Rate: 2 << 20, Unit: 86400, Type: 1, Over: true}},
		"fwd to 9":                         &nft.Fwd{Dev: &nft.Value{Data: []byte{9, 0, 0, 0}}},
		"dup to 1.2.3.4":                   &nft.Dup{Addr: &nft.Value{Data: []byte{1, 2, 3, 4}}},
		"reject with icmp host-prohibited": &nft.Plain{Op: &bytecode.Reject{Code: 10}},
		"log group 3 snaplen 5 flags all":  &nft.Plain{Op: &bytecode.Log{Group: new(uint16), Snaplen: new(uint32), Flags: new(uint32)}},
	}
	log := cases["log group 3 snaplen 5 flags all"].(*nft.Plain).Op.(*bytecode.Log)
	*log.Group, *log.Snaplen, *log.Flags = 3, 5, 0x2f
	cgroup := nft.Names{Cgroup: func(id uint64) string { return map[uint64]string{7: "a/b"}[id] }}
	for want, s := range cases {
		table.Chains[0].Rules = []*nft.Rule{{Stmts: []nft.Stmt{s}}}
		var text bytes.Buffer
		if err := nft.WriteText(&text, &nft.Ruleset{Tables: []*nft.Table{table}}, nft.TextOptions{Names: cgroup}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), "\t\t"+want+"\n") {
			t.Errorf("want %s in\n%s", want, text.String())
		}
		if _, err := l.run(text.String(), "nft", "-c", "-f", "-"); err != nil && strings.Contains(err.Error(), "syntax error") {
			t.Errorf("%v\n%s", err, text.String())
		}
	}
}
