package nft

import (
	"math/big"
	"slices"
	"strings"

	"rechain/nft/bytecode"
)

// match reads a comparison.
func (r *jsonRule) match(o *jsonMembers) {
	opNode, leftNode, right := o.need("op"), o.need("left"), o.need("right")
	o.done()
	op := opNode.str()
	left := r.operand(leftNode)
	if _, exists := right.value.(bool); exists {
		left = asPresence(left)
	}
	if word, ok := right.value.(string); ok && len(word) > 1 && word[0] == '@' {
		r.inSet(left, right, op == "!=")
		return
	}
	kind, v, single := right.single()
	if single && kind == "set" {
		r.inSet(left, right, op == "!=")
		return
	}
	if left.typ.flags() && (op == "in" || op == "!") {
		r.anyFlag(left, right, op == "in")
		return
	}
	i := slices.Index(cmpOps, op)
	if op == "in" {
		i = slices.Index(cmpOps, "==")
	}
	if i < 0 {
		opNode.fail("%q is not a comparison", op)
	}
	cmp := bytecode.CmpOp(i)
	switch {
	case single && kind == "range":
		left = left.ordered()
		from, to := v.pair()
		r.compare(left, cmp, &Range{From: r.compared(from, left), To: r.compared(to, left), Pair: cmp == bytecode.CmpEq})
	case single && kind == "prefix":
		r.matchPrefix(left, cmp, v.members())
	case left.typ.typ.info().kind == stringKind && left.typ.parts == nil:
		r.compare(left, cmp, &Value{r.stringMatch(right, left.typ)})
	case equality(cmp):
		data := r.compared(right, left)
		s := jsonStmt{Stmt: &Match{Op: cmp, Left: left.Expr, Right: &Value{data}}, expression: true}
		if p, ok := left.Expr.(*Payload); ok && cmp == bytecode.CmpEq {
			s.joins = int(p.Len) == len(data)
			s.protocol = left.field != nil && left.proto.isKey(left.field)
		}
		r.add(s)
		if cmp == bytecode.CmpEq {
			r.learn(left, [][]byte{data})
		}
	default:
		left = left.ordered()
		r.compare(left, cmp, &Value{r.compared(right, left)})
	}
}

// asPresence is whether what an expression loads is there, where that is another flag that JSON shows by the value alone.
func asPresence(o jsonOperand) jsonOperand {
	switch e := o.Expr.(type) {
	case *Fib:
		o.Expr, o.typ.typ = &Fib{Flags: e.Flags | fibPresent, Result: e.Result}, TypeBoolean
	case *Exthdr: // of a kind that nft has no name for
		o.Expr, o.typ.typ = &Exthdr{Op: e.Op, Type: e.Type, Offset: e.Offset, Len: e.Len, Flags: e.Flags | exthdrPresent}, TypeBoolean
	}
	return o
}

// compared is a constant as it is compared with an operand: moved to where the operand's bits are.
func (r *jsonRule) compared(n *jsonNode, left jsonOperand) []byte {
	return shiftLeft(r.constant(n, left.typ.sized(left.size)), left.shift)
}

func (r *jsonRule) compare(left jsonOperand, op bytecode.CmpOp, right Expr) {
	r.add(jsonStmt{Stmt: &Match{Op: op, Left: left.Expr, Right: right}, expression: true})
}

// inSet reads a lookup.
func (r *jsonRule) inSet(left jsonOperand, in *jsonNode, not bool) {
	e, name, set := r.lookIn(left, in, valueType{}, nil)
	r.add(jsonStmt{Stmt: &InSet{Key: e, Not: not, Name: name, Set: set}, expression: true})
	if set == nil || not {
		return
	}
	var values [][]byte
	for _, el := range set.Elements {
		if el.KeyEnd != nil || el.Catchall {
			return
		}
		values = append(values, el.Key)
	}
	r.learn(left, values)
}

// anyFlag compares flags: any of some is set, or none.
func (r *jsonRule) anyFlag(left jsonOperand, right *jsonNode, any bool) {
	mask := r.compared(right, left)
	op := bytecode.CmpEq
	if any {
		op = bytecode.CmpNeq
	}
	zero := make([]byte, len(mask))
	r.compare(jsonOperand{Expr: &MaskXor{Of: left.Expr, Mask: mask, Xor: zero}}, op, &Value{zero})
}

