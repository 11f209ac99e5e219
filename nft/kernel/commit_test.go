package kernel

import (
	"errors"
	"fmt"
	"runtime"
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

func TestGenerationGuard(t *testing.T) {
	c := isolatedConn(t)
	gen, err := c.Generation()
	if err != nil {
		t.Fatal(err)
	}
	run(t, "", "nft", "add table ip other")
	var b Batch
	b.AddTable(&bytecode.Table{Family: bytecode.IPv4, Name: "mine"})
	if err := c.Commit(&b, gen); !errors.Is(err, ErrChanged) {
		t.Errorf("for an old generation: %v", err)
	}
	if now, _ := c.Generation(); now == gen {
		t.Error("nft did not change the generation")
	} else if err := c.Commit(&b, now); err != nil {
		t.Errorf("for the present one: %v", err)
	}
}

// Another program changes the rule set between reading and writing: the plan is made anew, and the change comes through.
func TestUpdatePlansAgain(t *testing.T) {
	c := isolatedConn(t)
	plans := 0
	err := c.Update(nil, func(rs *bytecode.Ruleset) (*Batch, error) {
		plans++
		if plans <= 3 {
			run(t, "", "nft", fmt.Sprintf("add table ip other%d", plans))
		}
		b := new(Batch)
		b.AddTable(&bytecode.Table{Family: bytecode.IPv4, Name: fmt.Sprintf("after%d", len(rs.Tables))})
		return b, nil
	})
	if err != nil || plans != 4 {
		t.Errorf("%d plans, error %v", plans, err)
	}
	if got := run(t, "", "nft", "list", "tables"); !strings.Contains(got, "after3") {
		t.Error(got)
	}

	b := new(Batch)
	b.AddTable(&bytecode.Table{Family: bytecode.IPv4, Name: "never"})
	err = c.Update(nil, func(*bytecode.Ruleset) (*Batch, error) {
		plans++
		var other Batch
		other.AddTable(&bytecode.Table{Family: bytecode.IPv4, Name: fmt.Sprintf("again%d", plans)})
		commit(t, c, &other)
		return b, nil
	})
	if !errors.Is(err, ErrChanged) || plans != 4+attempts {
		t.Errorf("%d plans, error %v", plans, err)
	}
	stop := errors.New("no")
	if err := c.Update(nil, func(*bytecode.Ruleset) (*Batch, error) { return nil, stop }); !errors.Is(err, stop) {
		t.Errorf("a plan that fails: %v", err)
	}
}

func TestOneBadRuleInAThousand(t *testing.T) {
	c := isolatedConn(t)
	var b Batch
	b.AddAll(sample(), nil)
	for i := range 1000 {
		b.Origin = Label(fmt.Sprintf("rules.v4:%d:1", i+1))
		op := bytecode.Op(&bytecode.Counter{})
		if i == 616 {
			op = &bytecode.Lookup{Set: "nosuchset", Src: 1}
		}
		b.AddRule(bytecode.IPv4, "sample", "mail", &bytecode.Rule{Program: bytecode.Program{&bytecode.Notrack{}, op}})
	}
	for what, send := range map[string]func() error{
		"commit": func() error { return c.Commit(&b, 0) },
		"check":  func() error { return c.Check(&b) },
	} {
		const want = `rules.v4:617:1: add rule ip sample mail: expression lookup reg 1 set nosuchset: no such file or directory; ` +
			`the chain, set or object that it names does not exist`
		if err := send(); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", what, err, want)
		}
	}
	if rs := ruleset(t, c); len(rs.Tables) != 0 {
		t.Errorf("something was changed: %s", run(t, "", "nft", "list", "ruleset"))
	}
}

// More faults than the socket has room for: those that fit are told, and that there are more.
func TestMoreFaultsThanRoom(t *testing.T) {
	c := isolatedConn(t)
	var b Batch
	for range 5000 {
		b.AddRule(bytecode.IPv4, "none", "none", &bytecode.Rule{})
	}
	var e *CommitError
	if err := c.Commit(&b, 0); !errors.As(err, &e) || !e.More || len(e.Failures) < 10 || len(e.Failures) == b.Len() {
		t.Fatal(err)
	}
	if !strings.HasSuffix(e.Error(), "\nand more errors that the kernel could not deliver") {
		t.Error(e)
	}
	t.Logf("%d of %d", len(e.Failures), b.Len())
	commit(t, c, sampleBatch())
}

func sampleBatch() *Batch {
	b := new(Batch)
	b.AddAll(sample(), nil)
	return b
}

