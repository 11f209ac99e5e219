package nft

import "rechain/nft/bytecode"

// Expr is something that leaves bytes in a register.
type Expr interface{ expr() }

// Value is a constant: the bytes of a register, in the byte order of what it is compared with.
type Value struct{ Data []byte }

// Range is From to To, both included. It stands only on the right of a [Match] with CmpEq or CmpNeq. Pair says how the kernel is
// told of one with CmpEq: by two comparisons, as nft before 1.1 does, or by one range operation. The effect is the same.
type Range struct {
	From, To []byte
	Pair     bool
}

// Meta is packet metadata, in host byte order but for the protocol.
type Meta struct{ Key bytecode.MetaKey }

// Payload is Len bytes of the packet at Offset bytes from Base.
type Payload struct {
	Base        bytecode.PayloadBase
	Offset, Len uint32
}

// CT is conntrack data. HasDir says whether Dir (0 original, 1 reply) was given.
type CT struct {
	Key    bytecode.CtKey
	HasDir bool
	Dir    uint8
}

// Socket is an attribute of the packet's socket.
type Socket struct {
	Key   bytecode.SocketKey
	Level uint32
}

// Fib is a routing lookup, see [bytecode.Fib].
type Fib struct{ Flags, Result uint32 }

// Rt is routing data, see [bytecode.Rt].
type Rt struct{ Key uint32 }

// Numgen makes numbers, see [bytecode.Numgen].
type Numgen struct{ Modulus, Offset, Type uint32 }

// Hash hashes Of, which is nil for the symmetric hash; see [bytecode.Hash].
type Hash struct {
	Type            uint32
	Of              Expr
	Len             uint32
	Modulus, Offset uint32
	Seed            uint32
	HasSeed         bool
}

// Exthdr is a field of an extension header or option, or with Flags&1 whether it is there; see [bytecode.Exthdr].
type Exthdr struct {
	Op          uint32
	Type        uint8
	Offset, Len uint32
	Flags       uint32
}

// Osf is the name of the sender's TCP stack.
type Osf struct {
	TTL   uint8
	Flags uint32
}

// Xfrm is IPsec state, see [bytecode.Xfrm].
type Xfrm struct {
	Key  uint32
	Dir  uint8
	Spnr uint32
}

// Tunnel is tunnel metadata, see [bytecode.Tunnel].
type Tunnel struct{ Key, Mode uint32 }

// MaskXor is Of & Mask ^ Xor.
type MaskXor struct {
	Of        Expr
	Mask, Xor []byte
}

// Shift shifts Of by Bits.
type Shift struct {
	Of    Expr
	Right bool
	Bits  uint32
	Len   uint32
}

// Binary combines two expressions: Op is BitwiseAnd, BitwiseOr or BitwiseXor.
type Binary struct {
	Op   bytecode.BitwiseOp
	A, B Expr
	Len  uint32
}

// Byteorder converts each Size bytes of Len.
type Byteorder struct {
	Of        Expr
	ToNetwork bool
	Len, Size uint32
}

// Concat is a concatenation; each part is padded to a multiple of 4 bytes.
type Concat struct{ Parts []Expr }

// MapLookup is what a map holds under Key. One of Name and Set is given.
type MapLookup struct {
	Key  Expr
	Name string
	Set  *Set
}

func (*Value) expr()     {}
func (*Range) expr()     {}
func (*Meta) expr()      {}
func (*Payload) expr()   {}
func (*CT) expr()        {}
func (*Socket) expr()    {}
func (*Fib) expr()       {}
func (*Rt) expr()        {}
func (*Numgen) expr()    {}
func (*Hash) expr()      {}
func (*Exthdr) expr()    {}
func (*Osf) expr()       {}
func (*Xfrm) expr()      {}
func (*Tunnel) expr()    {}
func (*MaskXor) expr()   {}
func (*Shift) expr()     {}
func (*Binary) expr()    {}
func (*Byteorder) expr() {}
func (*Concat) expr()    {}
func (*MapLookup) expr() {}
