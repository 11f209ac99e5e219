package kernel

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// sample has chains, rules, an interval set, a concatenation, a verdict map and an anonymous set, as nft would lower them.
func sample() *bytecode.Table {
	l4proto := &bytecode.Meta{Key: bytecode.MetaL4proto, Dst: 1}
	tcp := &bytecode.Cmp{Src: 1, Data: []byte{unix.IPPROTO_TCP}}
	dport := &bytecode.Payload{Base: bytecode.TransportHeader, Offset: 2, Len: 2, Dst: 1}
	saddr := &bytecode.Payload{Base: bytecode.NetworkHeader, Offset: 12, Len: 4, Dst: 1}
	accept, drop := &bytecode.Verdict{Code: bytecode.Accept}, &bytecode.Verdict{Code: bytecode.Drop}
	const verdictType = 0xffffff00 // NFT_DATA_VERDICT
	return &bytecode.Table{
		Family: bytecode.IPv4, Name: "sample",
		Sets: []*bytecode.Set{
			{Name: "nets", ID: 1, Flags: bytecode.SetInterval, KeyType: 7, KeyLen: 4, Elements: []bytecode.Element{
				{Key: []byte{10, 0, 0, 0}}, {Key: []byte{11, 0, 0, 0}, Flags: bytecode.ElemIntervalEnd},
			}},
			{Name: "pairs", ID: 2, Flags: bytecode.SetInterval | bytecode.SetConcat, KeyType: 7<<6 | 13, KeyLen: 8,
				Fields: []uint32{4, 2}, Elements: []bytecode.Element{
					{Key: []byte{1, 2, 3, 4, 0, 80, 0, 0}, KeyEnd: []byte{1, 2, 3, 9, 0, 90, 0, 0}},
				}},
			{Name: "ports", ID: 3, Flags: bytecode.SetMap, KeyType: 13, KeyLen: 2, DataType: verdictType, DataLen: 16,
				Elements: []bytecode.Element{
					{Key: []byte{0, 22}, Verdict: accept},
					{Key: []byte{0, 25}, Verdict: &bytecode.Verdict{Code: bytecode.Jump, Chain: "mail"}},
				}},
			{Name: "__set%d", ID: 4, Flags: bytecode.SetAnonymous | bytecode.SetConstant, KeyType: 13, KeyLen: 2,
				Elements: []bytecode.Element{{Key: []byte{0, 80}}, {Key: []byte{1, 187}}}},
		},
		Chains: []*bytecode.Chain{
			{Name: "in", Flags: 1, Base: &bytecode.BaseChain{Type: "filter", Hook: bytecode.Input, Priority: 5, Policy: bytecode.Drop},
				Rules: []*bytecode.Rule{
					{Program: bytecode.Program{saddr, &bytecode.Lookup{Set: "nets", Src: 1}, &bytecode.Counter{}, drop}},
					{Program: bytecode.Program{l4proto, tcp, dport, &bytecode.Lookup{Set: "ports", Src: 1, HasDst: true}}},
					{Program: bytecode.Program{l4proto, tcp, dport, &bytecode.Lookup{Set: "__set%d", SetID: 4, Src: 1}, accept},
						UserData: append([]byte{0, 3}, "hi\x00"...)},
				}},
			{Name: "mail"},
		},
	}
}

const sampleText = `table ip sample {
	set nets {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8 }
	}

	set pairs {
		type ipv4_addr . inet_service
		flags interval
		elements = { 1.2.3.4-1.2.3.9 . 80-90 }
	}

	map ports {
		type inet_service : verdict
		elements = { 22 : accept, 25 : jump mail }
	}

	chain in {
		type filter hook input priority filter + 5; policy drop;
		ip saddr @nets counter packets 0 bytes 0 drop
		tcp dport vmap @ports
		tcp dport { 80, 443 } accept comment "hi"
	}

	chain mail {
	}
}
`

