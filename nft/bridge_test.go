package nft

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rechain/nft/bytecode"
	"rechain/nft/kernel"
	"rechain/nft/kernel/testlab"
)

// emptyKernel is a connection to a new network namespace, in which the test then runs. Its thread is never unlocked and so dies
// with the test.
func emptyKernel(t testing.TB) *kernel.Conn {
	t.Helper()
	testlab.Isolate(t)
	c, err := kernel.Dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// tool runs a program in the test's namespace.
func tool(t testing.TB, stdin string, command ...string) (string, error) {
	t.Helper()
	testlab.Programs(t, command[0])
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustTool(t testing.TB, stdin string, command ...string) string {
	t.Helper()
	out, err := tool(t, stdin, command...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return out
}

func readAll(t testing.TB, c *kernel.Conn) *bytecode.Ruleset {
	t.Helper()
	rs, err := c.Ruleset(nil)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// checkRules raises and lowers each rule and wants the very program back, registers and all. It returns how many rules there are
// and the opaque statements among them.
func checkRules(t *testing.T, b *bytecode.Table) (rules int, opaque []*Opaque) {
	t.Helper()
	r := newRaising(b)
	for _, c := range b.Chains {
		for _, rule := range c.Rules {
			rules++
			stmts := r.program(rule.Program)
			if got := r.lowered(stmts); !bytecode.Equal(got, rule.Program) {
				t.Errorf("%s %s %s:\n%s\nbecomes\n%s", b.Family, b.Name, c.Name, rule.Program, got)
			}
			for _, s := range stmts {
				if o, ok := s.(*Opaque); ok {
					opaque = append(opaque, o)
				}
			}
		}
	}
	return rules, opaque
}

func TestNftRules(t *testing.T) {
	c := emptyKernel(t)
	mustTool(t, "", "ip", "link", "set", "lo", "up")
	mustTool(t, readFile(t, "testdata/families.nft"), "nft", "-f", "-")
	if total := checkAllSaid(t, c); total < 500 {
		t.Errorf("only %d rules", total)
	}
	for _, b := range readAll(t, c).Tables {
		checkSets(t, b)
		m := RaiseTable(b)
		if d := cmp.Diff(m, RaiseTable(LowerTable(m)), nameless, unordered); d != "" {
			t.Errorf("raised, lowered and raised again:\n%s", d)
		}
	}
}

// checkFrame wants all of a table back but its programs and sets.
func checkFrame(t *testing.T, b *bytecode.Table) {
	t.Helper()
	others := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Program" || p.Last().String() == ".Sets" }, cmp.Ignore())
	if d := cmp.Diff(b, LowerTable(RaiseTable(b)), others); d != "" {
		t.Errorf("%s %s:\n%s", b.Family, b.Name, d)
	}
}

// checkSets wants every set back as it was read, and anonymous ones among the others in the order of the rules.
func checkSets(t *testing.T, b *bytecode.Table) {
	t.Helper()
	back := LowerTable(RaiseTable(b))
	if len(back.Sets) != len(b.Sets) {
		t.Errorf("%s %s: %d sets, want %d", b.Family, b.Name, len(back.Sets), len(b.Sets))
	}
	byHandle := map[uint64]*bytecode.Set{}
	for _, s := range back.Sets {
		byHandle[s.Handle] = s
	}
	for _, want := range b.Sets {
		got := byHandle[want.Handle]
		if got == nil {
			t.Errorf("%s %s: set %s is lost", b.Family, b.Name, want.Name)
			continue
		}
		plain := *got
		plain.ID, plain.Name = want.ID, want.Name
		plain.Elements = ordered(got.Elements)
		wanted := *want
		wanted.Elements = ordered(want.Elements)
		if want.UserData == nil { // other tools make sets without nft's notes, and get them
			plain.UserData = nil
		}
		if !reflect.DeepEqual(&plain, &wanted) {
			t.Errorf("%s %s set %s:\ngot  %+v\nwant %+v", b.Family, b.Name, want.Name, plain, wanted)
		}
	}
}

// TestIptablesRules: what iptables-nft makes of real rule sets comes back as it is, compat expressions included.
func TestIptablesRules(t *testing.T) {
	for pattern, restore := range map[string]string{"*.v4.rules": "iptables-nft-restore", "*.v6.rules": "ip6tables-nft-restore"} {
		t.Run(restore, func(t *testing.T) {
			files, _ := filepath.Glob("../../shared/corpus/" + pattern)
			if len(files) == 0 {
				t.Skip("no corpus of iptables rule sets in ../shared/corpus")
			}
			c := emptyKernel(t)
			total := 0
			for _, f := range files {
				mustTool(t, "flush ruleset", "nft", "-f", "-")
				if _, err := tool(t, readFile(t, f), restore); err == nil { // others want ipsets, or are broken
					total += checkAllSaid(t, c)
				}
			}
			t.Logf("%d rules", total)
		})
	}
}

// TestBridgeAndArpRules: ebtables-nft makes sets of its own.
func TestBridgeAndArpRules(t *testing.T) {
	c := emptyKernel(t)
	for _, line := range []string{
		"ebtables-nft -A INPUT -p IPv4 --ip-src 10.0.0.0/8 --ip-proto tcp --ip-dport 80:90 -j DROP",
		"ebtables-nft -A INPUT --among-src 00:11:22:33:44:55,00:11:22:33:44:66 -j DROP",
		"ebtables-nft -A INPUT ! --among-dst 00:11:22:33:44:55=10.0.0.1,00:11:22:33:44:66=10.0.0.2 -j ACCEPT",
		"ebtables-nft -A FORWARD -s 00:11:22:33:44:55/ff:ff:ff:00:00:00 -i eth+ -j mark --mark-set 5 --mark-target ACCEPT",
		"ebtables-nft -A FORWARD -p 802_1Q --vlan-id 5 -j ACCEPT",
		"arptables-nft -A INPUT -s 10.0.0.1 --opcode Request -j DROP",
		"arptables-nft -A OUTPUT -d 10.0.0.0/8 -j mangle --mangle-ip-s 10.0.0.9",
	} {
		mustTool(t, "", strings.Fields(line)...)
	}
	if n := checkAllSaid(t, c); n != 7 {
		t.Errorf("%d rules, want 7", n)
	}
	for _, b := range readAll(t, c).Tables {
		checkSets(t, b)
	}
}

// checkAllSaid checks all rules, wants none opaque, and returns how many there are.
func checkAllSaid(t *testing.T, c *kernel.Conn) (rules int) {
	t.Helper()
	for _, b := range readAll(t, c).Tables {
		checkFrame(t, b)
		n, opaque := checkRules(t, b)
		rules += n
		for _, o := range opaque {
			t.Errorf("%s %s: opaque:\n%s", b.Family, b.Name, bytecode.Program(o.Ops))
		}
	}
	return rules
}

// TestWriteBack: what was raised and lowered can be loaded, and nft lists it like the rules it was read from.
func TestWriteBack(t *testing.T) {
	c := emptyKernel(t)
	mustTool(t, readFile(t, "testdata/families.nft"), "nft", "-f", "-")
	want := mustTool(t, "", "nft", "-s", "list", "ruleset")
	read := readAll(t, c)
	raised := Raise(read)

	c = emptyKernel(t)
	commit(t, c, Lower(raised))
	if got := mustTool(t, "", "nft", "-s", "list", "ruleset"); got != want {
		t.Errorf("nft lists\n%s\nwant\n%s", got, want)
	}
	again := Raise(readAll(t, c))
	for i, table := range raised.Tables {
		for j, chain := range table.Chains {
			for k, r := range chain.Rules {
				if !Same(r, again.Tables[i].Chains[j].Rules[k]) {
					t.Errorf("%s %s rule %d is not the same after it was written and read", table.Name, chain.Name, k)
				}
			}
		}
	}
}

func commit(t testing.TB, c *kernel.Conn, rs *bytecode.Ruleset) {
	t.Helper()
	batch := new(kernel.Batch)
	for _, table := range rs.Tables {
		batch.AddAll(table, nil)
	}
	if err := c.Commit(batch, 0); err != nil {
		t.Fatal(err)
	}
}
