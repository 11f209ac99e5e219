package trace_test

import (
	"strings"
	"testing"

	"rechain/nft/packet"
	"rechain/nft/trace"
)

// chain is a base chain of table t, with one rule of some steps.
func chain(h packet.Hook, priority int, nat bool, steps ...packet.Step) *packet.Chain {
	return &packet.Chain{Table: "t", Name: h.String(), Base: &packet.Base{Hook: h, Priority: priority, NAT: nat}, Rules: []*packet.Rule{{Steps: steps}}}
}

// TestRoutes takes packets through hooks; that kernels do the same is tested in package live.
func TestRoutes(t *testing.T) {
	redirect := &packet.Do{Effect: &packet.NAT{Kind: packet.Redirect, Port: &packet.Range{From: packet.Num(9), To: packet.Num(9)}}}
	to := packet.Num(0x0a000005)
	dnat := &packet.Do{Effect: &packet.NAT{Kind: packet.DNAT, Addr: &packet.Range{From: to, To: to}}}
	accept := &packet.End{}
	invalid := &packet.Require{P: packet.Eq(packet.CTState, packet.Num(packet.StateInvalid))}
	drop := &packet.End{Verdict: packet.Verdict{Kind: packet.Drop}}
	notrack := &packet.Do{Effect: packet.Assign(packet.CTState, packet.Num(packet.StateUntracked))}
	isNew := &packet.Require{P: packet.Eq(packet.CTState, packet.Num(packet.StateNew))}
	for _, c := range []struct {
		line   string
		chains []*packet.Chain
		want   string // hooks, fate, what the packet became
	}{
		{"in tcp 1.1.1.1:1 > 2.2.2.2:2", nil, "prerouting input accepted tcp 1.1.1.1:1 > 2.2.2.2:2"},
		{"forward tcp 1.1.1.1:1 > 2.2.2.2:2", nil, "prerouting forward postrouting accepted tcp 1.1.1.1:1 > 2.2.2.2:2"},
		{"forward tcp 1.1.1.1:1 > 2.2.2.2:2 ttl=1", nil, "prerouting expired tcp 1.1.1.1:1 > 2.2.2.2:2"},
		{"out tcp 1.1.1.1:1 > 2.2.2.2:2", nil, "output postrouting accepted tcp 1.1.1.1:1 > 2.2.2.2:2"},
		{"loop tcp 1.1.1.1:1 > 1.1.1.1:2", nil, "output postrouting prerouting input accepted tcp 1.1.1.1:1 > 1.1.1.1:2"},
		{"forward tcp 1.1.1.1:1 > 2.2.2.2:2", []*packet.Chain{chain(packet.Prerouting, -100, true, redirect, accept)},
			"prerouting input accepted tcp 1.1.1.1:1 > 2.2.2.2:9"},
		{"out tcp 1.1.1.1:1 > 2.2.2.2:2", []*packet.Chain{chain(packet.Output, -100, true, redirect, accept)},
			"output postrouting prerouting input accepted tcp 1.1.1.1:1 > 127.0.0.1:9"},
		{"in tcp 1.1.1.1:1 > 2.2.2.2:2", []*packet.Chain{chain(packet.Prerouting, -100, true, dnat, accept)},
			"prerouting forward postrouting accepted tcp 1.1.1.1:1 > 10.0.0.5:2"},
		{"in tcp 1.1.1.1:1 > 2.2.2.2:2 dnat=local", []*packet.Chain{chain(packet.Prerouting, -100, true, dnat, accept)},
			"prerouting input accepted tcp 1.1.1.1:1 > 10.0.0.5:2"},
		// The second chain of type nat sees nothing, once the first has settled the translation.
		{"in tcp 1.1.1.1:1 > 2.2.2.2:2", []*packet.Chain{chain(packet.Prerouting, -100, true, redirect, accept), chain(packet.Prerouting, -100, true, drop)},
			"prerouting input accepted tcp 1.1.1.1:1 > 2.2.2.2:9"},
		// What loops back has its connection's translation, and does not get one as it comes in.
		{"loop tcp 1.1.1.1:1 > 1.1.1.1:2", []*packet.Chain{chain(packet.Prerouting, -100, true, drop)},
			"output postrouting prerouting input accepted tcp 1.1.1.1:1 > 1.1.1.1:2"},
		// Before connection tracking a packet is invalid, then new.
		{"in tcp 1.1.1.1:1 > 2.2.2.2:2", []*packet.Chain{chain(packet.Prerouting, -300, false, invalid, drop)}, "prerouting dropped tcp 1.1.1.1:1 > 2.2.2.2:2"},
		{"in tcp 1.1.1.1:1 > 2.2.2.2:2", []*packet.Chain{chain(packet.Prerouting, -300, false, isNew, drop), chain(packet.Input, 0, false, invalid, drop)},
			"prerouting input accepted tcp 1.1.1.1:1 > 2.2.2.2:2"},
		{"in tcp 1.1.1.1:1 > 2.2.2.2:2", []*packet.Chain{chain(packet.Prerouting, -300, false, notrack), chain(packet.Input, 0, false, isNew, drop)},
			"prerouting input accepted tcp 1.1.1.1:1 > 2.2.2.2:2 ct=untracked"},
	} {
		line, err := packet.ParseLine(c.line)
		if err != nil {
			t.Fatal(err)
		}
		way, err := trace.Through(&packet.Program{Chains: c.chains, Tracks: true}, line, false)
		if err != nil {
			t.Fatal(err)
		}
		r := way.Report()
		var got []string
		for _, h := range r.Hooks {
			got = append(got, h.Hook)
		}
		if s := strings.Join(append(got, r.Fate, r.Became), " "); s != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.line, s, c.want)
		}
	}
}

// TestNoTracking: where no rule has connections tracked, chains of type nat see nothing, which is said.
func TestNoTracking(t *testing.T) {
	program := &packet.Program{Chains: []*packet.Chain{chain(packet.Prerouting, -100, true, &packet.End{Verdict: packet.Verdict{Kind: packet.Drop}})}}
	for text, want := range map[string]string{
		"in tcp 1.1.1.1:1 > 2.2.2.2:2":        "accepted",
		"in tcp 1.1.1.1:1 > 2.2.2.2:2 ct=new": "dropped",
	} {
		line, err := packet.ParseLine(text)
		if err != nil {
			t.Fatal(err)
		}
		way, err := trace.Through(program, line, false)
		if err != nil {
			t.Fatal(err)
		}
		if r := way.Report(); r.Fate != want || (len(r.Notes) > 0) != (want == "accepted") {
			t.Errorf("%s: %s %v", text, r.Fate, r.Notes)
		}
	}
}

// TestCycle: a chain that leads back to itself is an error.
func TestCycle(t *testing.T) {
	c := chain(packet.Input, 0, false)
	c.Rules[0].Steps = []packet.Step{&packet.End{Verdict: packet.Verdict{Kind: packet.Jump, Chain: c}}}
	line, err := packet.ParseLine("in tcp 1.1.1.1:1 > 2.2.2.2:2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trace.Through(&packet.Program{Chains: []*packet.Chain{c}}, line, false); err == nil || !strings.Contains(err.Error(), "leads back to itself") {
		t.Error(err)
	}
}
