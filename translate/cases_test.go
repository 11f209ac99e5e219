//go:build linux

package translate

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"rechain/nft"
	"rechain/translate/ext"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// The cases stand in txtar files: those of an extension beside it in ext, the others in testdata. One section is one case:
//
//	-- ip6 mangle: what this shows --
//	# A comment.
//	:INPUT DROP
//	:FOO
//	-A INPUT -m mark --mark 16 -j FOO
//	-A FOO -j RETURN
//	saves:
//	-A INPUT -m mark --mark 0x10 -j FOO
//	nft:
//	INPUT: meta mark 0x00000010 jump FOO
//	FOO: return
//	packets:
//	in udp dport=53 mark=16 : 1 2
//
// The name begins with the family, the table, or both, before a colon: ip, ip6, "ip ip6" for a case played in each by itself, or
// inet for both at once; without them it is ip and filter. Connections are tracked, but in cases that say "plain" there. In cases
// that say "malformed", packets are dropped as with Options.DropMalformed, and cut off ones are sent. A rule that begins with -4 or -6 is for that family only. Chain lines
// need no "[0:0]", a user chain no "-", and a table no COMMIT; "*nat" begins another table. Lines of ipset (create, add) give the
// sets that rules name. What follows a keyword:
//
// With " ip6" before the colon it is for the second family of an "ip ip6" case alone.
//
//	saves:     the rules that iptables-save prints in other words than given
//	wrong:     for each rule by itself, why it is no rule. iptables-restore refuses it too.
//	refused:   why there is no translation of the whole
//	lossy:     what is different in the translation
//	nft:       the rules of each chain, as nft lists them
//	table:     in its place, the tables as nft lists them
//	packets:   packets to send besides those made from the case itself, each with the numbers of the rules that count it, by their
//	           order in the case; "pass" or "drop" says whether it leaves the site (see site). It is a path (in, fwd, out, lo), a
//	           protocol, and fields (see probe.set) that differ from the usual (see start).
//	differs JUDGE: why    a known disagreement with a judge, which then is not asked: iptables, nft (the text), kernel, packets
//
// "go test -update" writes saves, wrong, refused, nft and table; the judges check them.
//
// The judges are iptables-legacy, which must print a rule the same after it was loaded, or refuse it; nft, which must load the text
// and list it unchanged, and list the same what was programmed over netlink; and the kernel: see judgePackets.
var update = flag.Bool("update", false, "rewrite the expectations of the cases")

// keywords in the order in which they stand in a case.
var keywords = []string{"saves", "wrong", "refused", "lossy", "nft", "table", "packets"}

// testCase is one section of a file.
type testCase struct {
	name      string
	families  []iptables.Family
	inet      bool
	plain     bool
	malformed bool
	table     string
	input     []string // the lines before the first keyword
	blocks    map[string][]string
	differs   map[string]string // by judge
}

func parseCase(f txtar.File) (*testCase, error) {
	c := &testCase{name: f.Name, table: "filter", blocks: map[string][]string{}, differs: map[string]string{}}
	c.families = []iptables.Family{iptables.IPv4}
	if words, _, ok := strings.Cut(f.Name, ":"); ok {
		var families []iptables.Family
		for w := range strings.FieldsSeq(words) {
			switch {
			case w == "ip":
				families = append(families, iptables.IPv4)
			case w == "ip6":
				families = append(families, iptables.IPv6)
			case w == "inet":
				families, c.inet = []iptables.Family{iptables.IPv4, iptables.IPv6}, true
			case w == "plain":
				c.plain = true
			case w == "malformed":
				c.malformed = true
			case iptables.Builtin(w) != nil:
				c.table = w
			default:
				return nil, fmt.Errorf("%q is neither a family nor a table, plain or malformed", w)
			}
		}
		if families != nil {
			c.families = families
		}
	}
	block := ""
	isKeyword := func(w string) bool {
		return slices.Contains(keywords, w) || slices.Contains(keywords, strings.TrimSuffix(w, " ip6"))
	}
	for line := range strings.Lines(string(f.Data)) {
		line = strings.TrimRight(line, "\n")
		if word, why, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(word, "differs ") {
			c.differs[strings.TrimPrefix(word, "differs ")] = why
			block = ""
			continue
		}
		word, isBlock := strings.CutSuffix(line, ":")
		switch {
		case isBlock && isKeyword(word):
			block = word
			c.blocks[word] = []string{}
		case block != "":
			c.blocks[block] = append(c.blocks[block], line)
		default:
			c.input = append(c.input, line)
		}
	}
	return c, nil
}