func TestCommitIsWhatNftShows(t *testing.T) {
	c := isolatedConn(t)
	var b Batch
	b.AddAll(sample(), nil)
	commit(t, c, &b)
	if diff := cmp.Diff(sampleText, run(t, "", "nft", "list", "ruleset")); diff != "" {
		t.Error(diff)
	}

	// Read back, it is what was written but for the name that the kernel gave to the anonymous set.
	want := sample()
	want.Sets[3].Name = "__set0"
	lookup := want.Chains[0].Rules[2].Program[3].(*bytecode.Lookup)
	lookup.Set, lookup.SetID = "__set0", 0
	for _, s := range want.Sets {
		s.ID = 0
	}
	rs := ruleset(t, c)
	if diff := cmp.Diff(bare(&bytecode.Ruleset{Tables: []*bytecode.Table{want}}), bare(rs)); diff != "" {
		t.Error(diff)
	}

	b = Batch{}
	b.DeleteTable(bytecode.IPv4, "sample")
	commit(t, c, &b)
	if rs := ruleset(t, c); len(rs.Tables) != 0 {
		t.Errorf("deleted, but there is %+v", rs.Tables)
	}
}

// Every single change does what it says.
func TestChanges(t *testing.T) {
	c := isolatedConn(t)
	const family, table = bytecode.IPv4, "sample"
	var b Batch
	b.AddAll(sample(), nil)
	commit(t, c, &b)
	in := ruleset(t, c).Tables[0].Chains[0]

	b = Batch{}
	mark := func(n byte) *bytecode.Rule {
		return &bytecode.Rule{Program: bytecode.Program{
			&bytecode.Immediate{Dst: 1, Data: []byte{n, 0, 0, 0}}, &bytecode.Meta{Key: bytecode.MetaMark, Src: 1, Set: true},
		}}
	}
	b.AddRule(family, table, "in", mark(4))
	b.InsertRule(family, table, "in", mark(2), in.Rules[1].Handle)
	b.InsertRule(family, table, "in", mark(0), 0)
	b.DeleteRule(family, table, "in", in.Rules[2].Handle)
	b.SetPolicy(family, table, "in", bytecode.Accept)
	b.AddChain(family, table, &bytecode.Chain{Name: "new"})
	b.DeleteElements(family, table, &bytecode.Set{Name: "ports", Elements: []bytecode.Element{{Key: []byte{0, 25}}}})
	b.DeleteChain(family, table, "mail")
	b.DeleteSet(family, table, "pairs")
	b.AddObject(family, table, &bytecode.Object{Type: bytecode.ObjectCounter, Name: "o", Value: &bytecode.Counter{}})
	b.AddObject(family, table, &bytecode.Object{Type: bytecode.ObjectCounter, Name: "gone", Value: &bytecode.Counter{}})
	b.DeleteObject(family, table, bytecode.ObjectCounter, "gone")
	commit(t, c, &b)
	const want = `table ip sample {
	counter o {
		packets 0 bytes 0
	}

	set nets {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8 }
	}

	map ports {
		type inet_service : verdict
		elements = { 22 : accept }
	}

	chain in {
		type filter hook input priority filter + 5; policy accept;
		meta mark set 0x00000000
		ip saddr @nets counter packets 0 bytes 0 drop
		meta mark set 0x00000002
		tcp dport vmap @ports
		meta mark set 0x00000004
	}

	chain new {
	}
}
`
	if diff := cmp.Diff(want, run(t, "", "nft", "list", "ruleset")); diff != "" {
		t.Error(diff)
	}
}

// The edits that Diff finds, made one after the other, end where they should, with an anonymous set that comes with a rule.
func TestEdits(t *testing.T) {
	c := isolatedConn(t)
	have := sample()
	have.Sets = have.Sets[3:]
	have.Chains[0].Rules = have.Chains[0].Rules[2:]
	var b Batch
	b.AddAll(have, nil)
	commit(t, c, &b)

	want := sample()
	want.Sets = append(want.Sets[3:], &bytecode.Set{
		Name: "__set%d", ID: 5, Flags: bytecode.SetAnonymous | bytecode.SetConstant, KeyType: 7, KeyLen: 4,
		Elements: []bytecode.Element{{Key: []byte{1, 1, 1, 1}}},
	})
	rules := want.Chains[0].Rules
	rules[0].Program[1] = &bytecode.Lookup{Set: "__set%d", SetID: 5, Src: 1}
	want.Chains[0].Rules = []*bytecode.Rule{rules[0], rules[2]}
	want.Chains[1].Name = "post"

	before := ruleset(t, c)
	b = Batch{}
	for _, e := range bytecode.Diff(before.Tables, []*bytecode.Table{want}) {
		b.Edit(e, nil)
	}
	if err := c.Commit(&b, before.Gen); err != nil {
		t.Fatal(err)
	}
	after := ruleset(t, c)
	if edits := bytecode.Diff(after.Tables, []*bytecode.Table{want}); len(edits) != 0 {
		t.Errorf("still to be changed: %+v\n%s", edits, run(t, "", "nft", "list", "ruleset"))
	}
	if a, b := before.Tables[0].Chains[0].Rules[0], after.Tables[0].Chains[0].Rules[1]; a.Handle != b.Handle {
		t.Errorf("the rule that stayed had handle %d and has %d", a.Handle, b.Handle)
	}
}

