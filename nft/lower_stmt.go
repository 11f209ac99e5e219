package nft

import "rechain/nft/bytecode"

// stmt appends the operations of a statement.
func (g *generator) stmt(s Stmt) {
	first := regAt(0)
	switch s := s.(type) {
	case *Match:
		g.eval(s.Left, 0)
		g.compare(s)
	case *InSet:
		g.eval(s.Key, 0)
		set := g.ref(s.Name, s.Set)
		g.emit(&bytecode.Lookup{Set: set.name, SetID: set.id, Src: first, Invert: s.Not})
	case *VerdictMap:
		g.eval(s.Key, 0)
		m := g.ref(s.Name, s.Set)
		g.emit(&bytecode.Lookup{Set: m.name, SetID: m.id, Src: first, Dst: bytecode.VerdictReg, HasDst: true})
	case *Verdict:
		g.emit(shared(g.pool.verdicts, bytecode.Verdict{Code: s.Code, Chain: s.Chain}))
	case *Counter:
		g.emit(shared(g.pool.counters, bytecode.Counter{Packets: s.Packets, Bytes: s.Bytes}))
	case *ObjectRef:
		if s.Key == nil {
			g.emit(&bytecode.Objref{Type: s.Type, Obj: s.Name})
			return
		}
		g.eval(s.Key, 0)
		m := g.ref(s.Map, s.Set)
		g.emit(&bytecode.Objref{Src: first, Set: m.name, SetID: m.id})
	case *Assign:
		g.eval(s.Value, 0)
		if op := store(s, first); op != nil {
			g.emit(op)
		}
	case *NAT:
		g.nat(s)
	case *TProxy:
		r := g.registers(s.Addr, s.Port)
		g.emit(&bytecode.TProxy{Family: s.Family, Addr: r[0], Port: r[1]})
	case *Queue:
		g.emit(&bytecode.Queue{Num: s.First, Total: s.Total, Flags: s.Flags, Src: g.registers(s.Num)[0]})
	case *Dup:
		r := g.registers(s.Addr, s.Dev)
		g.emit(&bytecode.Dup{Addr: r[0], Dev: r[1]})
	case *Fwd:
		r := g.registers(s.Dev, s.Addr)
		g.emit(&bytecode.Fwd{Dev: r[0], Addr: r[1], NFProto: s.NFProto})
	case *UpdateSet:
		r := g.registers(s.Key, s.Data)
		set := g.ref(s.Name, s.Set)
		g.emit(&bytecode.Dynset{
			Set: set.name, SetID: set.id, Op: s.Op, Key: r[0], Data: r[1],
			Timeout: s.Timeout, Flags: s.Flags, Exprs: g.program(s.Stmts),
		})
	case *ResetOption:
		g.emit(&bytecode.Exthdr{Op: s.Op, Type: s.Type})
	case *Plain:
		g.emit(s.Op)
	case *Opaque:
		g.ops = append(g.ops, s.Ops...)
	}
}

// compare compares the first register with the right side of m.
func (g *generator) compare(m *Match) {
	first := regAt(0)
	switch right := m.Right.(type) {
	case *Value:
		g.emit(&bytecode.Cmp{Op: m.Op, Src: first, Data: right.Data})
	case *Range:
		if right.Pair && m.Op == bytecode.CmpEq {
			g.emit(&bytecode.Cmp{Op: bytecode.CmpGte, Src: first, Data: right.From})
			g.emit(&bytecode.Cmp{Op: bytecode.CmpLte, Src: first, Data: right.To})
			return
		}
		g.emit(&bytecode.Range{Neq: m.Op == bytecode.CmpNeq, Src: first, From: right.From, To: right.To})
	}
}

// registers evaluates operands into the 16-byte registers in turn and says where they are; 0 for one that is nil.
func (g *generator) registers(operands ...Expr) []bytecode.Reg {
	regs := make([]bytecode.Reg, len(operands))
	q := 0
	for i, e := range operands {
		if e != nil {
			regs[i] = regAt(q)
			q = nextWide(q + quartersOf(g.eval(e, q)))
		}
	}
	return regs
}

// The flags that the registers of a NAT operation imply (include/uapi/linux/netfilter/nf_nat.h).
const (
	natMapIPs         = 1 // NF_NAT_RANGE_MAP_IPS
	natProtoSpecified = 2 // NF_NAT_RANGE_PROTO_SPECIFIED
)

// nat emits an address translation. A map in place of the address may hold all operands, see [Set.natData].
func (g *generator) nat(s *NAT) {
	r := g.registers(s.Addr, s.AddrMax, s.Port, s.PortMax)
	addr, addrMax, port, portMax := r[0], r[1], r[2], r[3]
	if m, ok := s.Addr.(*MapLookup); ok {
		set := m.Set
		if set == nil {
			set = g.find(m.Name, 0)
		}
		d := set.natData()
		part(&addrMax, d.addrMax)
		part(&port, d.port)
		part(&portMax, d.portMax)
	}
	flags := s.Flags
	if addrMax == 0 {
		addrMax = addr
	}
	if portMax == 0 {
		portMax = port
	}
	if addr != 0 {
		flags |= natMapIPs
	}
	if port != 0 {
		flags |= natProtoSpecified
	}
	switch s.Kind {
	case SNAT, DNAT:
		g.emit(&bytecode.NAT{
			Type: bytecode.NATType(s.Kind), Family: s.Family, Flags: flags,
			AddrMin: addr, AddrMax: addrMax, ProtoMin: port, ProtoMax: portMax,
		})
	case Masquerade:
		g.emit(&bytecode.Masq{ProtoMin: port, ProtoMax: portMax, Flags: flags})
	case Redirect:
		g.emit(&bytecode.Redir{ProtoMin: port, ProtoMax: portMax, Flags: flags})
	}
}

// part sets a register that was not given otherwise to the quarter q of the first value.
func part(r *bytecode.Reg, q int) {
	if *r == 0 && q != 0 {
		*r = regAt(q)
	}
}

func lowerVerdict(v *Verdict) *bytecode.Verdict {
	if v == nil {
		return nil
	}
	return &bytecode.Verdict{Code: v.Code, Chain: v.Chain}
}
