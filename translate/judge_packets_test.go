//go:build linux

package translate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"rechain/nft"
	"rechain/translate/iptables"
)

// count is how many packets and bytes a rule counted.
type count struct{ packets, bytes uint64 }

// tries is how often packets are sent until both sides agree: a busy machine may deliver one late, a wrong rule is wrong each time.
const tries = 3

// packets sends the same packets to iptables in one namespace and to us in another: each must leave both alike, and each rule must
// have counted the same. iptables' rules are known by their lines in the case.
func (j *judges) packets(t *testing.T, c *testCase, sets [2]*iptables.Ruleset, model *nft.Ruleset) {
	t.Helper()
	if c.differs["packets"] != "" || c.differs["iptables"] != "" {
		return
	}
	var found findings
	for range tries {
		found = nil
		j.trial(t, &found, c, sets, model)
		if found == nil {
			return
		}
	}
	for _, f := range found {
		t.Error(f)
	}
}

// findings are what a trial found to differ.
type findings []string

func (f *findings) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// trial sends the packets that the case names, and those that its rules suggest.
func (j *judges) trial(t *testing.T, f *findings, c *testCase, sets [2]*iptables.Ruleset, model *nft.Ruleset) {
	t.Helper()
	named := c.namedProbes(t, sets)
	if !j.reload(t, c, sets, model) {
		return
	}
	for _, n := range named {
		j.sendNamed(t, f, c, n, sets, model)
	}
	var probes []*probe
	for _, rs := range sets {
		if rs != nil {
			probes = append(probes, derive(rs, c.malformed)...)
		}
	}
	if !j.reload(t, c, sets, model) {
		return
	}
	wrong := 0
	for _, p := range probes {
		if d := j.sendBoth(p); d != "" {
			if wrong++; wrong <= 3 {
				f.add("%s\n%s", p, d)
			}
		}
	}
	j.connections(t, f, sets)
	want, got := j.counts(t, sets, model)
	if !maps.Equal(want, got) {
		f.add("counted by iptables and by us after %d packets: %s", len(probes), difference(c, want, got))
		j.findCulprit(t, f, c, sets, model, probes)
	}
}

// reload sets both sides to the beginning.
func (j *judges) reload(t *testing.T, c *testCase, sets [2]*iptables.Ruleset, model *nft.Ruleset) bool {
	t.Helper()
	if c.ipsets() == "" {
		j.clear(t)
	} else {
		j.ipsets(t, c)
	}
	for _, rs := range sets {
		if rs != nil {
			if out, err := j.restore(rs.Family, c.dump()); err != nil {
				t.Errorf("iptables: %s", out)
				return false
			}
		}
	}
	ok := j.program(t, model)
	for _, s := range []*site{j.legacy, j.native} {
		must(t, s.forget())
		s.receive()
	}
	return ok
}

// sendBoth sends a packet to both sides and says how their fates differ.
func (j *judges) sendBoth(p *probe) string {
	wantErr, gotErr := j.legacy.send(p), j.native.send(p)
	if fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
		return fmt.Sprintf("the sender is told by iptables: %v, by us: %v", wantErr, gotErr)
	}
	want, got := j.receive()
	if !slices.Equal(want, got) {
		return fmt.Sprintf("leaves iptables as %s\nand us as %s", shown(want), shown(got))
	}
	return ""
}

// receive returns what left both sides. Where there is a nat table, source ports do not count once they differ.
func (j *judges) receive() (legacy, native []string) {
	legacy, native = j.legacy.receive(), j.native.receive()
	if !slices.Contains(slices.Concat(slices.Collect(maps.Values(j.tables))...), "nat") || slices.Equal(legacy, native) {
		return legacy, native
	}
	for _, frames := range [][]string{legacy, native} {
		for i := range frames {
			frames[i] = portless(frames[i])
		}
	}
	return legacy, native
}

func shown(frames []string) string {
	if len(frames) == 0 {
		return "nothing"
	}
	var b strings.Builder
	for _, f := range frames {
		dev, bytes, _ := strings.Cut(f, " ")
		fmt.Fprintf(&b, "%s %x ", dev, bytes)
	}
	return b.String()
}

