package compare

import (
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"testing"

	"rechain/nft/packet"
	"rechain/nft/trace"
)

// generator makes programs that collide a lot: few fields with few values, marks that are written and asked for, chains that lead to
// chains.
type generator struct{ *rand.Rand }

var generatedFields = []packet.Field{packet.IPv4Src, packet.DstPort, packet.Mark, packet.CTMark, packet.CTState, packet.L4Proto, packet.TCPFlags, packet.Iif}

func (g generator) value(f packet.Field) packet.Value {
	switch f {
	case packet.CTState:
		return packet.Num([]uint64{1, 2, 4, 8, 64}[g.Intn(5)])
	case packet.Iif:
		return packet.Name([]string{"", "eth0", "eth1", "lo"}[g.Intn(4)])
	}
	return packet.Num(uint64(g.Intn(6)))
}

func (g generator) pred(depth int) packet.Pred {
	f := generatedFields[g.Intn(len(generatedFields))]
	switch n := g.Intn(10); {
	case depth > 0 && n == 0:
		return packet.Not{P: g.pred(depth - 1)}
	case depth > 0 && n == 1:
		return packet.All{g.pred(depth - 1), g.pred(depth - 1)}
	case depth > 0 && n == 2:
		return packet.Any{g.pred(depth - 1), g.pred(depth - 1)}
	case n == 3:
		return &packet.Opaque{Key: fmt.Sprint("k", g.Intn(2))}
	case n <= 5:
		return packet.Test(f, packet.Num(uint64(g.Intn(7))), packet.Num(uint64(g.Intn(7))))
	}
	a, b := g.value(f), g.value(f)
	if a.Cmp(b) > 0 {
		a, b = b, a
	}
	return packet.Between(f, a, b)
}

func (g generator) effect() packet.Effect {
	marks := []packet.Field{packet.Mark, packet.CTMark}
	switch g.Intn(6) {
	case 0:
		return packet.Assign(packet.Mark, packet.Num(uint64(g.Intn(4))))
	case 1:
		return packet.AssignMasked(marks[g.Intn(2)], packet.Num(uint64(g.Intn(8))), packet.Num(uint64(g.Intn(8))))
	case 2:
		i := g.Intn(2)
		return &packet.Copy{To: marks[i], From: marks[1-i], Keep: packet.Num(0xfffffff0 | uint64(g.Intn(16))), Bits: packet.Num(uint64(g.Intn(16))), Shift: g.Intn(3) - 1}
	case 3:
		return &packet.Note{Key: fmt.Sprint("n", g.Intn(2)), Log: g.Intn(2) == 0}
	case 4:
		return packet.Assign(packet.CTState, packet.Num(packet.StateUntracked))
	}
	return &packet.Touch{Key: fmt.Sprint("t", g.Intn(2))}
}

func (g generator) steps(deeper []*packet.Chain, depth int) []packet.Step {
	var out []packet.Step
	for range g.Intn(3) {
		out = append(out, &packet.Require{P: g.pred(2)})
	}
	if g.Intn(8) == 0 {
		out = append(out, &packet.Require{P: packet.Negate(&packet.Opaque{Key: fmt.Sprint("limit", g.Intn(2)), Stateful: true}, g.Intn(2) == 0)})
	}
	if g.Intn(4) == 0 {
		out = append(out, &packet.Do{Effect: g.effect()})
	}
	if g.Intn(6) == 0 {
		out = append(out, &packet.Require{P: g.pred(1)})
	}
	if depth > 0 && g.Intn(8) == 0 {
		var cases []packet.Case
		for range 1 + g.Intn(3) {
			cases = append(cases, packet.Case{When: g.pred(1), Steps: g.steps(deeper, depth-1)})
		}
		return append(out, &packet.Choose{Cases: cases})
	}
	switch n := g.Intn(12); {
	case n < 2:
		out = append(out, &packet.End{Verdict: packet.Verdict{Kind: packet.Accept}})
	case n < 4:
		out = append(out, &packet.End{Verdict: packet.Verdict{Kind: packet.Drop}})
	case n == 4:
		out = append(out, &packet.End{Verdict: packet.Verdict{Kind: packet.Reject, Detail: fmt.Sprint(g.Intn(2))}})
	case n == 5:
		out = append(out, &packet.End{Verdict: packet.Verdict{Kind: packet.Return}})
	case n == 6:
		out = append(out, &packet.Do{Effect: g.nat()}, &packet.End{Verdict: packet.Verdict{Kind: packet.Accept}})
	case n < 10 && len(deeper) > 0:
		v := packet.Verdict{Kind: packet.Jump, Chain: deeper[g.Intn(len(deeper))]}
		if g.Intn(3) == 0 {
			v.Kind = packet.Goto
		}
		out = append(out, &packet.End{Verdict: v})
	}
	return out
}

func (g generator) nat() *packet.NAT {
	n := &packet.NAT{Kind: packet.NATKind(g.Intn(4))}
	if g.Intn(2) == 0 {
		p := packet.Num(uint64(g.Intn(4)))
		n.Port = &packet.Range{From: p, To: p}
	}
	if n.Kind == packet.DNAT || n.Kind == packet.SNAT {
		a := uint64(g.Intn(3))
		n.Addr = &packet.Range{From: packet.Num(a), To: packet.Num(a + uint64(g.Intn(2)))}
	}
	return n
}

