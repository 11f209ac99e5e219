package bytecode

import (
	"fmt"
	"slices"
	"testing"
)

// counted is a rule that counts and returns, told apart by the length it asks for.
func counted(length byte) *Rule {
	return &Rule{Handle: uint64(length), Program: Program{
		&Meta{Key: MetaLen, Dst: 1}, &Cmp{Src: 1, Data: []byte{length, 0, 0, 0}}, &Counter{}, &Verdict{Code: Return}}}
}

func withRules(lengths string) *Table {
	c := &Chain{Name: "c"}
	for _, l := range []byte(lengths) {
		c.Rules = append(c.Rules, counted(l))
	}
	return &Table{Family: Inet, Name: "t", Chains: []*Chain{c}}
}

// replay makes the edits of rules by hand, the slow way, as the kernel would.
func replay(t *testing.T, have *Table, edits []Edit) string {
	t.Helper()
	rules := slices.Clone(have.Chains[0].Rules)
	at := func(handle uint64) int {
		i := slices.IndexFunc(rules, func(r *Rule) bool { return r.Handle == handle })
		if i < 0 {
			t.Fatalf("an edit names handle %d, which is not there", handle)
		}
		return i
	}
	for _, e := range edits {
		switch e.Kind {
		case AddRule:
			rules = append(rules, &Rule{Program: e.Rule.Program})
		case InsertRule:
			rules = slices.Insert(rules, at(e.Before), &Rule{Program: e.Rule.Program})
		case DeleteRule:
			i := at(e.Rule.Handle)
			rules = slices.Delete(rules, i, i+1)
		default:
			t.Fatalf("unexpected edit %+v", e)
		}
	}
	var out []byte
	for _, r := range rules {
		out = append(out, r.Program[1].(*Cmp).Data[0])
	}
	return string(out)
}

func TestDiffRules(t *testing.T) {
	for _, c := range []struct {
		have, want string
		edits      int
	}{
		{"", "", 0},
		{"abc", "abc", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "axc", 2},
		{"abc", "xabc", 1},
		{"abc", "abcx", 1},
		{"abc", "cab", 2},
		{"abcdef", "abxcyfz", 5},
	} {
		t.Run(fmt.Sprintf("%q to %q", c.have, c.want), func(t *testing.T) {
			have, want := withRules(c.have), withRules(c.want)
			edits := Diff([]*Table{have}, []*Table{want})
			if len(edits) != c.edits {
				t.Errorf("%d edits, want %d", len(edits), c.edits)
			}
			if got := replay(t, have, edits); got != c.want {
				t.Errorf("the edits make %q", got)
			}
		})
	}
}

func TestDiffIgnoresCountsAndSetNames(t *testing.T) {
	table := func(set string, id uint32, packets uint64, ports ...byte) *Table {
		s := &Set{Name: set, ID: id, Flags: SetAnonymous | SetConstant, KeyType: 13, KeyLen: 2}
		for _, p := range ports {
			s.Elements = append(s.Elements, Element{Key: []byte{0, p}})
		}
		r := &Rule{Program: Program{&Payload{Base: TransportHeader, Offset: 2, Len: 2, Dst: 1},
			&Lookup{Set: set, SetID: id, Src: 1}, &Counter{Packets: packets}}}
		return &Table{Family: IPv4, Name: "t", Sets: []*Set{s}, Chains: []*Chain{{Name: "c", Rules: []*Rule{r}}}}
	}
	have := table("__set7", 0, 99, 80, 22)
	if edits := Diff([]*Table{have}, []*Table{table("__set%d", 1, 0, 22, 80)}); len(edits) != 0 {
		t.Errorf("the same rule gives %d edits", len(edits))
	}
	if edits := Diff([]*Table{have}, []*Table{table("__set%d", 1, 0, 22, 81)}); len(edits) != 2 {
		t.Errorf("a rule with another port in its set gives %d edits, want 2", len(edits))
	}
}

func TestDiffReplacesWhatCannotChange(t *testing.T) {
	hook := func(priority int32, policy VerdictCode) *Table {
		t := withRules("ab")
		t.Chains[0].Base = &BaseChain{Type: "filter", Hook: Input, Priority: priority, Policy: policy}
		return t
	}
	kinds := func(have, want []*Table) (kinds []EditKind) {
		for _, e := range Diff(have, want) {
			kinds = append(kinds, e.Kind)
		}
		return kinds
	}
	have := []*Table{hook(0, Accept)}
	for _, c := range []struct {
		name string
		want []*Table
		kind []EditKind
	}{
		{"policy", []*Table{hook(0, Drop)}, []EditKind{SetPolicy}},
		{"priority", []*Table{hook(1, Accept)}, []EditKind{DeleteTable, AddTable}},
		{"no base", []*Table{withRules("ab")}, []EditKind{DeleteTable, AddTable}},
		{"gone", nil, []EditKind{DeleteTable}},
	} {
		if got := kinds(have, c.want); !slices.Equal(got, c.kind) {
			t.Errorf("%s: edits %v, want %v", c.name, got, c.kind)
		}
	}
}
