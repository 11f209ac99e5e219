package nft

import (
	"slices"

	"rechain/nft/bytecode"
)

// opPool gives the rules of a table their operations. Most of these come again and again: the load of an address, the test for TCP,
// a counter, "accept". Rules share them, which is half the memory of a large table. The zero value shares nothing.
type opPool struct {
	payloads map[bytecode.Payload]*bytecode.Payload
	metas    map[bytecode.Meta]*bytecode.Meta
	counters map[bytecode.Counter]*bytecode.Counter
	verdicts map[bytecode.Verdict]*bytecode.Verdict
	masks    map[mask16]*bytecode.Bitwise
	room     bytecode.Program // for programs
}

// mask16 is a mask of the first register.
type mask16 struct {
	length uint32
	mask   [16]byte
}

func newOpPool() opPool {
	return opPool{
		payloads: map[bytecode.Payload]*bytecode.Payload{},
		metas:    map[bytecode.Meta]*bytecode.Meta{},
		counters: map[bytecode.Counter]*bytecode.Counter{},
		verdicts: map[bytecode.Verdict]*bytecode.Verdict{},
		masks:    map[mask16]*bytecode.Bitwise{},
	}
}

// shared is the one v of a map; without a map, one of its own.
func shared[T comparable](m map[T]*T, v T) *T {
	if p := m[v]; p != nil {
		return p
	}
	p := &v
	if m != nil && len(m) < maxShared {
		m[v] = p
	}
	return p
}

// maxShared bounds what is remembered of a kind, where each rule has another: counts, chains.
const maxShared = 1000

// mask is n & mask ^ xor in register r.
func (p *opPool) mask(r bytecode.Reg, mask, xor []byte) *bytecode.Bitwise {
	n := uint32(len(mask))
	key := mask16{length: n}
	known := p.masks != nil && n <= 16 && r == regAt(0) && allZero(xor)
	if known {
		copy(key.mask[:], mask)
		if op := p.masks[key]; op != nil {
			return op
		}
	}
	op := &bytecode.Bitwise{Op: bytecode.BitwiseMaskXor, Src: r, Dst: r, Len: n, Mask: mask, Xor: xor}
	if known {
		p.masks[key] = op
	}
	return op
}

// program is a copy of a program, nil for an empty one.
func (p *opPool) program(ops bytecode.Program) bytecode.Program {
	if len(ops) == 0 {
		return nil
	}
	if p.payloads == nil {
		return slices.Clone(ops)
	}
	if len(p.room) < len(ops) {
		p.room = make(bytecode.Program, max(len(ops), 4096))
	}
	n := copy(p.room, ops)
	ops, p.room = p.room[:n:n], p.room[n:]
	return ops
}
