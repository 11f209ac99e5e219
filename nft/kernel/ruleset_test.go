package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
	"rechain/nft/kernel/testlab"
)

// files of testdata hold what nft can make.
func loadFile(t testing.TB, name string) {
	t.Helper()
	out, err := exec.Command("nft", "-f", "testdata/"+name).CombinedOutput()
	testlab.Need(t, err == nil, fmt.Sprintf("an nft and a kernel that can do %s: %s", name, out))
}

// What others wrote and we read and wrote elsewhere, they list there as they do here, and the kernel returns the very same bytes
// for every rule.
func TestCopyIsTheSame(t *testing.T) {
	for name, load := range map[string]func(*testing.T){
		"nft":       func(t *testing.T) { loadFile(t, "rich.nft") },
		"flowtable": flowtable,
		"iptables-nft": func(t *testing.T) {
			testlab.Users(t)
			run(t, compatRules, "iptables-nft-restore")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := isolatedConn(t)
			load(t)
			want, wantBytes := run(t, "", "nft", "list", "ruleset"), expressions(t, c)
			rs := ruleset(t, c)

			elsewhere := isolatedConn(t)
			var b Batch
			for _, table := range rs.Tables {
				addCompat(t, table)
				b.AddAll(table, nil)
			}
			commit(t, elsewhere, &b)
			if diff := cmp.Diff(want, run(t, "", "nft", "list", "ruleset")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(wantBytes, expressions(t, elsewhere)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(bare(rs), bare(ruleset(t, elsewhere))); diff != "" {
				t.Error(diff)
			}
			t.Logf("%d rules", len(wantBytes))
		})
	}
}

// expressions are the payloads of NFTA_RULE_EXPRESSIONS as the kernel returns them.
func expressions(t *testing.T, c *Conn) [][]byte {
	t.Helper()
	var all [][]byte
	err := c.query(unix.NFT_MSG_GETRULE, unix.NLM_F_DUMP, bytecode.Unspec, nil, func(_ bytecode.Family, attrs []byte) error {
		exprs, _ := bytecode.FindAttr(attrs, unix.NFTA_RULE_EXPRESSIONS)
		all = append(all, slices.Clone(exprs))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// addCompat gives rules with compat expressions the protocol that the kernel wants with them and does not return. iptables-nft
// has it in a comparison.
func addCompat(t *testing.T, table *bytecode.Table) {
	for _, chain := range table.Chains {
		for _, rule := range chain.Rules {
			compat, proto := false, uint32(0)
			for i, op := range rule.Program {
				switch op := op.(type) {
				case *bytecode.XtMatch, *bytecode.XtTarget:
					compat = true
				case *bytecode.Cmp:
					if load, ok := rule.Program[i-1].(*bytecode.Meta); ok && load.Key == bytecode.MetaL4proto {
						proto = uint32(op.Data[0])
					}
				case *bytecode.Unknown:
					t.Errorf("%s %s: unknown expression %s", table.Name, chain.Name, op.Type)
				}
			}
			if compat {
				rule.Compat = &bytecode.RuleCompat{Proto: proto}
			}
		}
	}
}

// flowtable loads a flowtable, which many kernels were built without.
func flowtable(t *testing.T) {
	if out, err := exec.Command("nft", "-f", "testdata/flowtable.nft").CombinedOutput(); err != nil {
		t.Skipf("the kernel has no flowtables: %s", out)
	}
}

// bare strips what the kernel numbers, and puts elements into an order, since a hash has its own each time.
func bare(rs *bytecode.Ruleset) []*bytecode.Table {
	for _, t := range rs.Tables {
		t.Handle = 0
		for _, s := range t.Sets {
			s.Handle = 0
			slices.SortFunc(s.Elements, func(a, b bytecode.Element) int {
				return bytes.Compare(appendElement(nil, &a), appendElement(nil, &b))
			})
		}
		for _, o := range t.Objects {
			o.Handle = 0
		}
		for _, f := range t.Flowtables {
			f.Handle = 0
		}
		for _, c := range t.Chains {
			c.Handle = 0
			for _, r := range c.Rules {
				r.Handle, r.Compat = 0, nil
			}
		}
	}
	return rs.Tables
}

const compatRules = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT DROP [5:500]
:mine - [0:0]
-A INPUT -i lo -m comment --comment "all of lo" -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443,8000:8100 -m conntrack --ctstate NEW,ESTABLISHED -j mine
-A INPUT -p udp -m udp ! --dport 53 -m limit --limit 5/min -j LOG --log-prefix "udp "
-A INPUT -m string --string "abc" --algo bm -j DROP
-A OUTPUT -m owner --uid-owner 1337 -j RETURN
-A OUTPUT -m statistic --mode random --probability 0.5 -j mine
-A mine -p tcp -m mark --mark 0x1/0xff -j REJECT --reject-with tcp-reset
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -j REDIRECT --to-ports 15006
-A PREROUTING -p udp -d 10.0.0.1/32 -j DNAT --to-destination 10.0.0.2:53
-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE
COMMIT
*mangle
-A PREROUTING -p tcp -j TPROXY --on-port 15001 --tproxy-mark 0x1/0x1
-A PREROUTING -p tcp -j MARK --set-xmark 0x539/0xffffffff
-A OUTPUT -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
COMMIT
`

// Tables of one name in several families are kept apart, also where the kernel selects them by name.
func TestOnlySomeTables(t *testing.T) {
	c := isolatedConn(t)
	run(t, `
		table ip twin { chain a { accept; drop; }; set s { type ipv4_addr; elements = { 1.1.1.1 }; }; counter c { }; }
		table ip6 twin { chain a { accept; }; set s { type ipv6_addr; elements = { ::1, ::2 }; }; counter c { }; }
		table inet twin { chain a { accept; }; }
		table inet other { chain a { accept; }; set s { type mark; }; }
	`, "nft", "-f", "-")
	rs, err := c.Ruleset(func(t *bytecode.Table) bool { return t.Name == "twin" && t.Family != bytecode.Inet })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, table := range rs.Tables {
		for _, s := range table.Sets {
			got = append(got, familyName(table.Family), s.Name, strings.Repeat("e", len(s.Elements)))
		}
		for _, c := range table.Chains {
			got = append(got, c.Name, strings.Repeat("r", len(c.Rules)))
		}
		for _, o := range table.Objects {
			got = append(got, o.Name)
		}
	}
	if diff := cmp.Diff([]string{"ip", "s", "e", "a", "rr", "c", "ip6", "s", "ee", "a", "r", "c"}, got); diff != "" {
		t.Error(diff)
	}
	if rs, err := c.Ruleset(func(*bytecode.Table) bool { return false }); err != nil || len(rs.Tables) != 0 || rs.Gen == 0 {
		t.Errorf("of no tables: %v, %v", rs, err)
	}
}

// Another program replaces a table all the time, always with as many rules in one chain as in the other. No snapshot shows
// anything else.
func TestSnapshotsAreConsistent(t *testing.T) {
	c := isolatedConn(t)
	writer := connect(t)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			table := &bytecode.Table{Family: bytecode.IPv4, Name: "t"}
			for _, name := range []string{"a", "b"} {
				chain := &bytecode.Chain{Name: name}
				for range 500 + n%500 {
					chain.Rules = append(chain.Rules, &bytecode.Rule{Program: bytecode.Program{&bytecode.Counter{}}})
				}
				table.Chains = append(table.Chains, chain)
			}
			var b Batch
			b.AddTable(table)
			b.DeleteTable(table.Family, table.Name)
			b.AddAll(table, nil)
			if err := writer.Commit(&b, 0); err != nil {
				done <- err
				return
			}
		}
	}()
	read, busy := 0, 0
	for range 50 {
		rs, err := c.Ruleset(nil)
		if err != nil {
			busy++
			continue
		}
		read++
		for _, table := range rs.Tables {
			if a, b := len(table.Chains[0].Rules), len(table.Chains[1].Rules); a != b {
				t.Errorf("%d rules beside %d", a, b)
			}
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Logf("%d snapshots, %d refused", read, busy)
}

func TestEmptyNamespace(t *testing.T) {
	c := isolatedConn(t)
	rs := ruleset(t, c)
	if len(rs.Tables) != 0 || rs.Gen == 0 {
		t.Errorf("%+v", rs)
	}
	if err := c.Commit(&Batch{}, 12345); err != nil {
		t.Error(err)
	}
	if gen, err := c.Generation(); gen != rs.Gen || err != nil {
		t.Errorf("an empty batch changed generation %d to %d, %v", rs.Gen, gen, err)
	}
}

// Chains on devices: several, and all whose name begins so, which not every kernel can.
func TestDevices(t *testing.T) {
	c := isolatedConn(t)
	run(t, "", "ip", "link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
	for _, devices := range [][]string{{"eth7"}, {"eth7", "lo"}, {"eth*"}, {"eth*", "lo"}} {
		var b Batch
		b.AddAll(&bytecode.Table{Family: bytecode.Netdev, Name: "t", Chains: []*bytecode.Chain{{Name: "c", Base: &bytecode.BaseChain{
			Type: "filter", Policy: bytecode.Accept, Devices: devices,
		}}}}, nil)
		err := c.Commit(&b, 0)
		if strings.HasSuffix(devices[0], "*") && errors.Is(err, unix.EINVAL) {
			t.Logf("the kernel has no device prefixes: %v", err)
			continue
		}
		if err != nil {
			t.Fatal(devices, err)
		}
		if got := ruleset(t, c).Tables[0].Chains[0].Base.Devices; !slices.Equal(got, devices) {
			t.Errorf("%q became %q", devices, got)
		}
		t.Log(run(t, "", "nft", "list", "ruleset"))
		b = Batch{}
		b.DeleteTable(bytecode.Netdev, "t")
		commit(t, c, &b)
	}
}
