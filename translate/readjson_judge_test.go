//go:build linux

package translate

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/kernel"
	"rechain/nft/kernel/testlab"
	"rechain/translate/ext"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// jsonLab loads rule sets with nft into a namespace of its own, and has its JSON read again. The kernel says what it holds. The
// namespace is that of the test's thread, so that there are no subtests.
type jsonLab struct {
	conn         *kernel.Conn
	read, loaded int
}

func newJSONLab(t *testing.T) *jsonLab {
	version, err := exec.Command("nft", "--version").Output()
	testlab.Need(t, err == nil && strings.HasPrefix(string(version), "nftables v1.0.6 "), "nft 1.0.6, whose JSON is read")
	testlab.Isolate(t)
	conn, err := kernel.Dial(nil)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, exec.Command("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1").Run())
	return &jsonLab{conn: conn}
}

// mislisted are cases of which nft's JSON says something else than the kernel holds.
var mislisted = map[string]string{
	"match_conntrack/ip ip6: age":               "nft drops milliseconds",
	"target_tos/ip6 mangle: bits cleared":       "nft cuts the mask of raw bits down to the field under it",
	"inet/inet: a protocol of the other family": "nft drops a match that it does not make again when it loads what it listed",
}

func (l *jsonLab) nft(stdin string, args ...string) (string, error) {
	cmd := exec.Command("nft", args...)
	cmd.Stdin, cmd.Env = strings.NewReader(stdin), append(os.Environ(), "TZ=UTC")
	out, err := cmd.Output()
	return string(out), err
}

// judge loads a rule set as nft's text. What nft does not take is other tests' business.
func (l *jsonLab) judge(t *testing.T, name, text string) {
	t.Helper()
	l.nft("", "flush", "ruleset")
	if _, err := l.nft(text, "-f", "-"); err != nil {
		return
	}
	l.loaded++
	listing, err := l.nft("", "-j", "list", "ruleset")
	must(t, err)
	holds, err := l.conn.Ruleset(nil)
	must(t, err)
	if why := mislisted[name]; why != "" {
		t.Logf("%s is not compared: %s", name, why)
		return
	}
	rs, err := nft.ReadJSON(listing, nft.JSONReader{File: "listing", Ifindex: indexByName})
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, text)
		return
	}
	l.read++
	sameTables(t, name, holds, rs)
}

func indexByName(name string) uint32 {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return uint32(i.Index)
}

// sameTables says where what was read differs from what the kernel holds.
func sameTables(t *testing.T, name string, holds *bytecode.Ruleset, rs *nft.Ruleset) {
	t.Helper()
	got := nft.Lower(rs)
	for _, table := range slices.Concat(holds.Tables, got.Tables) {
		for _, s := range table.Sets {
			s.UserData = nil             // notes for nft itself, which its JSON does not tell
			s.Flags &^= bytecode.SetEval // nor that a set may be changed which no rule changes
		}
	}
	for i, table := range holds.Tables {
		for j, x := range table.Objects {
			x.Handle = 0
			got.Tables[i].Objects[j].Handle = 0
		}
		if !reflect.DeepEqual(table.Objects, got.Tables[i].Objects) {
			t.Errorf("%s: other objects in %s", name, table.Name)
		}
		table.Objects, got.Tables[i].Objects = nil, nil
	}
	for _, e := range bytecode.Diff(holds.Tables, got.Tables) {
		switch {
		case e.Rule != nil:
			t.Errorf("%s: %v in %s: %s\n%s", name, e.Kind, e.Chain.Name, nft.RuleText(nft.RaiseTable(e.Table), nft.RaiseRule(e.Table, e.Rule)), e.Rule.Program)
		case e.Set != nil:
			t.Errorf("%s: %v %+v", name, e.Kind, e.Set)
		default:
			t.Errorf("%s: %v %s", name, e.Kind, e.Table.Name)
			for _, s := range e.Table.Sets {
				if s.Flags&bytecode.SetAnonymous == 0 {
					t.Errorf("  %+v", s)
				}
			}
		}
	}
}

// TestReadJSONOfCases has every case of the extensions translated, loaded with nft, listed as JSON and read again.
func TestReadJSONOfCases(t *testing.T) {
	l := newJSONLab(t)
	for _, file := range caseFiles(t) {
		a, err := txtar.ParseFile(file)
		must(t, err)
		for _, f := range a.Files {
			c, err := parseCase(f)
			must(t, err)
			if _, wrong := c.blocks["wrong"]; wrong {
				continue
			}
			together := [][]iptables.Family{c.families}
			if !c.inet {
				together = nil
				for _, f := range c.families {
					together = append(together, []iptables.Family{f})
				}
			}
			for _, families := range together {
				var sets [2]*iptables.Ruleset
				for _, f := range families {
					sets[f/6], err = c.parse(f)
					must(t, err)
				}
				ipsets, err := ipset.Parse(strings.NewReader(c.ipsets()), "case")
				must(t, err)
				model, _ := Ruleset(sets[0], sets[1], Options{AllowLossy: true, Sets: ipsets, DropMalformed: c.malformed, Whole: !c.plain})
				if model != nil {
					l.judge(t, strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+c.name, textOf(t, model))
				}
			}
		}
	}
	t.Log(l.loaded, "loaded,", l.read, "read")
}

// TestReadJSONOfDumps does so with real dumps, which are not part of the project.
func TestReadJSONOfDumps(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpus/*.rules")
	if len(files) == 0 {
		t.Skip("no dumps in ../../shared/corpus")
	}
	l := newJSONLab(t)
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		var sets [2]*iptables.Ruleset
		f := iptables.IPv4
		if strings.HasSuffix(file, ".v6.rules") {
			f = iptables.IPv6
		}
		sets[f/6], err = iptables.ParseText(string(text), file, f, ext.Vocabulary)
		if err != nil {
			continue
		}
		if model, _ := Ruleset(sets[0], sets[1], Options{AllowLossy: true}); model != nil {
			l.judge(t, filepath.Base(file), textOf(t, model))
		}
	}
	t.Log(l.loaded, "loaded,", l.read, "read")
}
