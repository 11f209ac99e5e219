package packet

import (
	"encoding/binary"
	"math/bits"
)

// Value is the value of a field: an unsigned number of 128 bits. The zero value is 0.
type Value struct{ Hi, Lo uint64 }

// Num returns n as a value.
func Num(n uint64) Value { return Value{Lo: n} }

// FromBytes reads up to 16 bytes, the most significant first.
func FromBytes(b []byte) Value {
	var full [16]byte
	copy(full[16-len(b):], b)
	return Value{binary.BigEndian.Uint64(full[:8]), binary.BigEndian.Uint64(full[8:])}
}

// Bytes returns the value in n bytes, the most significant first.
func (v Value) Bytes(n int) []byte {
	var full [16]byte
	binary.BigEndian.PutUint64(full[:8], v.Hi)
	binary.BigEndian.PutUint64(full[8:], v.Lo)
	return full[16-n:]
}

// Name is an interface's name, or another of up to 16 bytes, as a value: padded with NUL at the end.
func Name(s string) Value {
	var full [16]byte
	copy(full[:], s)
	return FromBytes(full[:])
}

// Cmp compares two values: -1, 0 or 1.
func (v Value) Cmp(w Value) int {
	switch {
	case v.Hi < w.Hi || v.Hi == w.Hi && v.Lo < w.Lo:
		return -1
	case v == w:
		return 0
	}
	return 1
}

// And, Or, Xor and AndNot work bit by bit.
func (v Value) And(w Value) Value    { return Value{v.Hi & w.Hi, v.Lo & w.Lo} }
func (v Value) Or(w Value) Value     { return Value{v.Hi | w.Hi, v.Lo | w.Lo} }
func (v Value) Xor(w Value) Value    { return Value{v.Hi ^ w.Hi, v.Lo ^ w.Lo} }
func (v Value) AndNot(w Value) Value { return Value{v.Hi &^ w.Hi, v.Lo &^ w.Lo} }

// Next is v + 1, and Prev v - 1; both wrap.
func (v Value) Next() Value {
	lo, carry := bits.Add64(v.Lo, 1, 0)
	return Value{v.Hi + carry, lo}
}

// Prev is v - 1.
func (v Value) Prev() Value {
	lo, borrow := bits.Sub64(v.Lo, 1, 0)
	return Value{v.Hi - borrow, lo}
}

// Shl shifts left by n bits, and Shr right; n is at most 128.
func (v Value) Shl(n uint) Value {
	if n >= 64 {
		return Value{v.Lo << (n - 64), 0}
	}
	return Value{v.Hi<<n | v.Lo>>(64-n), v.Lo << n}
}

// Shr shifts right by n bits.
func (v Value) Shr(n uint) Value {
	if n >= 64 {
		return Value{0, v.Hi >> (n - 64)}
	}
	return Value{v.Hi >> n, v.Lo>>n | v.Hi<<(64-n)}
}

// Bit says whether bit n is set; bit 0 is the least significant.
func (v Value) Bit(n uint) bool { return v.Shr(n).Lo&1 != 0 }

// Ones is a value whose n lowest bits are set.
func Ones(n uint) Value {
	switch {
	case n >= 128:
		return Value{^uint64(0), ^uint64(0)}
	case n >= 64:
		return Value{uint64(1)<<(n-64) - 1, ^uint64(0)}
	}
	return Value{0, uint64(1)<<n - 1}
}

// IsZero says whether the value is 0.
func (v Value) IsZero() bool { return v == Value{} }
