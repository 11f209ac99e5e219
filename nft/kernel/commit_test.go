package kernel

import (
	"testing"

	"rechain/nft/bytecode"
)

func TestQuick(t *testing.T) {
	c := isolatedConn(t)
	tab := &bytecode.Table{Family: bytecode.IPv4, Name: "t", Chains: []*bytecode.Chain{
		{Name: "out", Base: &bytecode.BaseChain{Type: "filter", Hook: bytecode.Output, Policy: bytecode.Accept}, Rules: []*bytecode.Rule{
			{Program: bytecode.Program{&bytecode.Counter{}, &bytecode.Verdict{Code: bytecode.Drop}}},
		}},
	}}
	var b Batch
	b.AddAll(tab, nil)
	commit(t, c, &b)
	t.Log(run(t, "", "nft", "list", "ruleset"))
	rs := ruleset(t, c)
	for _, x := range rs.Tables[0].Chains {
		t.Logf("%+v %+v", x, x.Base)
		t.Log(x.Rules[0].Program.String())
	}
	b = Batch{}
	b.Origin = Label("here:1")
	b.AddRule(bytecode.IPv4, "t", "out", &bytecode.Rule{Program: bytecode.Program{&bytecode.Counter{}, &bytecode.Unknown{Type: "nonsense"}}})
	b.Origin = Label("here:2")
	b.AddRule(bytecode.IPv4, "t", "nochain", &bytecode.Rule{Program: bytecode.Program{&bytecode.Counter{}}})
	b.AddRule(bytecode.IPv4, "t", "out", &bytecode.Rule{Program: bytecode.Program{&bytecode.Counter{}, &bytecode.TProxy{Port: 1}}})
	b.AddRule(bytecode.IPv4, "t", "out", &bytecode.Rule{Program: bytecode.Program{&bytecode.Counter{}, &bytecode.Lookup{Set: "x", Src: 1}}})
	b.AddRule(bytecode.IPv4, "t", "out", &bytecode.Rule{Program: bytecode.Program{&bytecode.Counter{}, &bytecode.Verdict{Code: bytecode.Jump, Chain: "zip"}}})
	b.DeleteRule(bytecode.IPv4, "t", "out", 99)
	b.DeleteTable(bytecode.IPv4, "u")
	b.AddChain(bytecode.IPv4, "t", &bytecode.Chain{Name: "y", Base: &bytecode.BaseChain{Type: "nut", Hook: 3}})
	t.Log(c.Commit(&b, 0))
	t.Log(c.Check(&b))
	t.Log(c.Commit(&b, 1))
	var b2 Batch
	b2.AddAll(tab, nil)
	t.Log(c.Check(&b2))
	t.Log(run(t, "", "nft", "list", "ruleset"))
	t.Log(c.Commit(&b2, 17))
}
