//go:build linux

package translate

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"rechain/nft"
	"rechain/nft/kernel"
	"rechain/nft/kernel/testlab"
	"rechain/translate/iptables"
)

// judges are the outside programs and namespaces that say whether a case is right. legacy has iptables, native has nftables; the
// same packets are sent to both. In both, connections are tracked and so packets reassembled, whether the rules of the case want
// that or not; in plain, only if they do.
type judges struct {
	legacy, native *site
	plain          *judges
	tables         map[iptables.Family][]string // what iptables-legacy has rules in
}

func newJudges(t *testing.T) *judges {
	t.Helper()
	testlab.Programs(t, "ip", "nft", "iptables-legacy-restore", "ip6tables-legacy-restore")
	testlab.Users(t)
	testlab.Need(t, unix.Access("/dev/net/tun", unix.R_OK|unix.W_OK) == nil, "TUN devices (/dev/net/tun)")
	j := &judges{legacy: newSite(t), native: newSite(t), tables: map[iptables.Family][]string{}}
	j.plain = &judges{legacy: newSite(t), native: newSite(t), tables: map[iptables.Family][]string{}}
	const track = "table inet track {\n chain c {\n type filter hook input priority 1000\n ct state new\n }\n }\n"
	out, err := j.legacy.run(track, "nft", "-f", "-")
	if err != nil {
		t.Fatal(out)
	}
	for _, f := range []iptables.Family{iptables.IPv4, iptables.IPv6} {
		out, err := j.native.run("*security\n-A INPUT -m conntrack --ctstate NEW\nCOMMIT\n", legacyTool(f, "restore"))
		if err != nil {
			t.Fatal(out)
		}
	}
	return j
}

func legacyTool(f iptables.Family, what string) string {
	if f == iptables.IPv6 {
		return "ip6tables-legacy-" + what
	}
	return "iptables-legacy-" + what
}

// clear empties what the case before left in legacy.
func (j *judges) clear(t *testing.T) {
	t.Helper()
	for f, tables := range j.tables {
		var b strings.Builder
		for _, table := range tables {
			b.WriteString("*" + table + "\n")
			for _, chain := range iptables.Builtin(table) {
				b.WriteString(":" + chain + " ACCEPT [0:0]\n")
			}
			b.WriteString("COMMIT\n")
		}
		if out, err := j.legacy.run(b.String(), legacyTool(f, "restore")); err != nil {
			t.Fatalf("%s%s", out, b.String())
		}
	}
	j.tables = map[iptables.Family][]string{}
}

// restore loads a dump into legacy.
func (j *judges) restore(f iptables.Family, dump string) (string, error) {
	for line := range strings.Lines(dump) {
		if line[0] == '*' {
			j.tables[f] = append(j.tables[f], strings.TrimSpace(line[1:]))
		}
	}
	return j.legacy.run(dump, legacyTool(f, "restore"))
}

// ipsets gives legacy the sets of a case.
func (j *judges) ipsets(t *testing.T, c *testCase) {
	t.Helper()
	j.noIPSets(t)
	if dump := c.ipsets(); dump != "" {
		testlab.Programs(t, "ipset")
		if out, err := j.legacy.run(dump, "ipset", "restore"); err != nil {
			t.Fatal(out)
		}
	}
}

// noIPSets takes all sets from legacy, and with them the rules that hold them.
func (j *judges) noIPSets(t *testing.T) {
	t.Helper()
	j.clear(t)
	for _, command := range []string{"flush", "destroy"} { // a list holds the sets in it
		if out, err := j.legacy.run("", "ipset", command); err != nil {
			t.Fatal(out)
		}
	}
}

// refuses wants iptables-restore to refuse a dump.
func (j *judges) refuses(t *testing.T, f iptables.Family, dump string) {
	t.Helper()
	j.clear(t)
	if _, err := j.restore(f, dump); err == nil {
		t.Errorf("%s accepts:\n%s", legacyTool(f, "restore"), dump)
	}
}

