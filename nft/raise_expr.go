package nft

import (
	"encoding/binary"

	"rechain/nft/bytecode"
)

// expr is what an operation leaves in its register, given what it reads; nil when it has no such result or none that an
// expression says.
func (x *run) expr(op bytecode.Op, in []Expr) Expr {
	switch o := op.(type) {
	case *bytecode.Immediate:
		return &Value{Data: o.Data}
	case *bytecode.Payload:
		return &Payload{Base: o.Base, Offset: o.Offset, Len: o.Len}
	case *bytecode.Meta:
		if !o.Set {
			return &Meta{Key: o.Key}
		}
	case *bytecode.Ct:
		if !o.Set {
			return &CT{Key: o.Key, HasDir: o.HasDir, Dir: o.Dir}
		}
	case *bytecode.Exthdr:
		if o.Src == 0 && o.Dst != 0 {
			return raiseExthdr(o)
		}
	case *bytecode.Socket:
		return &Socket{Key: o.Key, Level: o.Level}
	case *bytecode.Fib:
		return &Fib{Flags: o.Flags, Result: o.Result}
	case *bytecode.Rt:
		return &Rt{Key: o.Key}
	case *bytecode.Osf:
		return &Osf{TTL: o.TTL, Flags: o.Flags}
	case *bytecode.Xfrm:
		return &Xfrm{Key: o.Key, Dir: o.Dir, Spnr: o.Spnr}
	case *bytecode.Tunnel:
		return &Tunnel{Key: o.Key, Mode: o.Mode}
	case *bytecode.Numgen:
		return &Numgen{Modulus: o.Modulus, Offset: o.Offset, Type: o.Type}
	case *bytecode.Hash:
		return &Hash{Type: o.Type, Of: in[0], Len: o.Len, Modulus: o.Modulus, Offset: o.Offset, Seed: o.Seed, HasSeed: o.HasSeed}
	case *bytecode.Byteorder:
		return &Byteorder{Of: in[0], ToNetwork: o.ToNetwork, Len: o.Len, Size: o.Size}
	case *bytecode.Bitwise:
		return raiseBitwise(o, in[0], in[1])
	case *bytecode.Lookup:
		if o.HasDst && o.Dst != bytecode.VerdictReg && !o.Invert {
			m := &MapLookup{Key: in[0]}
			m.Name, m.Set = x.attach(o.Set, o.SetID)
			return m
		}
	}
	return nil
}

func raiseExthdr(o *bytecode.Exthdr) *Exthdr {
	return &Exthdr{Op: o.Op, Type: o.Type, Offset: o.Offset, Len: o.Len, Flags: o.Flags}
}

func raiseBitwise(o *bytecode.Bitwise, a, b Expr) Expr {
	switch o.Op {
	case bytecode.BitwiseMaskXor:
		if len(o.Mask) == int(o.Len) && len(o.Xor) == int(o.Len) {
			return &MaskXor{Of: a, Mask: o.Mask, Xor: o.Xor}
		}
	case bytecode.BitwiseLshift, bytecode.BitwiseRshift:
		if len(o.Data) == 4 {
			return &Shift{Of: a, Right: o.Op == bytecode.BitwiseRshift, Bits: binary.NativeEndian.Uint32(o.Data), Len: o.Len}
		}
	default:
		if o.Data != nil {
			b = &Value{Data: o.Data}
		}
		if b != nil {
			return &Binary{Op: o.Op, A: a, B: b, Len: o.Len}
		}
	}
	return nil
}
