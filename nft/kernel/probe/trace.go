package probe

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
	"rechain/nft/kernel"
)

// Hop is a packet's way through one base chain and what it calls.
type Hop struct {
	Table *bytecode.Table
	Chain *bytecode.Chain // the base chain
	// From and To are the packet's addresses when it came.
	From, To netip.AddrPort
	Oif      uint32
	Steps    []Step
}

// Step is a verdict: of a rule, or else of the end of a chain.
type Step struct {
	Chain   *bytecode.Chain
	Rule    *bytecode.Rule // nil: the end of the chain
	Verdict bytecode.Verdict
}

// tableName is the table that marks the probe's packets for tracing.
const tableName = "rechain-probe"

// tracing is the probe's own rules, and what the kernel tells of the packets that they mark.
type tracing struct {
	conn   *kernel.Conn // owns the table: when it closes, the table goes
	tracer *kernel.Tracer
	rules  *bytecode.Ruleset
	steps  chan []kernel.Step
}

// treatment is what the table does with the packets from a port: the name of a chain.
type treatment string

// The treatments.
const (
	traceFirst treatment = "first"  // trace the packet that opens a connection, and datagrams
	traceAll   treatment = "every"  // trace every packet
	traceLost  treatment = "orphan" // hide from connection tracking what a process sends, trace the rest
	hide       treatment = "hide"   // hide from connection tracking
)

