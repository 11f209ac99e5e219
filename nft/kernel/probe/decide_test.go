package probe

import (
	"testing"

	"rechain/nft/bytecode"
)

func TestDecision(t *testing.T) {
	nat := &bytecode.Chain{Name: "OUTPUT", Base: &bytecode.BaseChain{Type: "nat"}}
	filter := &bytecode.Chain{Name: "input", Base: &bytecode.BaseChain{Type: "filter"}}
	called := &bytecode.Chain{Name: "called"}
	step := func(c *bytecode.Chain, handle uint64, code bytecode.VerdictCode, program ...bytecode.Op) Step {
		s := Step{Chain: c, Verdict: bytecode.Verdict{Code: code}}
		if handle != 0 {
			s.Rule = &bytecode.Rule{Handle: handle, Program: program}
		}
		return s
	}
	hop := func(c *bytecode.Chain, steps ...Step) Hop {
		return Hop{Table: &bytecode.Table{}, Chain: c, Steps: steps}
	}
	let := hop(filter, step(filter, 0, bytecode.Accept))
	for _, c := range []struct {
		name  string
		trace []Hop
		want  uint64 // the rule; 0 a policy
		none  bool
	}{
		{name: "no rules", trace: []Hop{let}, none: true},
		{name: "policy of nat", trace: []Hop{hop(nat, step(nat, 0, bytecode.Accept)), let}},
		{name: "return", trace: []Hop{hop(nat, step(nat, 1, bytecode.Jump), step(called, 2, bytecode.Return), step(nat, 0, bytecode.Accept)), let},
			want: 2},
		{name: "redirect", trace: []Hop{hop(nat, step(nat, 1, bytecode.Jump), step(called, 2, bytecode.Accept, &bytecode.Redir{})),
			hop(filter, step(filter, 3, bytecode.Accept))}, want: 2},
		{name: "redirected, then dropped", trace: []Hop{hop(nat, step(nat, 2, bytecode.Accept, &bytecode.Redir{})),
			hop(filter, step(filter, 3, bytecode.Drop))}, want: 3},
		{name: "redirected, then dropped by a policy", trace: []Hop{hop(nat, step(nat, 2, bytecode.Accept, &bytecode.Redir{})),
			hop(filter, step(filter, 0, bytecode.Drop))}},
		{name: "accepted in a filter, let go in nat", trace: []Hop{hop(filter, step(filter, 3, bytecode.Accept)),
			hop(nat, step(nat, 2, bytecode.Return), step(nat, 0, bytecode.Accept))}, want: 2},
		{name: "only marked", trace: []Hop{hop(filter, step(filter, 3, bytecode.Continue), step(filter, 0, bytecode.Accept))}, none: true},
	} {
		_, s, ok := (&Result{Trace: c.trace}).Decision()
		var got uint64
		if s.Rule != nil {
			got = s.Rule.Handle
		}
		if ok == c.none || got != c.want {
			t.Errorf("%s: rule %d, %v; not %d", c.name, got, ok, c.want)
		}
	}
}

func TestTProxyPort(t *testing.T) {
	port := func(p ...byte) *bytecode.Immediate { return &bytecode.Immediate{Dst: 1, Data: p} }
	for _, c := range []struct {
		program bytecode.Program
		want    uint16
	}{
		{bytecode.Program{port(0x3a, 0x9e), &bytecode.TProxy{Port: 1}}, 15006},
		{bytecode.Program{port(0x3a, 0x9e), port(0x3a, 0x9f), &bytecode.TProxy{Port: 1}}, 15007},
		{bytecode.Program{&bytecode.TProxy{}}, 0},
		{bytecode.Program{port(0x3a, 0x9e), &bytecode.Redir{}}, 0},
	} {
		if got := TProxyPort(&bytecode.Rule{Program: c.program}); got != c.want {
			t.Errorf("%s: port %d, not %d", c.program, got, c.want)
		}
	}
}