func (g generator) program() *packet.Program {
	p := &packet.Program{}
	var deeper []*packet.Chain
	for i := range 6 {
		c := &packet.Chain{Name: fmt.Sprint("c", i)}
		for range g.Intn(5) {
			c.Rules = append(c.Rules, &packet.Rule{Steps: g.steps(deeper, 2)})
		}
		if i > 3 {
			c.Base = &packet.Base{Hook: packet.Input, Priority: i, Drop: g.Intn(2) == 0, NAT: g.Intn(3) == 0}
		} else {
			deeper = append(deeper, c)
		}
		p.Chains = append(p.Chains, c)
	}
	return p
}

// mutate changes one rule of the copy, or nothing.
func (g generator) mutate(p *packet.Program) *packet.Program {
	out := &packet.Program{}
	chains := map[*packet.Chain]*packet.Chain{}
	for _, c := range p.Chains {
		d := *c
		chains[c] = &d
		out.Chains = append(out.Chains, &d)
	}
	at := g.Intn(len(p.Chains))
	for i, c := range out.Chains {
		var rules []*packet.Rule
		for _, r := range c.Rules {
			rules = append(rules, &packet.Rule{Steps: retarget(r.Steps, chains)})
		}
		if n := len(rules); i == at && n > 1 {
			j := g.Intn(n - 1)
			switch g.Intn(3) {
			case 0:
				rules[j], rules[j+1] = rules[j+1], rules[j]
			case 1:
				rules = append(rules[:j], rules[j+1:]...)
			}
		}
		c.Rules = rules
	}
	return out
}

func retarget(steps []packet.Step, chains map[*packet.Chain]*packet.Chain) []packet.Step {
	out := append([]packet.Step(nil), steps...)
	for i, s := range out {
		switch v := s.(type) {
		case *packet.End:
			if v.Verdict.Chain != nil {
				w := v.Verdict
				w.Chain = chains[w.Chain]
				out[i] = &packet.End{Verdict: w}
			}
		case *packet.Choose:
			ch := &packet.Choose{}
			for _, c := range v.Cases {
				ch.Cases = append(ch.Cases, packet.Case{When: c.When, Steps: retarget(c.Steps, chains)})
			}
			out[i] = ch
		}
	}
	return out
}

func (g generator) packet() *packet.Packet {
	p := &packet.Packet{Opaque: map[string]bool{}}
	for _, f := range generatedFields {
		p.Set(f, g.value(f))
	}
	p.Set(packet.HasTransport, packet.Num(1))
	for i := range 2 {
		p.Opaque[fmt.Sprint("k", i)] = g.Intn(2) == 0
		for n := range 12 {
			p.Opaque[fmt.Sprintf("limit%d#%d", i, n)] = g.Intn(2) == 0
		}
	}
	return p
}

// outcomeAt is what n says of a packet, variable by variable.
func (e *engine) outcomeAt(n node, p *packet.Packet) outcome {
	for !n.isTerminal() {
		t := e.tests[n]
		c := e.fields[t.level]
		v := p.Fields[c.field]
		if c.field.Name[0] == '?' && p.Opaque[c.field.Name[2:]] {
			v = packet.Num(1)
		}
		n = t.lo
		if c.code(v).Bit(c.width - 1 - uint(t.level-c.level)) {
			n = t.hi
		}
	}
	return e.outcomes[n.value()]
}

// counted says whether keys that may be asked again were asked as often.
func counted(repeated map[string]bool, got, want map[string]int) bool {
	want = maps.Clone(want)
	maps.DeleteFunc(want, func(k string, _ int) bool { return !repeated[k] })
	return maps.Equal(got, want)
}

// TestFunctions holds the functions of random programs against their traces, packet by packet.
func TestFunctions(t *testing.T) {
	for seed := range int64(300) {
		g := generator{rand.New(rand.NewSource(seed))}
		a := g.program()
		e := newEngine(false, defaultNodes)
		e.survey(a)
		e.placeAll()
		e.repeated = repeated(a)
		f := e.function(at(a, packet.Input))
		for range 100 {
			p := g.packet()
			want := follow(a, packet.Input, p, false).Outcome
			got := e.outcomeAt(f, p)
			x := e.effects[got.effect]
			if got.kind != want.Kind || got.detail != want.Detail || !slices.Equal(x.notes, want.Notes) || !counted(e.repeated, x.counts, want.Asked) ||
				(x.nat[true] == nil) != (want.SNAT == nil) || (x.nat[false] == nil) != (want.DNAT == nil) {
				t.Fatalf("seed %d: %v: %v after %s, want %+v", seed, p, got, x.key, want)
			}
		}
	}
}

// TestAgainstTrace compares random programs with changed copies: a packet that is named must fare differently when it is traced, and where
// the answer is "same", no packet of many may.
func TestAgainstTrace(t *testing.T) {
	same, different := 0, 0
	for seed := range int64(400) {
		g := generator{rand.New(rand.NewSource(seed))}
		a := g.program()
		b := g.mutate(a)
		if g.Intn(4) == 0 {
			b = g.program()
		}
		functions, err := Programs(a, b, Options{Findings: 3})
		if err != nil {
			t.Fatal(err)
		}
		if Same(functions) {
			same++
			for range 200 {
				p := g.packet()
				x, y := follow(a, packet.Input, p, false), follow(b, packet.Input, p, false)
				if !trace.Same(x.Outcome, y.Outcome) {
					t.Fatalf("seed %d: said to be the same, but %v fares differently", seed, p)
				}
			}
			continue
		}
		different++
		for _, f := range functions[0].Findings {
			if trace.Same(f.A.Outcome, f.B.Outcome) {
				t.Fatalf("seed %d: %v fares alike", seed, f.Packet)
			}
		}
	}
	t.Log(same, "same,", different, "different")
}
