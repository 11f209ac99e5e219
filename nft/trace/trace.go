package trace

import (
	"fmt"
	"maps"
	"slices"

	"rechain/nft/packet"
)

// Trace is a packet's way through the base chains of one hook.
type Trace struct {
	Hops    []Hop
	Outcome Outcome
}

// Hop is a rule that took the packet, or with Rule nil the policy of a base chain.
type Hop struct {
	Chain *packet.Chain
	Rule  *packet.Rule
	// Depth counts the jumps that led to the chain.
	Depth int
	// Did is what the rule did with the packet, before its verdict, and Became what that made of fields.
	Did    []packet.Effect
	Became []Change
	// Verdict is the rule's, or the policy; nil: the packet went on with the next rule.
	Verdict *packet.Verdict
	// Failed is the condition that broke the rule off; nil: none did.
	Failed packet.Pred
	// Found are the values that the condition looked at.
	Found []Change
}

// Change is a field's new value.
type Change struct {
	Field packet.Field
	Value packet.Value
}

// Outcome is what became of a packet.
type Outcome struct {
	Kind   packet.VerdictKind // Accept, Drop, Reject, Queue or Stolen
	Detail string
	// Packet is the packet as it was left.
	Packet *packet.Packet
	// SNAT and DNAT are the translations of its connection, nil where there are none.
	SNAT, DNAT *packet.NAT
	// Notes are what was done with it besides, in order; log lines are in Logs, and here only where they matter.
	Notes, Logs []string
	// Asked are the predicates with state that had a say, and how often; Touched are the memories that changed.
	Asked   map[string]int
	Touched map[string]bool
}

// walk is a packet on its way.
type walk struct {
	program *packet.Program
	trace   *Trace
	packet  *packet.Packet
	depth   int
	logs    bool
	*leg    // nil: the hook stands for itself
}

// maxDepth bounds nested chains, where a program leads back to itself. The kernel takes 16 (NFT_JUMP_STACK_SIZE); iptables more.
const maxDepth = 1000

// Hook takes a packet through the base chains of a hook, in their order. The packet is not changed. Logs says that log lines matter. A chain
// that leads back to itself is an error.
func Hook(p *packet.Program, h packet.Hook, pkt *packet.Packet, logs bool) (*Trace, error) {
	return (&walk{program: p, packet: pkt.Clone(), logs: logs}).hook(h)
}

func (w *walk) hook(h packet.Hook) (*Trace, error) {
	w.trace = &Trace{}
	o := &w.trace.Outcome
	o.Packet, o.Asked, o.Touched = w.packet, map[string]int{}, map[string]bool{}
	for _, c := range w.program.Chains {
		if c.Base == nil || c.Base.Hook != h {
			continue
		}
		w.enter(c)
		if c.Base.NAT && (!w.firstPacket() || w.settled()) {
			continue
		}
		v, err := w.base(c)
		if err != nil {
			return nil, err
		}
		o.Kind, o.Detail = v.Kind, v.Detail
		if v.Kind != packet.Accept {
			break
		}
	}
	return w.trace, nil
}

// firstPacket says whether chains of type nat see the packet (nf_nat_inet_fn).
func (w *walk) firstPacket() bool {
	s := w.packet.Get(packet.CTState)
	return s == packet.Num(packet.StateNew) || s == packet.Num(packet.StateRelated)
}

func (w *walk) base(c *packet.Chain) (packet.Verdict, error) {
	v, err := w.chain(c)
	if err != nil || v.Kind != packet.Continue && v.Kind != packet.Return {
		return v, err
	}
	policy := packet.Verdict{Kind: packet.Accept}
	if c.Base.Drop {
		policy.Kind = packet.Drop
	}
	w.trace.Hops = append(w.trace.Hops, Hop{Chain: c, Verdict: &policy})
	return policy, nil
}

// chain is how a chain ends for the packet; Continue when it reaches the end or returns.
func (w *walk) chain(c *packet.Chain) (packet.Verdict, error) {
	if w.depth > maxDepth {
		return packet.Verdict{}, fmt.Errorf("chain %s of table %s leads back to itself", c.Name, c.Table)
	}
	for _, r := range c.Rules {
		hop := Hop{Chain: c, Rule: r, Depth: w.depth}
		v := w.steps(r.Steps, &hop)
		if hop.Failed == nil || len(hop.Did) > 0 || w.leg != nil && w.all {
			w.trace.Hops = append(w.trace.Hops, hop)
		}
		switch {
		case v == nil || v.Kind == packet.Continue:
		case v.Kind == packet.Return:
			return packet.Verdict{Kind: packet.Continue}, nil
		case v.Kind == packet.Jump || v.Kind == packet.Goto:
			w.depth++
			after, err := w.chain(v.Chain)
			w.depth--
			if err != nil || after.Kind != packet.Continue || v.Kind == packet.Goto {
				return after, err
			}
		default:
			return *v, nil
		}
	}
	return packet.Verdict{Kind: packet.Continue}, nil
}

