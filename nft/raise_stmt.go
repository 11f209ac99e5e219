package nft

import "rechain/nft/bytecode"

// stmt is the statement of an operation with an effect, given what it reads; nil when none says it.
func (x *run) stmt(op bytecode.Op, in []Expr) Stmt {
	switch o := op.(type) {
	case *bytecode.Cmp:
		return &Match{Op: o.Op, Left: in[0], Right: &Value{Data: o.Data}}
	case *bytecode.Range:
		cmp := bytecode.CmpEq
		if o.Neq {
			cmp = bytecode.CmpNeq
		}
		return &Match{Op: cmp, Left: in[0], Right: &Range{From: o.From, To: o.To}}
	case *bytecode.Lookup:
		name, set := x.attach(o.Set, o.SetID)
		if o.HasDst {
			return &VerdictMap{Key: in[0], Name: name, Set: set}
		}
		return &InSet{Key: in[0], Not: o.Invert, Name: name, Set: set}
	case *bytecode.Meta:
		return &Assign{Key: &Meta{Key: o.Key}, Value: in[0]}
	case *bytecode.Ct:
		return &Assign{Key: &CT{Key: o.Key, HasDir: o.HasDir, Dir: o.Dir}, Value: in[0]}
	case *bytecode.PayloadSet:
		return &Assign{
			Key: &Payload{Base: o.Base, Offset: o.Offset, Len: o.Len}, Value: in[0],
			ChecksumType: o.ChecksumType, ChecksumOffset: o.ChecksumOffset, ChecksumFlags: o.ChecksumFlags,
		}
	case *bytecode.Exthdr:
		if o.Src == 0 {
			return &ResetOption{Op: o.Op, Type: o.Type}
		}
		return &Assign{Key: raiseExthdr(o), Value: in[0]}
	case *bytecode.NAT:
		return &NAT{
			Kind: NATKind(o.Type), Family: o.Family, Addr: in[0], AddrMax: in[1], Port: in[2], PortMax: in[3],
			Flags: explicitFlags(o.Flags, o.AddrMin, o.ProtoMin),
		}
	case *bytecode.Masq:
		return &NAT{Kind: Masquerade, Port: in[0], PortMax: in[1], Flags: explicitFlags(o.Flags, 0, o.ProtoMin)}
	case *bytecode.Redir:
		return &NAT{Kind: Redirect, Port: in[0], PortMax: in[1], Flags: explicitFlags(o.Flags, 0, o.ProtoMin)}
	case *bytecode.TProxy:
		return &TProxy{Family: o.Family, Addr: in[0], Port: in[1]}
	case *bytecode.Queue:
		return &Queue{Num: in[0], First: o.Num, Total: o.Total, Flags: o.Flags}
	case *bytecode.Dup:
		return &Dup{Addr: in[0], Dev: in[1]}
	case *bytecode.Fwd:
		return &Fwd{Dev: in[0], Addr: in[1], NFProto: o.NFProto}
	case *bytecode.Objref:
		return x.objectRef(o, in)
	case *bytecode.Dynset:
		u := &UpdateSet{Op: o.Op, Key: in[0], Data: in[1], Timeout: o.Timeout, Flags: o.Flags, Stmts: raiseStateful(o.Exprs)}
		u.Name, u.Set = x.attach(o.Set, o.SetID)
		return u
	}
	return raisePlain(op)
}

func (x *run) objectRef(o *bytecode.Objref, in []Expr) Stmt {
	if o.Set == "" {
		return &ObjectRef{Type: o.Type, Name: o.Obj}
	}
	r := &ObjectRef{Key: in[0]}
	if s := x.find(o.Set, o.SetID); s != nil {
		r.Type = s.Object
	}
	r.Map, r.Set = x.attach(o.Set, o.SetID)
	return r
}

// explicitFlags are NAT flags without those that the registers imply.
func explicitFlags(flags uint32, addr, port bytecode.Reg) uint32 {
	if addr != 0 {
		flags &^= natMapIPs
	}
	if port != 0 {
		flags &^= natProtoSpecified
	}
	return flags
}

// raisePlain is the statement of an operation without registers; nil when none says it.
func raisePlain(op bytecode.Op) Stmt {
	switch o := op.(type) {
	case *bytecode.Verdict:
		return raiseVerdict(o)
	case *bytecode.Counter:
		return &Counter{Packets: o.Packets, Bytes: o.Bytes}
	case *bytecode.Limit, *bytecode.Log, *bytecode.Reject, *bytecode.Notrack, *bytecode.Quota, *bytecode.Connlimit,
		*bytecode.Synproxy, *bytecode.Last, *bytecode.FlowOffload, *bytecode.XtMatch, *bytecode.XtTarget:
		return &Plain{Op: op}
	}
	return nil
}

// raiseStateful raises the operations that a set keeps for its elements.
func raiseStateful(ops []bytecode.Op) []Stmt {
	var stmts []Stmt
	for _, op := range ops {
		s := raisePlain(op)
		if s == nil {
			s = &Opaque{Ops: []bytecode.Op{op}}
		}
		stmts = append(stmts, s)
	}
	return stmts
}

func raiseVerdict(v *bytecode.Verdict) *Verdict {
	if v == nil {
		return nil
	}
	return &Verdict{Code: v.Code, Chain: v.Chain}
}
