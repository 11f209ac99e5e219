package nft

import (
	"slices"

	"rechain/nft/bytecode"
)

// verdictSize is what the kernel says is the length of a verdict map's data (sizeof(struct nft_verdict)).
const verdictSize = 16

// pad is n rounded up to whole quarters.
func pad(n uint32) uint32 { return uint32(quartersOf(n)) * quarterBytes }

// parts returns the length of each part of a value: what is given, or what its datatypes say.
func parts(types []Datatype, given []uint32) []uint32 {
	if given != nil {
		return given
	}
	lens := make([]uint32, len(types))
	for i, t := range types {
		lens[i] = uint32(t.bytes())
	}
	return lens
}

// length is that of a value made of parts: only those of a concatenation are padded. It is 0 when a part's length is not known.
func length(parts []uint32) uint32 {
	if len(parts) == 1 {
		return parts[0]
	}
	var n uint32
	for _, p := range parts {
		if p == 0 {
			return 0
		}
		n += pad(p)
	}
	return n
}

// keySize is the length of a key, 0 when it is not known.
func (s *Set) keySize() uint32 {
	if s == nil {
		return 0
	}
	return length(parts(s.Type, s.KeyLen))
}

// dataSize is the length of the data of a map, 0 when it is not known or there are none.
func (s *Set) dataSize() uint32 {
	switch {
	case s == nil || s.Data == nil:
		return 0
	case s.holdsVerdicts():
		return verdictSize
	case s.DataInterval:
		return 2 * pad(length(parts(s.Data, s.DataLen)))
	}
	return length(parts(s.Data, s.DataLen))
}

func (s *Set) holdsVerdicts() bool { return slices.Equal(s.Data, []Datatype{TypeVerdict}) }

func (s *Set) isConcat() bool { return len(s.Type) > 1 }

// flags are the set's flags with what its other fields imply.
func (s *Set) flags() uint32 {
	f := s.Flags
	if s.Data != nil {
		f |= bytecode.SetMap
	}
	if s.Object != 0 {
		f |= bytecode.SetObject
	}
	if slices.ContainsFunc(s.Elements, func(e Element) bool { return e.KeyEnd != nil }) {
		f |= bytecode.SetInterval
	}
	if f&bytecode.SetInterval != 0 && s.isConcat() {
		f |= bytecode.SetConcat
	}
	return f
}

// natData says where in a map's data, in quarters, the parts are that NAT takes from it: the address is at 0. A part that is not
// there is 0 too.
type natData struct{ addrMax, port, portMax int }

// natData is the layout of data that hold an address, perhaps a port behind it (two parts), and perhaps all that once more for
// the end of a range (nft: stmt_evaluate_nat_map).
func (s *Set) natData() natData {
	var d natData
	if s == nil || s.holdsVerdicts() {
		return d
	}
	lens := parts(s.Data, s.DataLen)
	if len(s.Data) == 2 && len(lens) == 2 {
		d.port = quartersOf(lens[0])
	}
	if s.DataInterval {
		d.addrMax = quartersOf(length(lens))
		if d.port != 0 {
			d.portMax = d.addrMax + d.port
		}
	}
	return d
}

// packTypes is the number by which nft tells the kernel a concatenation's datatypes: six bits each, the last part lowest
// (concat_subtype_add).
func packTypes(types []Datatype) uint32 {
	var n uint32
	for _, t := range types {
		n = n<<typeBits | uint32(t)
	}
	return n
}

const (
	typeBits = 6 // TYPE_BITS
	typeMask = 1<<typeBits - 1
)

func unpackTypes(n uint32) []Datatype {
	types := []Datatype{Datatype(n & typeMask)}
	for n >>= typeBits; n != 0; n >>= typeBits {
		types = slices.Insert(types, 0, Datatype(n&typeMask))
	}
	return types
}