// counts reads what rules counted on both sides, by their line in the case.
func (j *judges) counts(t *testing.T, sets [2]*iptables.Ruleset, model *nft.Ruleset) (legacy, native map[int]count) {
	t.Helper()
	legacy, native = map[int]count{}, map[int]count{}
	for _, rs := range sets {
		if rs == nil {
			continue
		}
		for _, table := range rs.Tables {
			out, err := j.legacy.run("", legacyTool(rs.Family, "save"), "-c", "-t", table.Name)
			must(t, err)
			seen := map[string]int{}
			for line := range strings.Lines(out) {
				counters, rule, ok := strings.Cut(line, " -A ")
				if !ok {
					continue
				}
				chain, _, _ := strings.Cut(strings.TrimSpace(rule), " ")
				r := table.Chain(chain).Rules[seen[chain]]
				seen[chain]++
				p, b, _ := strings.Cut(strings.Trim(counters, "[]"), ":")
				packets, _ := strconv.ParseUint(p, 10, 64)
				bytes, _ := strconv.ParseUint(b, 10, 64)
				add(legacy, int(r.Pos.Line), packets, bytes)
			}
		}
	}
	read, err := j.native.conn.Ruleset(nil)
	must(t, err)
	for i, table := range nft.Raise(read).Tables {
		for k, chain := range table.Chains {
			for n, rule := range chain.Rules {
				for _, s := range rule.Stmts {
					if counter, ok := s.(*nft.Counter); ok {
						add(native, model.Tables[i].Chains[k].Rules[n].Origin.Line, counter.Packets, counter.Bytes)
					}
				}
			}
		}
	}
	return legacy, native
}

func add(counts map[int]count, line int, packets, bytes uint64) {
	if packets > 0 {
		c := counts[line]
		counts[line] = count{c.packets + packets, c.bytes + bytes}
	}
}

// difference names the rules that counted differently.
func difference(c *testCase, want, got map[int]count) string {
	lines := strings.Split(c.dump(), "\n")
	var b strings.Builder
	for n, line := range lines {
		if want[n+1] != got[n+1] {
			fmt.Fprintf(&b, "\n\t%d packets of %d bytes and %d of %d: %s", want[n+1].packets, want[n+1].bytes, got[n+1].packets, got[n+1].bytes, line)
		}
	}
	return b.String()
}

// findCulprit sends packet after packet until a rule counts differently.
func (j *judges) findCulprit(t *testing.T, f *findings, c *testCase, sets [2]*iptables.Ruleset, model *nft.Ruleset, probes []*probe) {
	t.Helper()
	if !j.reload(t, c, sets, model) {
		return
	}
	for _, p := range probes {
		j.sendBoth(p)
		if want, got := j.counts(t, sets, model); !maps.Equal(want, got) {
			time.Sleep(10 * time.Millisecond)
			want, got = j.counts(t, sets, model)
			f.add("after %s: %s\n%s", p, difference(c, want, got), textOf(t, model))
			return
		}
	}
}

// namedProbe is a packet that a case names.
type namedProbe struct {
	*probe
	line  string
	rules []int  // numbers of rules that count it
	fate  string // pass, drop or nothing
}

func (c *testCase) namedProbes(t *testing.T, sets [2]*iptables.Ruleset) []namedProbe {
	t.Helper()
	var out []namedProbe
	for _, line := range c.blocks["packets"] {
		left, right, ok := strings.Cut(line+" ", " : ")
		words := strings.Fields(left)
		if !ok || len(words) < 2 {
			t.Fatalf("%q is not PATH PROTOCOL FIELDS : RULES", line)
		}
		family := c.families[0]
		if words[0] == "ip6" {
			family, words = iptables.IPv6, words[1:]
		}
		if sets[family/6] == nil {
			family = 10 - family
		}
		p, err := parseProbe(words, family)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		n := namedProbe{probe: p, line: line}
		for w := range strings.FieldsSeq(right) {
			if number, err := strconv.Atoi(w); err == nil {
				n.rules = append(n.rules, number)
			} else {
				n.fate = w
			}
		}
		out = append(out, n)
	}
	return out
}

// sendNamed sends a packet and wants the rules to count it that the case says.
func (j *judges) sendNamed(t *testing.T, f *findings, c *testCase, n namedProbe, sets [2]*iptables.Ruleset, model *nft.Ruleset) {
	t.Helper()
	before, _ := j.counts(t, sets, model)
	wantErr, gotErr := j.legacy.send(n.probe), j.native.send(n.probe)
	want, got := j.receive()
	if fmt.Sprint(wantErr) != fmt.Sprint(gotErr) || !slices.Equal(want, got) {
		f.add("%s\nleaves iptables as %s %v\nand us as %s %v", n.line, shown(want), wantErr, shown(got), gotErr)
	}
	after, native := j.counts(t, sets, model)
	if !maps.Equal(after, native) {
		f.add("%s: %s", n.line, difference(c, after, native))
	}
	var counted []int
	number := 0
	for i, line := range strings.Split(c.dump(), "\n") {
		if line == "" || strings.ContainsAny(line[:1], "#:*C") {
			continue
		}
		number++
		if after[i+1] != before[i+1] {
			counted = append(counted, number)
		}
	}
	if !slices.Equal(counted, n.rules) {
		f.add("%s\nis counted by rules %v, and leaves as %s", n.line, counted, shown(want))
	}
	fate := "drop"
	if len(want) > 0 {
		fate = "pass"
	}
	if n.fate != "" && fate != n.fate {
		f.add("%s: %s", n.line, fate)
	}
}
