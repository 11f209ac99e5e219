//go:build linux

package twin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"rechain/nft/kernel/testlab"
)

// corpus is a folder of dumps of real hosts. It is not part of this repository.
const corpus = "../../../shared/corpus"

// TestCorpus compares rechain with iptables-legacy on every dump of the corpus that iptables-legacy loads.
func TestCorpus(t *testing.T) {
	lab(t)
	index, err := os.ReadFile(filepath.Join(corpus, "INDEX.tsv"))
	testlab.Need(t, err == nil, "the corpus of dumps, "+corpus)
	n, seed := setting(t, "RECHAIN_PROBES", 40), setting(t, "RECHAIN_SEED", 1)
	var sent, rules, left atomic.Int64
	t.Run("dumps", func(t *testing.T) {
		lines := strings.Split(strings.TrimRight(string(index), "\n"), "\n")
		for _, line := range lines[1:] {
			d, loads := indexed(t, lines[0], line)
			if d == nil {
				continue
			}
			t.Run(d.name, func(t *testing.T) {
				t.Parallel()
				if !loads {
					t.Skip("iptables-legacy does not load it")
				}
				d.settle()
				judge(t, d, func(tables *tables, without []int) []*packet {
					packets := tables.packets(n, uint64(seed))
					sent.Add(int64(len(packets)))
					rules.Add(int64(len(tables.all)))
					left.Add(int64(len(without)))
					return packets
				})
			})
		}
	})
	t.Logf("%d conversations about %d rules; %d rules left out that rechain refuses", sent.Load(), rules.Load(), left.Load())
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
	d = &dump{name: name, v6: get("family") == "v6", text: string(text)}
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

// judge compares rechain with iptables-legacy on a dump, without the lines that rechain refuses. It skips what iptables-legacy
// refuses.
func judge(t *testing.T, d *dump, packets func(t *tables, without []int) []*packet) {
	t.Helper()
	without := refused(t, d)
	d.leaveOut(without)
	tables, err := d.scribe(t)
	if err != nil {
		t.Skipf("iptables-legacy does not load it: %v", err)
	}
	found, err := compare(t, tables, d.loadLegacy, func(s *site) error { return d.loadRechain(t, s) }, packets(tables, without))
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

// report fails the test for what differs; the first few are enough.
func report(t *testing.T, found map[*packet]string) {
	t.Helper()
	shown := 0
	for p, diff := range found {
		if shown++; shown <= 4 {
			t.Errorf("%s\n  %s", p, diff)
		}
	}
	if shown > 4 {
		t.Errorf("and %d other packets", shown-4)
	}
}

// refused are the lines of a dump that rechain has no exact translation for. It must say so, with exit code 1, and change nothing.
func refused(t *testing.T, d *dump) []int {
	t.Helper()
	family := "-4"
	if d.v6 {
		family = "-6"
	}
	s := newSite(t)
	defer s.close()
	_, err := s.run("", append([]string{rechain, "apply", "--test", family}, d.files(t)...)...)
	if err == nil {
		return nil
	}
	var lines []int
	for _, m := range complaints.FindAllStringSubmatch(err.Error(), -1) {
		n, err := strconv.Atoi(m[1])
		must(t, err)
		lines = append(lines, n)
		t.Logf("left out on both sides: %s: %s", strings.Split(d.text, "\n")[n-1], m[2])
	}
	if len(lines) == 0 {
		t.Fatal(errors.New("rechain names no line: " + err.Error()))
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}
