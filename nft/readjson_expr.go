package nft

import (
	"bytes"

	"rechain/nft/bytecode"
)

// jsonRule reads one rule.
type jsonRule struct {
	*jsonReader
	table     *Table
	ctx       protoContext
	ambiguous [4]bool // by payload base: one of several protocols is there
	forICMP   bool
	out       []jsonStmt
}

func (r *jsonRule) add(s jsonStmt) { r.out = append(r.out, s) }

// jsonOperand is an expression that was read.
type jsonOperand struct {
	Expr
	typ valueType
	// shift says that what the type describes lies so many bits above the lowest one of what is loaded, the rest of which is masked
	// out. It is of size bytes.
	shift uint
	size  int
	// Of a payload field: where it is in the header, in bits.
	proto *protocol
	field *field
	off   uint32
}

// plain is the operand as a value of its own, its bits lowest.
func (o jsonOperand) plain() jsonOperand {
	if o.shift != 0 {
		o.Expr = &Shift{Of: o.Expr, Right: true, Bits: uint32(o.shift), Len: uint32(o.size)}
	}
	o.typ.bits, o.shift = uint32(o.size)*8, 0
	return o
}

// ordered is the operand with its bytes in network order, as ranges and intervals are compared.
func (o jsonOperand) ordered() jsonOperand {
	if o.typ.order == hostOrder && o.typ.typ.info().kind != stringKind && o.typ.parts == nil {
		if o.typ.bits > 8 {
			o.Expr = convert(o.Expr, o.typ.bits, true)
		}
		o.typ.order = netOrder
	}
	return o
}

// convert changes the order of bytes, in the units that nft takes for a length (netlink_gen_unary).
func convert(e Expr, bits uint32, toNetwork bool) Expr {
	size := uint32(2)
	switch {
	case bits%64 == 0:
		size = 8
	case bits%32 == 0:
		size = 4
	}
	return &Byteorder{Of: e, ToNetwork: toNetwork, Len: bits / 8, Size: size}
}

// fitted gives an operand the order and, where it has another, says what is too long for where it is put.
func (o jsonOperand) fitted(t valueType) Expr {
	o = o.plain()
	if o.typ.order != t.order && o.typ.bits > 8 && o.typ.parts == nil && t.parts == nil && o.typ.typ.info().kind != stringKind {
		return convert(o.Expr, o.typ.bits, t.order == netOrder)
	}
	return o.Expr
}

// value reads what is put where a type is: a constant, or an expression.
func (r *jsonRule) value(n *jsonNode, t valueType) Expr {
	if o, ok := r.expression(n, t); ok {
		return o.fitted(t)
	}
	return &Value{r.constant(n, t)}
}

// operand reads an expression.
func (r *jsonRule) operand(n *jsonNode) jsonOperand {
	o, ok := r.expression(n, valueType{})
	if !ok {
		n.fail("is %s, not an expression", n.kind())
	}
	return o
}

// expression reads an expression; ok is false for what is a constant. want is the type of data that is looked for in a map.
func (r *jsonRule) expression(n *jsonNode, want valueType) (o jsonOperand, ok bool) {
	kind, v, ok := n.single()
	if !ok {
		return o, false
	}
	if read := jsonExpression(kind); read != nil {
		m := v.members()
		o = read(r, m)
		m.done()
		if o.size == 0 {
			o.size = int(o.typ.bits+7) / 8
		}
		return o, true
	}
	switch kind {
	case "map":
		return r.mapExpression(v.members(), want), true
	case "concat":
		o = jsonOperand{typ: valueType{parts: []valueType{}}}
		c := &Concat{}
		for _, p := range v.list() {
			part, ok := r.expression(p, valueType{})
			if !ok {
				return jsonOperand{}, false // of constants
			}
			part = part.plain()
			c.Parts, o.typ.parts = append(c.Parts, part.Expr), append(o.typ.parts, part.typ)
			o.typ.bits += pad(uint32(part.size)) * 8
		}
		o.Expr, o.size = c, int(o.typ.bits/8)
		return o, true
	case "&", "|", "^":
		return r.bitwise(kind, v)
	case "<<", ">>":
		of, by := v.pair()
		o, ok = r.expression(of, valueType{})
		if ok {
			o = o.plain()
			o.Expr = &Shift{Of: o.Expr, Right: kind == ">>", Bits: uint32(by.num(32)), Len: uint32(o.size)}
		}
		return o, ok
	case "set", "prefix", "range", "elem":
		return o, false
	}
	n.child("."+kind, nil).fail("is not known")
	return o, false
}

// bitwise reads operations with constants, which become one mask and one xor, and ones of two expressions.
func (r *jsonRule) bitwise(op string, v *jsonNode) (jsonOperand, bool) {
	args := v.list()
	if len(args) < 2 {
		v.fail("has %d operands", len(args))
	}
	o, ok := r.expression(args[0], valueType{})
	if !ok {
		return o, false
	}
	for _, a := range args[1:] {
		if b, ok := r.expression(a, valueType{}); ok {
			ops := map[string]bytecode.BitwiseOp{"&": bytecode.BitwiseAnd, "|": bytecode.BitwiseOr, "^": bytecode.BitwiseXor}
			o, b = o.plain(), b.plain()
			o.Expr = &Binary{Op: ops[op], A: o.Expr, B: b.Expr, Len: uint32(o.size)}
			continue
		}
		c := shiftLeft(r.constant(a, o.typ.sized(o.size)), o.shift)
		if len(c) != o.size {
			a.fail("has %d bytes, not %d", len(c), o.size)
		}
		mask, xor := bytes.Repeat([]byte{0xff}, o.size), make([]byte, o.size)
		if m, ok := o.Expr.(*MaskXor); ok {
			o.Expr, mask, xor = m.Of, bytes.Clone(m.Mask), bytes.Clone(m.Xor)
		}
		for i, b := range c {
			switch op {
			case "&":
				mask[i], xor[i] = mask[i]&b, xor[i]&b
			case "|":
				mask[i], xor[i] = mask[i]&^b, xor[i]&^b|b
			case "^":
				xor[i] ^= b
			}
		}
		o.Expr, o.field = &MaskXor{Of: o.Expr, Mask: mask, Xor: xor}, nil
	}
	return o, true
}