// saves wants iptables-save to print a dump as we do.
func (j *judges) saves(t *testing.T, f iptables.Family, dump, printed string) {
	t.Helper()
	j.clear(t)
	if out, err := j.restore(f, dump); err != nil {
		t.Errorf("%s refuses:\n%s%s", legacyTool(f, "restore"), out, dump)
		return
	}
	var saved strings.Builder
	for _, table := range j.tables[f] {
		out, err := j.legacy.run("", legacyTool(f, "save"), "-t", table)
		must(t, err)
		saved.WriteString(out)
	}
	if d := cmp.Diff(byChain(saved.String()), byChain(printed)); d != "" {
		t.Errorf("iptables-save (-) and we (+) print:\n%s", d)
	}
}

// byChain are the lines of a dump, those of each chain in their order, and chains sorted.
func byChain(dump string) []string {
	var lines []string
	for line := range strings.Lines(dump) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line == "COMMIT" || strings.HasPrefix(line, "Warning: ") { // on standard error
			continue
		}
		if line[0] == ':' {
			line, _, _ = strings.Cut(line, " [")
		}
		lines = append(lines, line)
	}
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(chainOfLine(a), chainOfLine(b)) })
	return lines
}

func chainOfLine(line string) string {
	rule, ok := strings.CutPrefix(line, "-A ")
	if !ok {
		return line
	}
	chain, _, _ := strings.Cut(rule, " ")
	return "A " + chain
}

// unordered is for elements, whose order means nothing.
var unordered = cmpopts.SortSlices(func(a, b nft.Element) bool { return bytes.Compare(a.Key, b.Key) < 0 })

// placeless is what the model alone knows: where it came from, and what the kernel numbers.
var placeless = cmp.FilterPath(func(p cmp.Path) bool {
	f, ok := p.Last().(cmp.StructField)
	return ok && (f.Name() == "Handle" || f.Name() == "Origin" || f.Name() == "Name" && p.Index(-2).Type() == reflect.TypeFor[nft.Set]())
}, cmp.Ignore())

// judgeBridge wants a model to survive the way to bytecode and back.
func judgeBridge(t *testing.T, model *nft.Ruleset) {
	t.Helper()
	if d := cmp.Diff(model, nft.Raise(nft.Lower(model)), unordered, placeless, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("the model (-) is another one (+) after lowering and raising:\n%s", d)
	}
}

// nft wants nft to load the text and to list it again, and to list and read the same from a kernel that was programmed by us.
func (j *judges) nft(t *testing.T, c *testCase, model *nft.Ruleset, text string) {
	t.Helper()
	if c.differs["nft"] == "" {
		if out, err := j.native.run("flush ruleset\n"+text, "nft", "-f", "-"); err != nil {
			t.Errorf("nft: %s%s", out, text)
		} else if d := cmp.Diff(text, j.listed(t)); d != "" {
			t.Errorf("our text (-) is listed by nft as (+):\n%s", d)
		}
	}
	if strings.HasPrefix(c.differs["kernel"], "lacks ") || !j.program(t, model) {
		return
	}
	if c.differs["kernel"] == "" {
		if d := cmp.Diff(text, j.listed(t)); d != "" {
			t.Errorf("our text (-), and what nft lists after netlink (+):\n%s", d)
		}
	}
	if out, err := j.native.run("", "nft", "-j", "list", "ruleset"); err != nil {
		t.Errorf("nft -j: %v: %s", err, out)
	}
	read, err := j.native.conn.Ruleset(nil)
	must(t, err)
	for i, table := range nft.Raise(read).Tables {
		for k, chain := range table.Chains {
			for n, rule := range chain.Rules {
				if want := model.Tables[i].Chains[k].Rules[n]; !nft.Same(rule, want) {
					t.Errorf("%s is read back as %s", nft.RuleText(model.Tables[i], want), nft.RuleText(table, rule))
				}
			}
		}
	}
}

func (j *judges) listed(t *testing.T) string {
	t.Helper()
	out, err := j.native.run("", "nft", "-s", "list", "ruleset")
	must(t, err)
	return out
}

// program replaces all that native has.
func (j *judges) program(t *testing.T, model *nft.Ruleset) bool {
	t.Helper()
	old, err := j.native.conn.Ruleset(nil)
	must(t, err)
	batch := new(kernel.Batch)
	for _, table := range old.Tables {
		batch.DeleteTable(table.Family, table.Name)
	}
	for _, table := range nft.Lower(model).Tables {
		batch.AddAll(table, nil)
	}
	if err := j.native.conn.Commit(batch, 0); err != nil {
		t.Errorf("the kernel refuses: %v\n%s", err, textOf(t, model))
		return false
	}
	return true
}