// matchPrefix compares the first bits. Whole bytes of a packet are loaded without the rest.
func (r *jsonRule) matchPrefix(left jsonOperand, op bytecode.CmpOp, o *jsonMembers) {
	addr, bits := r.constant(o.need("addr"), left.typ), o.need("len")
	o.done()
	m := prefixMask(bits, left.typ)
	n := uint32(bits.num(8))
	if n > 0 && n%8 == 0 && left.typ.order == netOrder {
		if p, ok := left.Expr.(*Payload); ok {
			left.Expr = &Payload{Base: p.Base, Offset: p.Offset, Len: n / 8}
		}
		r.compare(left, op, &Value{addr[:n/8]})
		return
	}
	r.compare(jsonOperand{Expr: &MaskXor{Of: left.Expr, Mask: m, Xor: make([]byte, len(m))}}, op, &Value{addr})
}

// stringMatch undoes [stringMatch]: what ends in a star is compared without the NULs behind.
func (r *jsonRule) stringMatch(n *jsonNode, t valueType) []byte {
	s := n.str()
	switch {
	case strings.HasSuffix(s, `\*`):
		return r.scalar(n.child("", s[:len(s)-2]+"*"), t)
	case strings.HasSuffix(s, "*") && len(s) > 1:
		return []byte(s[:len(s)-1])
	}
	return r.scalar(n, t)
}

// mangle reads a write.
func (r *jsonRule) mangle(o *jsonMembers) {
	keyNode, value := o.need("key"), o.need("value")
	o.done()
	kind, v, ok := keyNode.single()
	if !ok {
		keyNode.fail("is %s, not something that is written", keyNode.kind())
	}
	m := v.members()
	var key jsonOperand
	op, isOption := optionKinds[kind]
	switch {
	case kind == "payload":
		key = r.payload(m)
	case isOption:
		key = r.optionField(op, m)
	case kind == "meta", kind == "ct":
		key = jsonExpression(kind)(r, m)
	default:
		keyNode.fail("%s is not something that is written", kind)
	}
	m.done()
	if key.size == 0 {
		key.size = int(key.typ.bits+7) / 8
	}
	var a *Assign
	if p, ok := bare(key.Expr).(*Payload); ok {
		a = r.write(key, p, value)
	} else {
		a = &Assign{Key: bare(key.Expr), Value: r.value(value, key.typ.sized(key.size))}
	}
	r.add(jsonStmt{Stmt: a})
}

// bare is a load without the mask that cuts a field out.
func bare(e Expr) Expr {
	if m, ok := e.(*MaskXor); ok {
		return m.Of
	}
	return e
}

// checksumInet and checksumSCTP are NFT_PAYLOAD_CSUM_*, pseudoHeader is NFT_PAYLOAD_L4CSUM_PSEUDOHDR.
const (
	checksumInet = 1
	checksumSCTP = 2
	pseudoHeader = 1
)

// write is a write into the packet, which mends checksums where a field is named (see [mends]). The kernel does so in pairs of bytes, and
// writes whole bytes only, so that a part is written with what is around it.
func (r *jsonRule) write(key jsonOperand, p *Payload, value *jsonNode) *Assign {
	a := &Assign{}
	sums := key.field != nil && mends(&payloadNode{proto: key.proto, field: key.field})
	if sums {
		for _, f := range key.proto.fields {
			if f.name == "checksum" {
				a.ChecksumType, a.ChecksumOffset = checksumInet, f.off/8
				if key.proto == protoSCTP {
					a.ChecksumType = checksumSCTP
				}
			}
		}
		if key.proto == protoIP || key.proto == protoIP6 {
			switch key.field.name {
			case "saddr", "daddr", "protocol", "nexthdr", "length":
				a.ChecksumFlags = pseudoHeader
			}
		}
	}
	first, last := p.Offset, p.Offset+p.Len
	if a.ChecksumType == checksumInet {
		first, last = first&^1, (last+1)&^1
	}
	whole := &Payload{Base: p.Base, Offset: first, Len: last - first}
	a.Key = whole
	if *whole == *p && key.shift == 0 && int(key.typ.bits) == 8*key.size {
		a.Value = r.value(value, key.typ)
		return a
	}
	up := key.shift + uint(8*(last-p.Offset-p.Len))
	size := make([]byte, whole.Len)
	field := new(big.Int).Lsh(mask(key.typ.bits), up).FillBytes(make([]byte, len(size)))
	for i := range field {
		field[i] = ^field[i]
	}
	wide := key.typ
	wide.order = netOrder
	num := new(big.Int).SetBytes(r.constant(value, wide))
	a.Value = &MaskXor{Of: whole, Mask: field, Xor: num.Lsh(num, up).FillBytes(size)}
	return a
}
