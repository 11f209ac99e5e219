package nft

import (
	"bytes"
	"cmp"
	"math/big"
	"slices"

	"rechain/nft/bytecode"
)

// lookup finds the set that a statement names or holds.
func (v *viewer) lookup(name string, s *Set) *Set {
	if s != nil {
		return s
	}
	return v.set(name)
}

// setRef names a set, or shows the elements of an anonymous one. The left side's type gives the byte order of plain integers, for
// which a set that was built has no note.
func (v *viewer) setRef(name string, s *Set, shift uint, left valueType) node {
	if s == nil {
		return &setRefNode{name: name}
	}
	if s.flags()&bytecode.SetEval != 0 {
		return &setRefNode{name: s.Name, meter: true}
	}
	return v.elements(s, v.keyType(s, left), shift)
}

// keyType is the type of a set's key.
func (v *viewer) keyType(s *Set, left valueType) valueType {
	if t, _ := v.typeofKey(s); t.bits != 0 {
		return t
	}
	order, known := setNotes(s).keyOrder()
	if !known {
		order = left.order
	}
	return typeOf(s.Type, s.KeyLen, order)
}

// dataType is the type of a map's data.
func (v *viewer) dataType(s *Set) valueType {
	if _, t := v.typeofKey(s); t.bits != 0 {
		return t
	}
	order, _ := setNotes(s).dataOrder()
	return typeOf(s.Data, s.DataLen, order)
}

// typeOf is the type of a key or data of some datatypes with these lengths in bytes. Order is that of plain integers.
func typeOf(types []Datatype, lens []uint32, order byteOrder) valueType {
	lens = parts(types, lens)
	if len(types) == 1 {
		return partType(types[0], lens[0], order)
	}
	t := valueType{parts: []valueType{}}
	for i, d := range types {
		if i >= len(lens) {
			break
		}
		p := partType(d, lens[i], netOrder)
		t.parts = append(t.parts, p)
		t.bits += pad(lens[i]) * 8
	}
	return t
}

func partType(d Datatype, size uint32, order byteOrder) valueType {
	info := d.info()
	t := valueType{typ: d, order: info.order, bits: info.bits}
	if d == TypeInteger {
		t.order = order
	}
	if t.bits == 0 || bytesOf(t.bits) != size {
		t.bits = size * 8
	}
	return t
}

// perLine is how many elements of a named set nft prints on a line; 1 for the datatypes not named here.
var perLine = map[Datatype]int{
	TypeNfproto: 5, TypeInteger: 5, TypeArpOp: 5, TypeInetProto: 5, TypeInetService: 5, TypeTCPFlag: 5, TypeDCCPType: 5,
	TypeMark: 5, TypeIfindex: 5, TypeClassid: 5, TypeUID: 5, TypeGID: 5, TypeCtDir: 5,
	TypeIPAddr: 2, TypeCtState: 2, TypeCtStatus: 2, TypePkttype: 2,
}

// lineLength is how many elements of a named set nft prints on a line.
func lineLength(key valueType) int {
	if key.parts == nil && perLine[key.typ] > 0 {
		return perLine[key.typ]
	}
	return 1
}

// elements shows the elements of a set in nft's order, their values moved to the right by shift bits.
func (v *viewer) elements(s *Set, key valueType, shift uint) *setNode {
	n := &setNode{}
	var data valueType
	flags := s.flags()
	if flags&bytecode.SetMap != 0 {
		data = v.dataType(s)
	}
	for _, e := range sortedElements(s, key) {
		n.elems = append(n.elems, v.element(s, flags, e, key, data, shift))
	}
	return n
}

// sortedElements is the order in which nft lists elements: by value, but as the kernel has them for intervals of concatenations. The
// element for all other values is last.
func sortedElements(s *Set, key valueType) []Element {
	list := slices.Clone(s.Elements)
	flags := s.flags()
	if flags&bytecode.SetInterval != 0 && key.parts != nil {
		return list
	}
	sortKey := func(e Element) []byte {
		switch {
		case key.parts != nil:
			return reversed(packed(e.Key, key.parts))
		case flags&bytecode.SetInterval == 0 && key.order == hostOrder:
			return reversed(e.Key)
		}
		return e.Key
	}
	slices.SortStableFunc(list, func(a, b Element) int {
		if a.Catchall || b.Catchall {
			return cmp.Compare(len(b.Key), len(a.Key)) // it has no key
		}
		if key.flags() {
			return compareFlags(key.number(a.Key), key.number(b.Key))
		}
		return bytes.Compare(sortKey(a), sortKey(b))
	})
	return list
}

// compareFlags orders sets of flags by their lowest one, none first. nft leaves those with the same one in the kernel's order, which is
// by chance.
func compareFlags(a, b *big.Int) int {
	if a.Sign() == 0 || b.Sign() == 0 {
		return cmp.Compare(a.Sign(), b.Sign())
	}
	if c := cmp.Compare(a.TrailingZeroBits(), b.TrailingZeroBits()); c != 0 {
		return c
	}
	return b.Cmp(a)
}

