package live

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"rechain/nft/bytecode"
	"rechain/nft/kernel"
	"rechain/nft/packet"
	"rechain/nft/trace"
)

// listener marks packets, and hears of their steps.
type listener struct {
	conn   *kernel.Conn // owns the table
	tracer *kernel.Tracer
	tables map[tableKey]map[string]*chain
	names  map[uint32]string // of devices, by index
}

type tableKey struct {
	family bytecode.Family
	name   string
}

// listen begins to trace packets as the line says, in a namespace with rules.
func listen(ns *kernel.Namespace, line *packet.Line, r *rules, marks bool) (*listener, error) {
	l := &listener{tables: r.meanings(line.IPv6), names: map[uint32]string{}}
	err := ns.Do(func() error {
		links, err := net.Interfaces()
		for _, link := range links {
			l.names[uint32(link.Index)] = link.Name
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if l.tracer, err = kernel.DialTrace(ns); err != nil {
		return nil, err
	}
	if l.conn, err = kernel.Dial(ns); err == nil {
		err = l.conn.Commit(table(line, marks), 0)
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *listener) close() {
	if l.conn != nil {
		l.conn.Close()
	}
	l.tracer.Close()
}

// quiet is how long no step comes when there are no more.
const quiet = 50 * time.Millisecond

// way is the way of the next packet, up to the end of its trace. It fails with [os.ErrDeadlineExceeded] if none comes until the deadline.
func (l *listener) way(line *packet.Line, deadline time.Time) (*trace.Way, error) {
	s, err := l.tracer.Receive(deadline)
	if err != nil {
		return nil, err
	}
	p := &path{listener: l, way: &trace.Way{Line: line, Kernel: true}}
	for first := s.NFProto; err == nil && !p.ended(); s, err = l.tracer.Receive(time.Now().Add(quiet)) {
		if s.NFProto == first {
			p.step(s)
		}
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, err
	}
	return p.end()
}

// path is a way as far as it was told.
type path struct {
	*listener
	way   *trace.Way
	stack []string // the chains that led to where the packet is
	mark  uint32
	at    bool // the mark is known
	oif   uint32
	left  bool // the last leg is behind it
}

// step adds a step. The first in each base chain brings the packet.
func (p *path) step(s kernel.Step) {
	if s.Network != nil {
		p.enter(s)
	}
	leg := p.leg()
	if leg == nil || ours(s.Table) {
		p.left = s.Type == kernel.StepPolicy && s.Chain != "mark"
		if s.Verdict != nil || s.Type == kernel.StepPolicy {
			p.mark, p.at = s.Mark, true
		}
		return
	}
	c := p.chain(s, s.Chain)
	p.unwind(s.Chain)
	switch {
	case s.Type == kernel.StepPolicy:
		v := packet.Verdict{Kind: verdictKinds[s.Policy]}
		p.add(trace.Hop{Chain: c.Chain, Verdict: &v}, s)
	case s.Rule != 0:
		p.add(p.ruleHop(c, s), s)
	}
}

// ended says whether no more steps can come.
func (p *path) ended() bool {
	leg := p.leg()
	if leg == nil {
		return false
	}
	return leg.Outcome.Kind != packet.Accept || p.left && (leg.Hook == packet.Input || leg.Hook == packet.Postrouting && p.oif != loopbackIndex)
}

// chain is the chain of a name in the table of a step. One that came after the rules were read has nothing but its name.
func (p *path) chain(s kernel.Step, name string) *chain {
	if c := p.tables[tableKey{s.Family, s.Table}][name]; c != nil {
		return c
	}
	return &chain{Chain: &packet.Chain{Table: s.Table, Name: name}}
}

// enter notes how the packet is as it comes to a base chain.
func (p *path) enter(s kernel.Step) {
	h, ok := p.hook(s)
	now, read := packet.Headers(s.Network, s.Transport)
	if !ok || !read {
		return
	}
	p.oif = s.Oif
	now.Packet.Set(packet.Iif, packet.Name(p.names[s.Iif]))
	now.Packet.Set(packet.Oif, packet.Name(p.names[s.Oif]))
	now.Packet.Set(packet.Mark, packet.Num(uint64(s.Mark)))
	if leg := p.leg(); leg != nil {
		p.translated(leg, now.Packet)
		leg.Outcome.Packet = now.Packet
	}
	if p.leg() == nil {
		p.way.Line = portsOf(p.way.Line, now.Packet)
	}
	if leg := p.leg(); leg == nil || leg.Hook != h {
		p.left = false
		p.way.Legs = append(p.way.Legs, trace.Leg{Hook: h, Packet: now.Packet, Trace: &trace.Trace{}})
		p.leg().Outcome.Packet = now.Packet
	}
	p.stack = []string{s.Chain}
}

// portsOf is a line with the ports that a packet has, where they were not said.
func portsOf(line *packet.Line, p *packet.Packet) *packet.Line {
	out := *line
	out.Packet = line.Packet.Clone()
	for _, f := range []packet.Field{packet.SrcPort, packet.DstPort} {
		if v, ok := p.Fields[f]; ok && !line.Said(f) {
			out.Packet.Set(f, v)
		}
	}
	return &out
}

func (p *path) leg() *trace.Leg {
	if n := len(p.way.Legs); n > 0 {
		return &p.way.Legs[n-1]
	}
	return nil
}

// hook is that of a step's base chain.
func (p *path) hook(s kernel.Step) (packet.Hook, bool) {
	if ours(s.Table) {
		for h := packet.Prerouting; h <= packet.Postrouting; h++ {
			if s.Chain == h.String() {
				return h, true
			}
		}
		if s.Iif != 0 {
			return packet.Prerouting, true
		}
		return packet.Output, true
	}
	c := p.tables[tableKey{s.Family, s.Table}][s.Chain]
	if c == nil || c.Base == nil {
		return 0, false
	}
	return c.Base.Hook, true
}

// unwind makes a chain the one that the packet is in.
func (p *path) unwind(chain string) {
	if i := slices.Index(p.stack, chain); i >= 0 {
		p.stack = p.stack[:i+1]
		return
	}
	p.stack = append(p.stack, chain)
}

func (p *path) add(h trace.Hop, s kernel.Step) {
	leg := p.leg()
	h.Depth = len(p.stack) - 1
	if p.at && s.Mark != p.mark {
		h.Did = append(h.Did, packet.Assign(packet.Mark, packet.Num(uint64(s.Mark))))
		h.Became = append(h.Became, trace.Change{Field: packet.Mark, Value: packet.Num(uint64(s.Mark))})
	}
	p.mark, p.at = s.Mark, true
	leg.Hops = append(leg.Hops, h)
	leg.Outcome.Kind, leg.Outcome.Detail = packet.Accept, ""
	if v := h.Verdict; v != nil {
		switch v.Kind {
		case packet.Drop, packet.Reject, packet.Queue, packet.Stolen:
			leg.Outcome.Kind, leg.Outcome.Detail = v.Kind, v.Detail
		case packet.Jump, packet.Goto:
			p.stack = append(p.stack, v.Chain.Name)
		}
	}
}

// verdictKinds are the verdicts of the kernel: NF_* and NFT_*.
var verdictKinds = map[bytecode.VerdictCode]packet.VerdictKind{
	bytecode.Accept: packet.Accept, bytecode.Drop: packet.Drop, bytecode.Return: packet.Return, bytecode.Continue: packet.Continue,
	bytecode.Jump: packet.Jump, bytecode.Goto: packet.Goto,
}

// NF_STOLEN and NF_QUEUE of linux/netfilter.h; the number of the queue stands above.
const (
	nfStolen = 2
	nfQueue  = 3
)

// ruleHop is a rule that took the packet.
func (p *path) ruleHop(c *chain, s kernel.Step) trace.Hop {
	h := trace.Hop{Chain: c.Chain, Rule: c.rules[s.Rule]}
	if h.Rule == nil {
		h.Rule = &packet.Rule{Origin: packet.Origin{Handle: s.Rule}}
	}
	if s.Verdict == nil || s.Verdict.Code == bytecode.Continue {
		return h
	}
	v := packet.Verdict{}
	kind, known := verdictKinds[s.Verdict.Code]
	switch v.Kind = kind; {
	case known:
	case s.Verdict.Code&0xff == nfQueue:
		v.Kind = packet.Queue
	case s.Verdict.Code&0xff == nfStolen:
		v.Kind = packet.Stolen
	}
	if v.Kind == packet.Jump || v.Kind == packet.Goto {
		v.Chain = p.chain(s, s.Verdict.Chain).Chain
	}
	for _, step := range h.Rule.Steps {
		switch x := step.(type) {
		case *packet.Do:
			switch x.Effect.(type) {
			case *packet.Note, *packet.NAT:
				h.Did = append(h.Did, x.Effect)
			}
		case *packet.End: // the kernel tells a rejection as a drop (nft_reject_inet_eval)
			if x.Verdict.Kind == packet.Reject && v.Kind == packet.Drop || x.Verdict.Kind == v.Kind && v.Kind == packet.Queue {
				v = x.Verdict
			}
		}
	}
	h.Verdict = &v
	return h
}

// translated tells the rule that translated addresses what became of them, once they are seen.
func (p *path) translated(leg *trace.Leg, now *packet.Packet) {
	for i := len(leg.Hops) - 1; i >= 0; i-- {
		h := &leg.Hops[i]
		for _, x := range h.Did {
			if _, ok := x.(*packet.NAT); !ok || slices.ContainsFunc(h.Became, func(c trace.Change) bool { return c.Field != packet.Mark }) {
				continue
			}
			for _, f := range []packet.Field{packet.IPv4Src, packet.IPv6Src, packet.SrcPort, packet.IPv4Dst, packet.IPv6Dst, packet.DstPort} {
				if now.Get(f) != leg.Packet.Get(f) {
					h.Became = append(h.Became, trace.Change{Field: f, Value: now.Get(f)})
				}
			}
			return
		}
	}
}

// end closes the way.
func (p *path) end() (*trace.Way, error) {
	w := p.way
	if len(w.Legs) == 0 {
		return nil, errors.New("the kernel traced a packet that is none of IP")
	}
	last := p.leg()
	w.Outcome = last.Outcome
	seen := func(h packet.Hook) bool {
		return slices.ContainsFunc(w.Legs, func(l trace.Leg) bool { return l.Hook == h })
	}
	w.Route = w.Line.Route // as far as it was not seen to take another
	switch {
	case seen(packet.Output) && seen(packet.Prerouting):
		w.Route = packet.Looped
	case seen(packet.Output) && seen(packet.Postrouting) && p.oif != loopbackIndex:
		w.Route = packet.Sent
	case seen(packet.Output):
	case seen(packet.Forward):
		w.Route = packet.Forwarded
	case seen(packet.Input):
		w.Route = packet.Received
	}
	if w.Outcome.Kind != packet.Accept || last.Hook == packet.Input || last.Hook == packet.Postrouting && w.Route != packet.Looped {
		return w, nil
	}
	if w.Expired = last.Hook == packet.Prerouting && last.Outcome.Packet.Get(packet.TTL).Lo <= 1; !w.Expired {
		w.Lost = fmt.Sprintf("the kernel took it no further than %s, though no rule dropped it", last.Hook)
	}
	return w, nil
}
