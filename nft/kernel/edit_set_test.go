package kernel

import (
	"testing"

	"rechain/nft/bytecode"
)

// Sets are changed where they are: rules and sets that stay keep their handles, and what is then in the kernel is what was wanted.
func TestEditSets(t *testing.T) {
	c := isolatedConn(t)
	addrs := func(last ...byte) (es []bytecode.Element) {
		for _, b := range last {
			es = append(es, bytecode.Element{Key: []byte{10, 0, 0, b}})
		}
		return es
	}
	mark := func(b byte, flags uint32) bytecode.Element {
		return bytecode.Element{Key: []byte{10, 0, 0, b}, Flags: flags}
	}
	jump := func(b byte, chain string) bytecode.Element {
		e := mark(b, 0)
		e.Verdict = &bytecode.Verdict{Code: bytecode.Jump, Chain: chain}
		return e
	}
	const end = bytecode.ElemIntervalEnd
	set := func(name string, flags uint32, es ...bytecode.Element) *bytecode.Set {
		s := &bytecode.Set{Name: name, Flags: flags, KeyType: 7, KeyLen: 4, Elements: es}
		if flags&bytecode.SetMap != 0 {
			s.DataType = 0xffffff00
		}
		return s
	}
	lookup := func(set string) *bytecode.Rule {
		l := &bytecode.Lookup{Set: set, Src: 1}
		if set == "map" {
			l.HasDst, l.Dst = true, bytecode.VerdictReg
		}
		return &bytecode.Rule{Program: bytecode.Program{
			&bytecode.Payload{Base: bytecode.NetworkHeader, Offset: 12, Len: 4, Dst: 1}, l}}
	}
	table := func(chains []*bytecode.Chain, rules []*bytecode.Rule, sets ...*bytecode.Set) *bytecode.Table {
		for i, s := range sets {
			s.ID = uint32(i + 1)
		}
		return &bytecode.Table{Family: bytecode.IPv4, Name: "t", Sets: sets, Chains: append(chains, &bytecode.Chain{Name: "main", Rules: rules})}
	}
	have := table([]*bytecode.Chain{{Name: "old"}},
		[]*bytecode.Rule{lookup("hash"), lookup("ranges"), lookup("map"), lookup("gone"), lookup("dynamic")},
		set("hash", 0, addrs(1, 2, 3)...),
		set("ranges", bytecode.SetInterval, bytecode.Element{Key: make([]byte, 4), Flags: end}, mark(1, 0), mark(9, end), mark(30, 0), mark(40, end)),
		set("map", bytecode.SetMap, jump(1, "old"), jump(2, "old")),
		set("gone", 0, addrs(1)...),
		set("dynamic", bytecode.SetEval, addrs(7)...))
	want := table([]*bytecode.Chain{{Name: "new"}},
		[]*bytecode.Rule{lookup("hash"), lookup("ranges"), lookup("more"), lookup("map"), lookup("dynamic")},
		set("hash", 0, addrs(2, 3, 4)...),
		set("ranges", bytecode.SetInterval, bytecode.Element{Key: make([]byte, 4), Flags: end}, mark(5, 0), mark(20, end)),
		set("map", bytecode.SetMap, jump(1, "new")),
		set("more", 0, addrs(8)...),
		set("dynamic", bytecode.SetEval))
	var b Batch
	b.AddAll(have, nil)
	commit(t, c, &b)
	before := ruleset(t, c)
	b = Batch{}
	for _, e := range bytecode.Diff(before.Tables, []*bytecode.Table{want}) {
		if e.Kind == bytecode.AddTable || e.Kind == bytecode.DeleteTable {
			t.Fatal("the table is replaced")
		}
		b.Edit(e, nil)
	}
	if err := c.Commit(&b, before.Gen); err != nil {
		t.Fatal(err)
	}
	after := ruleset(t, c)
	if edits := bytecode.Diff(after.Tables, []*bytecode.Table{want}); len(edits) != 0 {
		t.Errorf("still to be changed: %+v\n%s", edits, run(t, "", "nft", "list", "ruleset"))
	}
	handles := func(rs *bytecode.Ruleset) map[string]uint64 {
		h := map[string]uint64{}
		for _, s := range rs.Tables[0].Sets {
			h["set "+s.Name] = s.Handle
		}
		for _, ch := range rs.Tables[0].Chains {
			for _, r := range ch.Rules {
				h["rule "+r.Program[1].(*bytecode.Lookup).Set] = r.Handle
			}
		}
		return h
	}
	was, is := handles(before), handles(after)
	for _, name := range []string{"hash", "ranges", "map", "dynamic"} {
		for _, kind := range []string{"set ", "rule "} {
			if was[kind+name] != is[kind+name] || was[kind+name] == 0 {
				t.Errorf("%s had handle %d and has %d", kind+name, was[kind+name], is[kind+name])
			}
		}
	}
	for _, s := range after.Tables[0].Sets {
		if s.Name == "dynamic" && len(s.Elements) != 1 {
			t.Errorf("a dynamic set has lost what was in it: %+v", s)
		}
	}
	other := table(nil, nil, set("hash", bytecode.SetTimeout))
	if edits := bytecode.Diff(after.Tables, []*bytecode.Table{other}); len(edits) != 2 || edits[0].Kind != bytecode.DeleteTable {
		t.Errorf("a set of another kind: %+v", edits)
	}
}
