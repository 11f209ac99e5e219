package kernel

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
	"rechain/nft/kernel/testlab"
)

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

// withoutCapabilities runs f in a new network namespace, on a thread that may do nothing special there and is thrown away.
func withoutCapabilities(t *testing.T, f func()) {
	testlab.Isolate(t)
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