// format is the inverse of parseCase.
func (c *testCase) format() []byte {
	var b strings.Builder
	line := func(s string) { b.WriteString(s + "\n") }
	for _, l := range c.input {
		line(l)
	}
	for _, judge := range []string{"iptables", "nft", "kernel", "packets"} {
		if why, ok := c.differs[judge]; ok {
			line("differs " + judge + ": " + why)
		}
	}
	for _, k := range keywords {
		for _, k := range []string{k, k + " ip6"} {
			if lines, ok := c.blocks[k]; ok {
				line(k + ":")
				for _, l := range lines {
					line(l)
				}
			}
		}
	}
	return []byte(b.String())
}

// expect compares a block with what it should be, or with -update makes it that. nil is no block. What differs in the second of two
// families is in a block of its own.
func (c *testCase) expect(t *testing.T, f iptables.Family, block string, got []string) {
	t.Helper()
	if f != c.families[0] && !c.inet {
		if _, own := c.blocks[block+" ip6"]; own || *update && !slices.Equal(c.blocks[block], got) {
			block += " ip6"
		}
		if base := strings.TrimSuffix(block, " ip6"); *update && slices.Equal(c.blocks[base], got) {
			delete(c.blocks, base+" ip6")
			return
		}
	}
	if *update {
		delete(c.blocks, block)
		if got != nil {
			c.blocks[block] = got
		}
		return
	}
	if want := c.blocks[block]; !slices.Equal(want, got) {
		t.Errorf("%s:\n%s\nwant:\n%s", block, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// rules are the input's lines that are rules.
func (c *testCase) rules() []string {
	return slices.DeleteFunc(slices.Clone(c.input), func(l string) bool { return l == "" || strings.ContainsAny(l[:1], "#:*") || isIPSet(l) })
}

// isIPSet says whether a line of the input is one for ipset.
func isIPSet(line string) bool {
	return strings.HasPrefix(line, "create ") || strings.HasPrefix(line, "add ")
}

// ipsets is what the case gives to ipset. The other lines are empty, so that lines keep their number.
func (c *testCase) ipsets() string {
	lines, any := make([]string, len(c.input)), false
	for i, l := range c.input {
		if isIPSet(l) {
			lines[i], any = l, true
		}
	}
	if !any {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// dump is the input as iptables-restore takes it. With rules, these are its rules in place of the input's.
func (c *testCase) dump(rules ...string) string {
	var b strings.Builder
	table, declared := "", ""
	begin := func(name string) {
		table = name
		b.WriteString("*" + table + "\n")
		declared = ""
		for _, chain := range iptables.Builtin(table) {
			if !slices.ContainsFunc(c.input, func(l string) bool { return strings.HasPrefix(l, ":"+chain+" ") }) {
				declared += ":" + chain + " ACCEPT [0:0]\n"
			}
		}
		b.WriteString(declared)
	}
	end := func() {
		for _, r := range rules {
			b.WriteString(r + "\n")
		}
		b.WriteString("COMMIT\n")
	}
	first := slices.IndexFunc(c.input, func(l string) bool { return l != "" && l[0] != '#' && !isIPSet(l) })
	if first < 0 || c.input[first][0] != '*' {
		begin(c.table)
	}
	for _, l := range c.input {
		switch {
		case l == "" || l[0] == '#' || isIPSet(l):
			b.WriteString("#\n") // so that lines keep their number
		case l[0] == '*':
			if table != "" {
				end()
			}
			begin(l[1:])
		case l[0] == ':':
			if !strings.Contains(l, " ") {
				l += " -"
			}
			if !strings.HasSuffix(l, "]") {
				l += " [0:0]"
			}
			b.WriteString(l + "\n")
		case rules == nil:
			b.WriteString(l + "\n")
		}
	}
	end()
	return b.String()
}

func (c *testCase) parse(f iptables.Family) (*iptables.Ruleset, error) {
	return iptables.Parse(strings.NewReader(c.dump()), "case", f, ext.Vocabulary)
}

// caseFiles are all files of cases.
func caseFiles(t testing.TB) []string {
	files, err := filepath.Glob("ext/*.txtar")
	must(t, err)
	more, err := filepath.Glob("testdata/*.txtar")
	must(t, err)
	return append(files, more...)
}

// courts is how many cases are judged at a time.
const courts = 2

func TestCases(t *testing.T) {
	free := make(chan *judges, courts)
	for range courts {
		free <- newJudges(t)
	}
	for _, file := range caseFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			j := <-free
			defer func() { free <- j }()
			archive, err := txtar.ParseFile(file)
			must(t, err)
			for i, f := range archive.Files {
				c, err := parseCase(f)
				if err != nil {
					t.Fatalf("%s: %v", f.Name, err)
				}
				t.Run(c.name, func(t *testing.T) { c.play(t, j) })
				archive.Files[i].Data = c.format()
			}
			if *update {
				must(t, os.WriteFile(file, txtar.Format(archive), 0o644))
			}
		})
	}
}

func (c *testCase) play(t *testing.T, j *judges) {
	if c.plain {
		j = j.plain
	}
	if c.ipsets() != "" {
		j.ipsets(t, c)
		defer j.noIPSets(t)
	}
	if _, ok := c.blocks["wrong"]; ok {
		c.playWrong(t, j)
		return
	}
	if c.inet {
		c.playTogether(t, j, c.families)
		return
	}
	for _, f := range c.families {
		c.playTogether(t, j, []iptables.Family{f})
	}
}

// playWrong plays a case whose rules are each not a rule.
func (c *testCase) playWrong(t *testing.T, j *judges) {
	for _, f := range c.families {
		var got []string
		for _, r := range c.rules() {
			_, err := iptables.Parse(strings.NewReader(c.dump(r)), "case", f, ext.Vocabulary)
			if err == nil {
				t.Errorf("is accepted: %s", r)
				continue
			}
			for line := range strings.Lines(err.Error()) {
				_, msg, _ := strings.Cut(line, ": ")
				got = append(got, strings.TrimSpace(msg))
			}
			if c.differs["iptables"] == "" {
				j.refuses(t, f, c.dump(r))
			}
		}
		c.expect(t, f, "wrong", got)
	}
}

// playTogether plays a case for one family, or for both in one table.
func (c *testCase) playTogether(t *testing.T, j *judges, families []iptables.Family) {
	var sets [2]*iptables.Ruleset // IPv4, IPv6
	for _, f := range families {
		rs, err := c.parse(f)
		if err != nil {
			t.Fatal(err)
		}
		sets[f/6] = rs
		c.playPrint(t, j, rs)
	}
	ipsets, err := ipset.Parse(strings.NewReader(c.ipsets()), "case")
	must(t, err)
	model, report := Ruleset(sets[0], sets[1], Options{AllowLossy: true, Sets: ipsets, DropMalformed: c.malformed, Whole: !c.plain})
	var refused, lossy []string
	for _, p := range report.Problems {
		where := *p.Problem
		where.Pos = iptables.Pos{}
		if p.Lossy {
			lossy = append(lossy, where.Error())
		} else {
			refused = append(refused, where.Error())
		}
	}
	c.expect(t, families[0], "refused", refused)
	c.expect(t, families[0], "lossy", lossy)
	if model == nil {
		return
	}
	text := textOf(t, model)
	if _, full := c.blocks["table"]; full {
		c.expect(t, families[0], "table", strings.Split(strings.TrimSuffix(text, "\n"), "\n"))
	} else {
		c.expect(t, families[0], "nft", ruleLines(model))
	}
	judgeBridge(t, model)
	j.nft(t, c, model, text)
	counted, _ := Ruleset(sets[0], sets[1], Options{Counters: true, AllowLossy: true, Sets: ipsets, DropMalformed: c.malformed, Whole: !c.plain})
	j.packets(t, c, sets, counted)
}

// playPrint compares the print with the expected one, and with iptables-save's.
func (c *testCase) playPrint(t *testing.T, j *judges, rs *iptables.Ruleset) {
	var b strings.Builder
	must(t, iptables.Print(&b, rs, iptables.PrintOptions{}))
	given := map[string]int{}
	for _, r := range c.rules() {
		given[strings.TrimPrefix(strings.TrimPrefix(r, "-4 "), "-6 ")]++
	}
	var saves []string
	for line := range strings.Lines(b.String()) {
		line = strings.TrimSpace(line)
		if given[line]--; strings.HasPrefix(line, "-A") && given[line] < 0 {
			saves = append(saves, line)
		}
	}
	if !c.inet {
		c.expect(t, rs.Family, "saves", saves)
	}
	if c.differs["iptables"] == "" {
		j.saves(t, rs.Family, c.dump(), b.String())
	}
}

// ruleLines are the rules of a rule set, each behind its chain.
func ruleLines(rs *nft.Ruleset) []string {
	lines := []string{}
	for _, table := range rs.Tables {
		prefix := ""
		if len(rs.Tables) > 1 {
			prefix = table.Name + " "
		}
		for _, s := range table.Sets {
			lines = append(lines, prefix+"set "+s.Name)
		}
		for _, chain := range table.Chains {
			for _, r := range chain.Rules {
				lines = append(lines, prefix+chain.Name+": "+strings.TrimSpace(nft.RuleText(table, r)))
			}
		}
	}
	return lines
}

func textOf(t testing.TB, rs *nft.Ruleset) string {
	var b strings.Builder
	must(t, nft.WriteText(&b, rs, nft.TextOptions{}))
	return b.String()
}