// trace starts tracing what is sent from the ports.
func (l *Lab) trace(ports map[uint16]treatment) (*tracing, error) {
	t := &tracing{steps: make(chan []kernel.Step, 1)}
	var err error
	if t.conn, err = kernel.Dial(l.inside); err != nil {
		return nil, err
	}
	if t.rules, err = t.conn.Ruleset(nil); err == nil {
		t.tracer, err = kernel.DialTrace(l.inside)
	}
	if err == nil {
		err = t.conn.Commit(table(ports), 0)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *tracing) close() {
	t.conn.Close()
	if t.tracer != nil {
		t.tracer.Close()
	}
}

// table is the probe's table. A map sends the packets of each port to its treatment, before any other rule sees them
// (NF_IP_PRI_RAW is -300). The chains at the end of the hooks are empty: they are there because a trace tells what a packet looks
// like when it gets there.
func table(ports map[uint16]treatment) *kernel.Batch {
	const (
		before, after = -301, 1000
		tableOwner    = 2  // NFT_TABLE_F_OWNER
		port          = 13 // nft's number for inet_service, which the kernel keeps without a look
		verdict       = 0xffffff00
		finFlags      = 13   // offset in the TCP header
		synAck        = 0x12 // SYN and ACK
		syn           = 0x02
	)
	untracked := binary.NativeEndian.AppendUint32(nil, 1<<6) // NF_CT_STATE_UNTRACKED_BIT
	b := &kernel.Batch{Origin: kernel.Label("tracing")}
	b.AddTable(&bytecode.Table{Family: bytecode.Inet, Name: tableName, Flags: tableOwner})
	traced := &bytecode.Meta{Key: bytecode.MetaNftrace, Src: 1, Set: true}
	one := &bytecode.Immediate{Dst: 1, Data: []byte{1}}
	proto := func(n uint8) []bytecode.Op {
		return []bytecode.Op{&bytecode.Meta{Key: bytecode.MetaL4proto, Dst: 1}, &bytecode.Cmp{Src: 1, Data: []byte{n}}}
	}
	treatments := []struct {
		name  treatment
		rules []bytecode.Program
	}{
		{traceFirst, []bytecode.Program{
			append(proto(unix.IPPROTO_TCP),
				&bytecode.Payload{Base: bytecode.TransportHeader, Offset: finFlags, Len: 1, Dst: 1},
				&bytecode.Bitwise{Src: 1, Dst: 1, Len: 1, Mask: []byte{synAck}, Xor: []byte{0}},
				&bytecode.Cmp{Src: 1, Data: []byte{syn}}, one, traced),
			append(proto(unix.IPPROTO_UDP), one, traced),
		}},
		{traceAll, []bytecode.Program{{one, traced}}},
		{traceLost, []bytecode.Program{
			{&bytecode.Ct{Key: bytecode.CtState, Dst: 1},
				&bytecode.Bitwise{Src: 1, Dst: 1, Len: 4, Mask: untracked, Xor: make([]byte, 4)},
				&bytecode.Cmp{Op: bytecode.CmpNeq, Src: 1, Data: make([]byte, 4)},
				&bytecode.Verdict{Code: bytecode.Return}}, // it comes back in, hidden on its way out
			{&bytecode.Meta{Key: bytecode.MetaSkuid, Dst: 1}, &bytecode.Notrack{}, &bytecode.Verdict{Code: bytecode.Return}},
			{one, traced},
		}},
		{hide, []bytecode.Program{{&bytecode.Notrack{}}}},
	}
	for _, t := range treatments {
		b.AddChain(bytecode.Inet, tableName, &bytecode.Chain{Name: string(t.name)})
		for _, p := range t.rules {
			b.AddRule(bytecode.Inet, tableName, string(t.name), &bytecode.Rule{Program: p})
		}
	}
	set := &bytecode.Set{Name: "ports", ID: 1, Flags: bytecode.SetMap, KeyType: port, KeyLen: 2, DataType: verdict}
	for p, t := range ports {
		set.Elements = append(set.Elements, bytecode.Element{Key: binary.BigEndian.AppendUint16(nil, p),
			Verdict: &bytecode.Verdict{Code: bytecode.Jump, Chain: string(t)}})
	}
	b.AddSet(bytecode.Inet, tableName, set)
	b.AddElements(bytecode.Inet, tableName, set)
	for _, h := range []struct {
		name     string
		hook     bytecode.Hook
		priority int32
		program  bytecode.Program
	}{
		{"prerouting", bytecode.Prerouting, before, sourcePort},
		{"output", bytecode.Output, before, sourcePort},
		{"input", bytecode.Input, after, nil},
		{"postrouting", bytecode.Postrouting, after, nil},
	} {
		b.AddChain(bytecode.Inet, tableName, &bytecode.Chain{Name: h.name,
			Base: &bytecode.BaseChain{Type: "filter", Hook: h.hook, Priority: h.priority, Policy: bytecode.Accept}})
		if h.program != nil {
			b.AddRule(bytecode.Inet, tableName, h.name, &bytecode.Rule{Program: h.program})
		}
	}
	return b
}

// sourcePort looks up the treatment of a packet's source port, which is at the same place in TCP and UDP.
var sourcePort = bytecode.Program{
	&bytecode.Payload{Base: bytecode.TransportHeader, Len: 2, Dst: 1},
	&bytecode.Lookup{Set: "ports", SetID: 1, Src: 1, Dst: bytecode.VerdictReg, HasDst: true},
}

// collect receives steps until stop is closed and no more come.
func (t *tracing) collect(stop <-chan struct{}) {
	var steps []kernel.Step
	for {
		s, err := t.tracer.Receive(time.Now().Add(10 * time.Millisecond))
		switch {
		case err == nil:
			steps = append(steps, s)
		case errors.Is(err, kernel.ErrLost):
		case errors.Is(err, os.ErrDeadlineExceeded):
			select {
			case <-stop:
				t.steps <- steps
				return
			default:
			}
		default:
			t.steps <- steps
			return
		}
	}
}

// hops sorts steps by the packets' sources and puts them together to hops: for each source, those of its first packet. A packet
// passes a base chain once, so what passes one again is a later packet. The packets' ids do not tell: a packet that is looped back
// gets another.
func (t *tracing) hops(steps []kernel.Step) map[source][]*Hop {
	hops := map[source][]*Hop{}
	open := map[uint32]*Hop{} // by id: the hop that further steps belong to
	for _, s := range steps {
		if s.Network != nil { // it entered a base chain
			protocol, from, to, ok := addresses(s)
			if !ok {
				continue
			}
			src := source{protocol, from}
			h := &Hop{Table: t.table(s), From: from, To: to, Oif: s.Oif}
			open[s.ID] = h
			again := func(o *Hop) bool { return o.Table == h.Table && o.Steps[0].Chain.Name == s.Chain }
			if !slices.ContainsFunc(hops[src], again) {
				hops[src] = append(hops[src], h)
			}
		}
		if h := open[s.ID]; h != nil {
			t.step(h, s)
		}
	}
	return hops
}

// step adds a step to its hop. The hop's base chain is that of the first step in no other chain, or the one whose policy holds.
func (t *tracing) step(h *Hop, s kernel.Step) {
	step := Step{Chain: chain(h.Table, s.Chain)}
	if s.Verdict != nil {
		step.Verdict = *s.Verdict
	}
	if s.Type == kernel.StepPolicy {
		step.Verdict = bytecode.Verdict{Code: s.Policy}
	}
	if s.Type == kernel.StepRule {
		step.Rule = rule(step.Chain, s.Rule)
	}
	if h.Chain == nil {
		h.Chain = step.Chain
	}
	h.Steps = append(h.Steps, step)
}

// table finds the table of a step. One that came after the rules were read has nothing but a name.
func (t *tracing) table(s kernel.Step) *bytecode.Table {
	for _, x := range t.rules.Tables {
		if x.Family == s.Family && x.Name == s.Table {
			return x
		}
	}
	return &bytecode.Table{Family: s.Family, Name: s.Table}
}

func chain(t *bytecode.Table, name string) *bytecode.Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return &bytecode.Chain{Name: name}
}

func rule(c *bytecode.Chain, handle uint64) *bytecode.Rule {
	for _, r := range c.Rules {
		if r.Handle == handle {
			return r
		}
	}
	return &bytecode.Rule{Handle: handle}
}

// addresses reads the headers that a step brings.
func addresses(s kernel.Step) (protocol uint8, from, to netip.AddrPort, ok bool) {
	var src, dst netip.Addr
	ip, ports := s.Network, s.Transport
	switch {
	case len(ip) >= 20 && ip[0]>>4 == 4:
		src, dst, protocol = netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20])), ip[9]
	case len(ip) >= 40 && ip[0]>>4 == 6:
		src, dst, protocol = netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40])), ip[6]
	}
	if protocol != unix.IPPROTO_TCP && protocol != unix.IPPROTO_UDP || len(ports) < 4 {
		return 0, from, to, false
	}
	from = netip.AddrPortFrom(src, binary.BigEndian.Uint16(ports))
	to = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(ports[2:]))
	return protocol, from, to, true
}
