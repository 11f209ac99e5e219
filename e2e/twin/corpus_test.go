//go:build linux

package twin

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// corpus is a folder of dumps of real hosts. It is not part of this repository.
const corpus = "../../../shared/corpus"

// TestCorpus compares rechain with iptables-legacy on every dump of the corpus.
func TestCorpus(t *testing.T) {
	lab(t)
	index, err := os.ReadFile(filepath.Join(corpus, "INDEX.tsv"))
	if err != nil {
		t.Skipf("there is no corpus of dumps: %v", err)
	}
	n := setting(t, "RECHAIN_PROBES", 30)
	var sum judgement
	var lock sync.Mutex
	t.Run("dumps", func(t *testing.T) {
		lines := strings.Split(strings.TrimRight(string(index), "\n"), "\n")
		for _, line := range lines[1:] {
			d, loads := indexed(t, lines[0], line)
			if d == nil {
				continue
			}
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				d.settle()
				if !loads {
					d.leaveOutUnloadable(t)
				}
				j := judge(t, d, n)
				lock.Lock()
				defer lock.Unlock()
				sum.packets += j.packets
				sum.rules += j.rules
				sum.taken += j.taken
				sum.without += j.without
				t.Logf("%d of %d rules took a packet", j.taken, j.rules)
			})
		}
	})
	t.Logf("%d conversations; %d of %d rules told of a packet; %d rules left out that rechain refuses", sum.packets, sum.taken, sum.rules, sum.without)
}

// indexed reads a line of the index: a dump, and whether iptables-legacy loads it; nil for what is no dump.
func indexed(t *testing.T, header, line string) (d *dump, loads bool) {
	t.Helper()
	names, values := strings.Split(header, "\t"), strings.Split(line, "\t")
	get := func(name string) string { return values[slices.Index(names, name)] }
	name := get("file")
	if !strings.HasSuffix(name, ".rules") {
		return nil, false
	}
	text, err := os.ReadFile(filepath.Join(corpus, name))
	must(t, err)
	// Some hide their hosts' link-layer addresses.
	d = &dump{name: name, v6: get("family") == "v6", text: strings.ReplaceAll(string(text), "XX:XX:XX:XX:XX:XX", "02:00:00:0a:0b:0c")}
	if companion := get("companion_ipset"); companion != "" {
		sets, err := os.ReadFile(filepath.Join(corpus, companion))
		must(t, err)
		d.ipsets = string(sets)
	} else {
		d.ipsets = guessed(get("ipsets_needed"), d.v6)
	}
	return d, get("legacy_loads") == "yes"
}

// guessed are sets that a dump names and nobody saved, by what the index says of them: NAME(use;guessed TYPE).
func guessed(needed string, v6 bool) string {
	var b strings.Builder
	for w := range strings.FieldsSeq(needed) {
		i := strings.LastIndexByte(w, '(')
		if i < 0 {
			continue
		}
		next := needed[strings.Index(needed, w)+len(w):]
		typ, _, _ := strings.Cut(strings.TrimSpace(next), ")")
		family, members := "inet", map[string]string{"hash:net": "10.199.0.0/29", "hash:ip,port": "10.199.0.1,tcp:2000"}
		if v6 {
			family, members = "inet6", map[string]string{"hash:net": "fd99::/125", "hash:ip,port": "fd99::1,tcp:2000"}
		}
		fmt.Fprintf(&b, "create %s %s family %s\nadd %s %s\n", w[:i], typ, family, w[:i], members[typ])
	}
	return b.String()
}

// judgement is what a comparison was about.
type judgement struct {
	packets, rules, taken int // conversations; rules; rules that took a packet
	without               int // rules that rechain refuses
}

// judge compares rechain with iptables-legacy on a dump; without the lines that rechain refuses, if it does.
func judge(t *testing.T, d *dump, n int) judgement {
	t.Helper()
	if j, err := tryJudge(t, d, n); err == nil {
		return j
	}
	without := d.leaveOutRefused(t)
	j, err := tryJudge(t, d, n)
	if err != nil {
		t.Fatal(err)
	}
	j.without = without
	return j
}

func tryJudge(t *testing.T, d *dump, n int) (judgement, error) {
	t.Helper()
	tables, err := d.scribe(t)
	if err != nil {
		return judgement{}, err
	}
	seed := uint64(setting(t, "RECHAIN_SEED", 1))
	packets := tables.packets(n, seed)
	if d.malformed {
		packets = append(packets, tables.malformed(n/4, seed)...)
	}
	// A sample has half of the rules tell what they take; more has none and all of them do so.
	rnd := rand.New(rand.NewPCG(seed, 0))
	dumps := []*dump{tables.wordy(d, 0.5, rnd)}
	if !sample() {
		dumps = []*dump{d, tables.wordy(d, 1, rnd)}
	}
	j := judgement{rules: len(tables.all)}
	for _, d := range dumps {
		found, taken, err := compare(t, tables, d.loadLegacy, func(s *site) error { return d.loadRechain(t, s) }, packets, tries)
		if err != nil {
			return j, err
		}
		report(t, found)
		j.packets += len(packets)
		j.taken = len(taken)
	}
	return j, nil
}

// sample says whether to try little, as in every test run.
func sample() bool { return os.Getenv("RECHAIN_PROBES") == "" }

// report fails the test for what differs.
func report(t *testing.T, found []finding) {
	t.Helper()
	for _, f := range found {
		t.Errorf("%s\n  %s", f.packet, f.what)
	}
}