func TestCheckChangesNothing(t *testing.T) {
	c := isolatedConn(t)
	gen, _ := c.Generation()
	var b Batch
	b.AddAll(sample(), nil)
	if err := c.Check(&b); err != nil {
		t.Error(err)
	}
	if rs := ruleset(t, c); len(rs.Tables) != 0 || rs.Gen != gen {
		t.Errorf("check changed generation %d to %+v", gen, rs)
	}
	commit(t, c, &b)
}

// One transaction, and one call, for 20,000 rules and a set of 20,000 elements, whose attributes hold a few thousand each.
func TestManyRules(t *testing.T) {
	c := isolatedConn(t)
	const n = 20000
	table := manyRules(n)
	set := &bytecode.Set{Name: "many", KeyType: 7, KeyLen: 4}
	for i := range n {
		set.Elements = append(set.Elements, bytecode.Element{Key: []byte{10, 0, byte(i >> 8), byte(i)}})
	}
	table.Sets = append(table.Sets, set)

	start := time.Now()
	var b Batch
	b.AddAll(table, nil)
	encoded := time.Since(start)
	commit(t, c, &b)
	committed := time.Since(start) - encoded
	start = time.Now()
	rs := ruleset(t, c)
	t.Logf("%d rules and as many elements, %d messages, %d bytes: encoded in %v, committed in %v, read in %v",
		n, b.Len(), b.Size(), encoded, committed, time.Since(start))
	got := rs.Tables[0]
	if len(got.Chains[0].Rules) != n || len(got.Sets[0].Elements) != n {
		t.Errorf("%d rules, %d elements", len(got.Chains[0].Rules), len(got.Sets[0].Elements))
	}
}

// manyRules is a table with n rules of the usual kind: an address, a port, a counter, a verdict.
func manyRules(n int) *bytecode.Table {
	chain := &bytecode.Chain{Name: "c"}
	for i := range n {
		chain.Rules = append(chain.Rules, &bytecode.Rule{Program: bytecode.Program{
			&bytecode.Payload{Base: bytecode.NetworkHeader, Offset: 12, Len: 4, Dst: 1},
			&bytecode.Cmp{Src: 1, Data: []byte{10, 0, byte(i >> 8), byte(i)}},
			&bytecode.Meta{Key: bytecode.MetaL4proto, Dst: 1},
			&bytecode.Cmp{Src: 1, Data: []byte{unix.IPPROTO_TCP}},
			&bytecode.Payload{Base: bytecode.TransportHeader, Offset: 2, Len: 2, Dst: 1},
			&bytecode.Cmp{Src: 1, Data: []byte{0, 80}},
			&bytecode.Counter{},
			&bytecode.Verdict{Code: bytecode.Accept},
		}})
	}
	return &bytecode.Table{Family: bytecode.IPv4, Name: "many", Chains: []*bytecode.Chain{chain}}
}

func TestTooLarge(t *testing.T) {
	c := isolatedConn(t)
	var b Batch
	b.AddAll(sample(), nil)
	b.Origin = Label("here")
	b.AddRule(bytecode.IPv4, "sample", "mail", &bytecode.Rule{Program: bytecode.Program{&bytecode.Unknown{Type: "x", Data: make([]byte, 70000)}}})
	if err := c.Commit(&b, 0); !errors.Is(err, ErrTooLarge) || !strings.HasPrefix(err.Error(), "here: add rule ip sample mail") {
		t.Error(err)
	}
}