// The kernel's words for what is wrong with a change, and ours for what to do.
func TestFaults(t *testing.T) {
	c := isolatedConn(t)
	run(t, `table ip t { chain out { type filter hook output priority 0; }; chain used { }; chain user { jump used; }; }`, "nft", "-f", "-")
	rule := func(ops ...bytecode.Op) *bytecode.Rule { return &bytecode.Rule{Program: ops} }
	jump := func(to string) *bytecode.Rule { return rule(&bytecode.Verdict{Code: bytecode.Jump, Chain: to}) }
	const family, table = bytecode.IPv4, "t"
	type fault struct {
		name string
		make func(b *Batch)
		err  unix.Errno
		want string
	}
	cases := []fault{
		{"unknown expression", func(b *Batch) {
			b.AddRule(family, table, "out", rule(&bytecode.Counter{}, &bytecode.Unknown{Type: "nonsense"}))
		}, unix.ENOENT, "add rule ip t out: expression nonsense unknown 0x: no such file or directory; this kernel lacks it or what it needs: module nft_nonsense"},
		{"unknown xtables match", func(b *Batch) {
			b.AddRule(family, table, "out", rule(&bytecode.XtMatch{Ext: "nonsense", Info: make([]byte, 8)}))
		}, unix.ENOENT, "module nft_compat, or the xtables extension"},
		{"jump to nowhere", func(b *Batch) { b.AddRule(family, table, "out", jump("nowhere")) }, unix.ENOENT,
			"add rule ip t out: expression immediate reg 0 jump -> nowhere: no such file or directory; the chain, set or object that it names does not exist"},
		{"no such chain", func(b *Batch) { b.AddRule(family, table, "nowhere", rule()) }, unix.ENOENT,
			"add rule ip t nowhere: no such file or directory; it does not exist"},
		{"no such table", func(b *Batch) { b.AddChain(family, "u", &bytecode.Chain{Name: "c"}) }, unix.ENOENT,
			"add chain ip u c: no such file or directory; there is no such table"},
		{"no such rule", func(b *Batch) { b.DeleteRule(family, table, "out", 99) }, unix.ENOENT,
			"delete rule ip t out handle 99: no such file or directory"},
		{"chain type", func(b *Batch) {
			b.AddChain(family, table, &bytecode.Chain{Name: "c", Base: &bytecode.BaseChain{Type: "nonsense", Policy: bytecode.Accept}})
		}, unix.ENOENT, "the kernel lacks the chain type"},
		{"in use", func(b *Batch) { b.DeleteChain(family, table, "used") }, unix.EBUSY, "something still refers to it"},
		{"family", func(b *Batch) { b.AddTable(&bytecode.Table{Family: 77, Name: "t"}) }, unix.EOPNOTSUPP,
			"add table family 77 t: operation not supported; this kernel does not filter that family"},
	}
	// The kernel looks for these only when it finds nothing else (nf_tables_validate).
	late := []fault{
		{"loop", func(b *Batch) {
			b.AddRule(family, table, "used", jump("user"))
			b.AddRule(family, table, "out", jump("user"))
		}, unix.EMLINK, "jumps nest more than 16 levels deep"},
		{"wrong hook", func(b *Batch) {
			b.AddRule(family, table, "out", rule(&bytecode.Immediate{Dst: 1, Data: []byte{0, 80}}, &bytecode.TProxy{Family: family, Port: 1}))
		}, unix.EOPNOTSUPP, "add rule ip t out: operation not supported; an expression is not possible in this family, chain type or hook"},
	}
	before := run(t, "", "nft", "list", "ruleset")
	var all Batch
	for _, test := range append(cases, late...) {
		var b Batch
		b.Origin = Label("here")
		test.make(&b)
		for what, err := range map[string]error{"commit": c.Commit(&b, 0), "check": c.Check(&b)} {
			if !errors.Is(err, test.err) || !strings.HasPrefix(err.Error(), "here: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, %s: %v\nwant %v: %s", test.name, what, err, test.err, test.want)
			}
		}
	}
	for _, test := range cases {
		test.make(&all)
	}
	// Together they are all told, in their order.
	var e *CommitError
	if err := c.Commit(&all, 0); !errors.As(err, &e) || len(e.Failures) != len(cases) {
		t.Errorf("together: %v", err)
	}
	if after := run(t, "", "nft", "list", "ruleset"); after != before {
		t.Error(cmp.Diff(before, after))
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

// withoutCapabilities runs f in a new network namespace, on a thread that may do nothing special there and is thrown away.
func withoutCapabilities(t *testing.T, f func()) {
	isolate(t)
	ns, err := OpenNamespace("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		err := errors.Join(enter(ns.file), unix.Capset(&header, &none[0]))
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestWithoutCapabilities(t *testing.T) {
	withoutCapabilities(t, func() {
		c, err := Dial(nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		var b Batch
		b.AddAll(sample(), nil)
		_, genErr := c.Generation()
		_, readErr := c.Ruleset(nil)
		_, traceErr := DialTrace(nil)
		for what, err := range map[string]error{
			"generation": genErr, "read": readErr, "trace": traceErr, "commit": c.Commit(&b, 0), "check": c.Check(&b),
		} {
			if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
				t.Errorf("%s: %v", what, err)
			} else {
				t.Logf("%s: %v", what, err)
			}
		}
	})
}

func TestOwnedTable(t *testing.T) {
	owner := isolatedConn(t)
	var b Batch
	b.AddTable(&bytecode.Table{Family: bytecode.IPv4, Name: "owned", Flags: 2})
	commit(t, owner, &b)
	other := connect(t)
	b = Batch{}
	b.DeleteTable(bytecode.IPv4, "owned")
	if err := other.Commit(&b, 0); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "another program") {
		t.Error(err)
	}
	if rs := ruleset(t, other); len(rs.Tables) != 1 || rs.Tables[0].Owner != owner.nl.PID() {
		t.Errorf("%+v", rs)
	}
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