// packed drops the padding between the parts of a key.
func packed(data []byte, parts []valueType) (out []byte) {
	for _, p := range parts {
		size := min(int(p.bits+7)/8, len(data))
		out = append(out, data[:size]...)
		data = data[min(int(pad(uint32(size))), len(data)):]
	}
	return out
}

func (v *viewer) element(s *Set, flags uint32, e Element, key, data valueType, shift uint) node {
	el := &elemNode{timeout: e.Timeout, expires: e.Expires, comment: e.Comment}
	for _, st := range e.Stmts {
		el.stmts = append(el.stmts, v.stateful(st))
	}
	if e.Catchall {
		el.key = wordNode("*")
	} else {
		el.key = v.elementKey(flags, e, key, shift)
	}
	switch {
	case e.Verdict != nil:
		return &mappingNode{el, e.Verdict}
	case flags&bytecode.SetObject != 0:
		return &mappingNode{el, quotedLiteral(e.Object)}
	case flags&bytecode.SetMap != 0:
		return &mappingNode{el, v.mapData(s, e.Data, data)}
	}
	return el
}

func (v *viewer) elementKey(flags uint32, e Element, t valueType, shift uint) node {
	interval := flags&bytecode.SetInterval != 0
	if t.parts != nil {
		return v.concatKey(e, t, interval)
	}
	if interval && t.typ.info().kind != stringKind {
		t.order = netOrder // intervals are compared as bytes
	}
	move := func(data []byte) []byte {
		if shift == 0 {
			return data
		}
		return new(big.Int).Rsh(new(big.Int).SetBytes(data), shift).FillBytes(make([]byte, len(data)))
	}
	if e.KeyEnd == nil {
		return v.constant(move(e.Key), t)
	}
	return v.interval(move(e.Key), move(e.KeyEnd), t)
}

// interval prints a closed interval: one value, a prefix, a string with a star, or a range.
func (v *viewer) interval(from, to []byte, t valueType) node {
	if bytes.Equal(from, to) {
		return v.constant(from, t)
	}
	bits, ok := commonPrefix(from, to)
	switch {
	case ok && t.typ.info().prefix:
		return &prefixNode{v.literal(from, t, false), bits}
	case ok && t.typ.info().kind == stringKind && bits%8 == 0:
		return quotedLiteral(string(from[:bits/8]) + "*")
	}
	return v.rangeOf(from, to, t)
}

func (v *viewer) rangeOf(from, to []byte, t valueType) node {
	return &rangeNode{v.literal(from, t, true), v.literal(to, t, true)}
}

// commonPrefix is the length of the prefix that an interval is, if it is one.
func commonPrefix(from, to []byte) (bits uint32, ok bool) {
	a, b := new(big.Int).SetBytes(from), new(big.Int).SetBytes(to)
	x := new(big.Int).Xor(a, b)
	n := x.BitLen()
	if x.Cmp(mask(uint32(n))) != 0 || a.TrailingZeroBits() < uint(n) && a.Sign() != 0 {
		return 0, false
	}
	return uint32(len(from)*8 - n), true
}

// concatKey prints a concatenation, part by part.
func (v *viewer) concatKey(e Element, t valueType, interval bool) node {
	n := &concatNode{}
	from, to := e.Key, e.KeyEnd
	for _, p := range t.parts {
		size := min(int(p.bits+7)/8, len(from))
		if interval && p.typ.info().kind != stringKind {
			p.order = netOrder
		}
		if to == nil {
			n.parts = append(n.parts, v.constant(from[:size], p))
		} else {
			n.parts = append(n.parts, v.interval(from[:size], to[:size], p))
			to = to[min(int(pad(uint32(size))), len(to)):]
		}
		from = from[min(int(pad(uint32(size))), len(from)):]
	}
	return n
}

// mapData prints the data of a map: a value, or for a map of intervals the lowest and the highest one behind each other.
func (v *viewer) mapData(s *Set, data []byte, t valueType) node {
	if !s.DataInterval {
		return v.constant(data, t)
	}
	half := len(data) / 2
	if t.parts == nil {
		return v.interval(data[:half], data[half:], t)
	}
	n := &concatNode{}
	from, to := data[:half], data[half:]
	for _, p := range t.parts {
		size := min(int(p.bits+7)/8, len(from))
		next := min(int(pad(uint32(size))), len(from))
		if p.typ == TypeIPAddr || p.typ == TypeIP6Addr || bytes.Equal(from[:size], to[:size]) {
			n.parts = append(n.parts, v.interval(from[:size], to[:size], p))
		} else {
			n.parts = append(n.parts, v.rangeOf(from[:size], to[:size], p))
		}
		from, to = from[next:], to[next:]
	}
	return n
}