// steps takes a rule's steps.
func (w *walk) steps(steps []packet.Step, hop *Hop) *packet.Verdict {
	for i, s := range steps {
		switch v := s.(type) {
		case *packet.Require:
			if !w.holds(v.P, hop.Chain, steps[i+1:]) {
				w.failed(hop, v.P)
				return nil
			}
		case *packet.Do:
			hop.Did = append(hop.Did, v.Effect)
			w.do(v.Effect, hop)
		case *packet.End:
			hop.Verdict = &v.Verdict
			return &v.Verdict
		case *packet.Choose:
			for _, c := range v.Cases {
				w.ask(c.When)
				if packet.Holds(c.When, w.packet) {
					return w.steps(append(slices.Clip(c.Steps), steps[i+1:]...), hop)
				}
			}
			w.failed(hop, cases(v))
			return nil
		}
	}
	return nil
}

// cases is the condition that one of some cases holds.
func cases(c *packet.Choose) packet.Pred {
	var any packet.Any
	for _, x := range c.Cases {
		any = append(any, x.When)
	}
	return any
}

func (w *walk) failed(hop *Hop, p packet.Pred) {
	hop.Failed = p
	if w.leg != nil && w.all {
		hop.Found = found(p, w.packet)
	}
}

// holds asks a predicate. One with state is asked by its number, unless nothing about the packet depends on it.
func (w *walk) holds(p packet.Pred, c *packet.Chain, rest []packet.Step) bool {
	w.ask(p)
	switch v := p.(type) {
	case *packet.Opaque:
		if v.Stateful {
			w.trace.Outcome.Touched[packet.Memory(v.Key, c)] = true
			if !w.logs && packet.Idle(rest) {
				return false
			}
			asked := w.trace.Outcome.Asked
			asked[v.Key]++
			return w.packet.Opaque[fmt.Sprintf("%s#%d", v.Key, asked[v.Key])] || w.opaque(v.Key)
		}
	case packet.Not:
		return !w.holds(v.P, c, rest)
	}
	return packet.Holds(p, w.packet)
}

func (w *walk) do(x packet.Effect, hop *Hop) {
	o := &w.trace.Outcome
	became := func(f packet.Field) { hop.Became = append(hop.Became, Change{f, w.packet.Get(f)}) }
	switch v := x.(type) {
	case *packet.Write:
		v.Write(w.packet)
		became(v.Field)
	case *packet.Copy:
		v.Write(w.packet)
		became(v.To)
	case *packet.NAT:
		for _, f := range w.translate(v) {
			became(f)
		}
	case *packet.Note:
		if v.Log {
			o.Logs = append(o.Logs, v.Key)
		}
		if !v.Log || w.logs {
			o.Notes = append(o.Notes, v.Key)
		}
	case *packet.Touch:
		o.Touched[v.Key] = true
	}
}

// translate settles a translation, unless the connection has one of that kind, and returns the fields that it wrote.
func (w *walk) translate(n *packet.NAT) (wrote []packet.Field) {
	place := &w.trace.Outcome.DNAT
	if n.Source() {
		place = &w.trace.Outcome.SNAT
	}
	if *place != nil {
		return nil
	}
	*place = n
	writes := n.Writes(w.program.IPv6)
	for i, c := range writes {
		if c.Unknown {
			writes[i].Value = w.unknown(n, c)
		}
	}
	for _, c := range writes {
		w.packet.Set(c.Field, c.Value)
		wrote = append(wrote, c.Field)
	}
	w.translated(n)
	return wrote
}

// Same says whether two outcomes are the same for the packet and for everybody who sees it. Log lines and the memory of rules are
// others' business, and so is what was written to a packet that does not get through.
func Same(a, b Outcome) bool {
	if a.Kind != b.Kind || a.Detail != b.Detail || !slices.Equal(a.Notes, b.Notes) {
		return false
	}
	return a.Kind != packet.Accept || sameNAT(a.SNAT, b.SNAT) && sameNAT(a.DNAT, b.DNAT) && sameFields(a.Packet, b.Packet)
}

func sameNAT(a, b *packet.NAT) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.String() == b.String()
}

func sameFields(a, b *packet.Packet) bool {
	for _, f := range slices.AppendSeq(slices.Collect(maps.Keys(a.Fields)), maps.Keys(b.Fields)) {
		if a.Get(f) != b.Get(f) && !f.Scratch() {
			return false
		}
	}
	return true
}
