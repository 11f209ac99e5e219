package nft

import "rechain/nft/bytecode"

// generator makes the program of a rule.
type generator struct {
	*lowering
	ops bytecode.Program
}

func (g *generator) emit(op bytecode.Op) { g.ops = append(g.ops, op) }

// eval puts e into the quarters from q on and returns its size in bytes. Like nft, an operation leaves its result where its
// operand was, and a second operand goes into the next 16-byte register.
func (g *generator) eval(e Expr, q int) uint32 {
	r := regAt(q)
	switch e := e.(type) {
	case *MaskXor:
		g.eval(e.Of, q)
		n := uint32(len(e.Mask))
		g.emit(g.pool.mask(r, e.Mask, e.Xor))
		return n
	case *Shift:
		g.eval(e.Of, q)
		op := bytecode.BitwiseLshift
		if e.Right {
			op = bytecode.BitwiseRshift
		}
		g.emit(&bytecode.Bitwise{Op: op, Src: r, Dst: r, Len: e.Len, Data: hostU32(e.Bits)})
		return e.Len
	case *Binary:
		b := &bytecode.Bitwise{Op: e.Op, Src: r, Dst: r, Len: e.Len}
		n := g.eval(e.A, q)
		if v, ok := e.B.(*Value); ok {
			b.Data = v.Data
		} else {
			next := nextWide(q + quartersOf(n))
			g.eval(e.B, next)
			b.Src2 = regAt(next)
		}
		g.emit(b)
		return e.Len
	case *Byteorder:
		g.eval(e.Of, q)
		g.emit(&bytecode.Byteorder{Src: r, Dst: r, ToNetwork: e.ToNetwork, Len: e.Len, Size: e.Size})
		return e.Len
	case *Concat:
		end := q
		for _, p := range e.Parts {
			end += quartersOf(g.eval(p, end))
		}
		return uint32(end-q) * quarterBytes
	case *MapLookup:
		g.eval(e.Key, q)
		m := g.ref(e.Name, e.Set)
		g.emit(&bytecode.Lookup{Set: m.name, SetID: m.id, Src: r, Dst: r, HasDst: true})
		return known(m.set.dataSize())
	case *Hash:
		h := &bytecode.Hash{Type: e.Type, Dst: r, Len: e.Len, Modulus: e.Modulus, Offset: e.Offset, Seed: e.Seed, HasSeed: e.HasSeed}
		if e.Of != nil {
			next := nextWide(q + 1)
			g.eval(e.Of, next)
			h.Src = regAt(next)
		}
		g.emit(h)
		return 4
	}
	switch e := e.(type) {
	case *Payload:
		g.emit(shared(g.pool.payloads, bytecode.Payload{Base: e.Base, Offset: e.Offset, Len: e.Len, Dst: r}))
		return known(e.Len)
	case *Meta:
		g.emit(shared(g.pool.metas, bytecode.Meta{Key: e.Key, Dst: r}))
		return known(metaSize(e.Key))
	}
	op := load(e, r)
	if op == nil {
		return 0
	}
	g.emit(op)
	_, out, _ := g.operands(op)
	return known(out.size)
}

// load is the operation that loads e into r; nil when e is not something that is loaded.
func load(e Expr, r bytecode.Reg) bytecode.Op {
	switch e := e.(type) {
	case *Value:
		return &bytecode.Immediate{Dst: r, Data: e.Data}
	case *CT:
		return &bytecode.Ct{Key: e.Key, HasDir: e.HasDir, Dir: e.Dir, Dst: r}
	case *Socket:
		return &bytecode.Socket{Key: e.Key, Level: e.Level, Dst: r}
	case *Fib:
		return &bytecode.Fib{Flags: e.Flags, Result: e.Result, Dst: r}
	case *Rt:
		return &bytecode.Rt{Key: e.Key, Dst: r}
	case *Numgen:
		return &bytecode.Numgen{Dst: r, Modulus: e.Modulus, Offset: e.Offset, Type: e.Type}
	case *Exthdr:
		return &bytecode.Exthdr{Op: e.Op, Type: e.Type, Offset: e.Offset, Len: e.Len, Flags: e.Flags, Dst: r}
	case *Osf:
		return &bytecode.Osf{Dst: r, TTL: e.TTL, Flags: e.Flags}
	case *Xfrm:
		return &bytecode.Xfrm{Dst: r, Key: e.Key, Dir: e.Dir, Spnr: e.Spnr}
	case *Tunnel:
		return &bytecode.Tunnel{Key: e.Key, Mode: e.Mode, Dst: r}
	}
	return nil
}

// store is the operation that writes r to the place that a says; nil when that is not something that is written.
func store(a *Assign, r bytecode.Reg) bytecode.Op {
	switch k := a.Key.(type) {
	case *Meta:
		return &bytecode.Meta{Key: k.Key, Src: r, Set: true}
	case *CT:
		return &bytecode.Ct{Key: k.Key, HasDir: k.HasDir, Dir: k.Dir, Src: r, Set: true}
	case *Payload:
		return &bytecode.PayloadSet{
			Base: k.Base, Offset: k.Offset, Len: k.Len, Src: r,
			ChecksumType: a.ChecksumType, ChecksumOffset: a.ChecksumOffset, ChecksumFlags: a.ChecksumFlags,
		}
	case *Exthdr:
		return &bytecode.Exthdr{Op: k.Op, Type: k.Type, Offset: k.Offset, Len: k.Len, Flags: k.Flags, Src: r}
	}
	return nil
}

// known is a size, or what is assumed of one that is not known.
func known(size uint32) uint32 {
	if size == 0 {
		return unknownSize
	}
	return size
}
