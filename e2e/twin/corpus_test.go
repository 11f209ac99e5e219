//go:build linux

package twin

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
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
				if !loads {
					t.Skip("iptables-legacy does not load it")
				}
				d.settle()
				j := judge(t, d, n)
				lock.Lock()
				defer lock.Unlock()
				sum.packets += j.packets
				sum.rules += j.rules
				sum.taken += j.taken
				sum.without += j.without
			})
		}
	})
	t.Logf("%d conversations; %d of %d rules took a packet; %d rules left out that rechain refuses", sum.packets, sum.taken, sum.rules, sum.without)
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

// judgement is what a comparison was about.
type judgement struct {
	packets, rules, taken int // conversations; rules; rules that took a packet
	without               int // rules that rechain refuses
}

// judge compares rechain with iptables-legacy on a dump, without the lines that rechain refuses, as it is and with each rule logging:
// n conversations each. It skips what iptables-legacy refuses.
func judge(t *testing.T, d *dump, n int) judgement {
	t.Helper()
	without := refused(t, d)
	tables, err := d.scribe(t)
	if err != nil {
		t.Skipf("iptables-legacy does not load it: %v", err)
	}
	packets := tables.packets(n, uint64(setting(t, "RECHAIN_SEED", 1)))
	var taken map[string]bool
	for _, d := range []*dump{d, tables.wordy(d)} {
		found, rules, err := compare(t, tables, d.loadLegacy, func(s *site) error { return d.loadRechain(t, s) }, packets)
		if err != nil {
			t.Fatal(err)
		}
		report(t, found)
		taken = rules
	}
	return judgement{2 * len(packets), len(tables.all), len(taken), without}
}

// report fails the test for what differs.
func report(t *testing.T, found []finding) {
	t.Helper()
	for _, f := range found {
		t.Errorf("%s\n  %s", f.packet, f.what)
	}
}

// Complaints of rechain about a dump: FILE:LINE:COLUMN, or many at once.
var (
	complaints = regexp.MustCompile(`(?m)(?:^| )\S*/dump:(\d+):\d+: (.*)$`)
	folded     = regexp.MustCompile(`(?m)^\S*/dump: the same \d+ times more, in lines ([-0-9, ]+)`)
)

// refused leaves out the lines of a dump that rechain has no exact translation for, and returns how many that are. rechain must say
// so, with exit code 1, and change nothing. It may fold what it has to say, so it is asked until it is content.
func refused(t *testing.T, d *dump) int {
	t.Helper()
	total := 0
	why := map[string]int{}
	for range 100 {
		s := newSite(t)
		_, err := s.run("", append([]string{rechain, "apply", "--test", d.flag()}, d.files(t)...)...)
		s.close()
		if err == nil {
			for reason, n := range why {
				t.Logf("left out on both sides: %d lines: %s", n, reason)
			}
			return total
		}
		var lines []int
		for _, m := range complaints.FindAllStringSubmatch(err.Error(), -1) {
			n, _ := strconv.Atoi(m[1])
			lines = append(lines, n)
			why[m[2]]++
		}
		for _, m := range folded.FindAllStringSubmatch(err.Error(), -1) {
			for part := range strings.SplitSeq(m[1], ",") {
				from, to, two := strings.Cut(strings.TrimSpace(part), "-")
				lo, err1 := strconv.Atoi(from)
				hi, err2 := strconv.Atoi(to)
				if !two {
					hi, err2 = lo, err1
				}
				for n := lo; err1 == nil && err2 == nil && n <= hi; n++ {
					lines = append(lines, n)
				}
			}
		}
		if len(lines) == 0 {
			t.Fatal("rechain names no line: " + err.Error())
		}
		total += d.leaveOut(lines)
	}
	t.Fatal("rechain is never content")
	return total
}