// sized is a type whose values fill so many bytes.
func (t valueType) sized(size int) valueType {
	if t.parts == nil && t.typ.info().kind != stringKind {
		t.bits = uint32(size) * 8
	}
	return t
}

func shiftLeft(b []byte, n uint) []byte {
	if n == 0 || b == nil {
		return b
	}
	out := make([]byte, len(b))
	for i := range out {
		if j := i + int(n/8); j < len(b) {
			out[i] = b[j] << (n % 8)
			if j+1 < len(b) {
				out[i] |= b[j+1] >> (8 - n%8)
			}
		}
	}
	return out
}

func (r *jsonRule) mapExpression(o *jsonMembers, want valueType) jsonOperand {
	key := r.operand(o.need("key"))
	data := o.need("data")
	o.done()
	e, name, set := r.lookIn(key, data, want, func(s *Set) { s.Data, s.DataLen = dataTypes(want) })
	out := jsonOperand{Expr: &MapLookup{Key: e, Name: name, Set: set}, typ: want, size: int(want.bits+7) / 8}
	if set == nil {
		if s := r.table.set(name); s != nil {
			out.typ = r.dataTypeOf(s, want)
			out.size = int(out.typ.bits+7) / 8
		}
	}
	return out
}

// dataTypes are a type as a set has it.
func dataTypes(t valueType) (types []Datatype, lens []uint32) {
	list := t.parts
	if list == nil {
		list = []valueType{t}
	}
	varies := false
	for _, p := range list {
		types, lens = append(types, p.typ), append(lens, bytesOf(p.bits))
		varies = varies || p.typ.bytes() != int(bytesOf(p.bits))
	}
	if !varies {
		lens = nil
	}
	return types, lens
}

// dataTypeOf is the type of a named map's data. Where its datatype does not say how long they are, the place does that they are put into.
func (r *jsonRule) dataTypeOf(s *Set, want valueType) valueType {
	if s.Object != 0 || s.holdsVerdicts() {
		return valueType{}
	}
	if _, lens := dataTypes(want); s.DataLen == nil && len(s.Data) == 1 && s.Data[0].info().bits == 0 && want.bits != 0 {
		s.DataLen = lens
		if lens == nil {
			s.DataLen = []uint32{bytesOf(want.bits)}
		}
	}
	return typeOf(s.Data, s.DataLen, want.order)
}

// lookIn reads the set or map that a key is looked for in: "@name", or {"set": […]} whose declaration is completed by declare.
func (r *jsonRule) lookIn(key jsonOperand, in *jsonNode, data valueType, declare func(*Set)) (e Expr, name string, set *Set) {
	if word, ok := in.value.(string); ok && len(word) > 1 && word[0] == '@' {
		s := r.table.set(word[1:])
		if s == nil {
			in.fail("there is no set %s", word[1:])
		}
		r.use(s, key, in)
		return r.keyFor(key.plain(), s), word[1:], nil
	}
	kind, elems, ok := in.single()
	if !ok || kind != "set" {
		in.fail("is %s, not a set", in.kind())
	}
	set = &Set{}
	set.Type, set.KeyLen = dataTypes(key.typ.sized(key.size))
	if declare != nil {
		declare(set)
	}
	if key.typ.parts == nil && key.typ.typ == TypeInteger && key.typ.order == hostOrder {
		set.Extra = bytecode.AppendTLV(nil, bytecode.UserDataSetKeyByteorder, hostU32(noteHostOrder))
	}
	r.elements(set, elems.list(), key.typ.sized(key.size), data, key.shift)
	return r.keyFor(key, set), "", set
}

// keyFor is a key as the elements of a set are kept: intervals are compared as bytes.
func (r *jsonRule) keyFor(key jsonOperand, s *Set) Expr {
	if s.Flags&bytecode.SetInterval == 0 {
		return key.Expr
	}
	c, ok := key.Expr.(*Concat)
	if !ok {
		return key.ordered().Expr
	}
	out := &Concat{}
	for i, p := range c.Parts {
		if t := key.typ.parts[i]; t.order == hostOrder && t.typ.info().kind != stringKind {
			p = convert(p, t.bits, true) // of one byte too, which does nothing
		}
		out.Parts = append(out.Parts, p)
	}
	return out
}

// use notes how long the keys of a named set are.
func (r *jsonRule) use(s *Set, key jsonOperand, at *jsonNode) {
	types, lens := key.typ.parts, []uint32{}
	if types == nil {
		types = []valueType{key.typ}
	}
	if len(types) != len(s.Type) {
		at.fail("set %s has keys of %d parts, not %d", s.Name, len(s.Type), len(types))
	}
	varies := false
	for i, d := range s.Type {
		if types[i].typ != d && types[i].typ.info().name == d.info().name {
			s.Type[i], d = types[i].typ, types[i].typ // two datatypes are called "time"
		}
		size := bytesOf(types[i].bits)
		if len(types) == 1 {
			size = uint32(key.size)
		}
		lens = append(lens, size)
		varies = varies || d.info().bits == 0
	}
	if varies && s.KeyLen == nil {
		s.KeyLen = lens
	}
}
