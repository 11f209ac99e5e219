package nft

import (
	"bytes"
	"math/big"

	"rechain/nft/bytecode"
)

// matchNode compares. Op is nft's operator: "==", "!=", "<" …, "in" for flags of which any will do, "!" for none of them.
type matchNode struct {
	op          string
	left, right node
	spellEq     bool // text needs "=="
}

// flagcmpNode tests flags under a mask: "syn / fin,syn,rst,ack".
type flagcmpNode struct {
	op                string
	left, right, mask node
}

var cmpOps = []string{
	bytecode.CmpEq: "==", bytecode.CmpNeq: "!=", bytecode.CmpLt: "<", bytecode.CmpLte: "<=", bytecode.CmpGt: ">", bytecode.CmpGte: ">=",
}

func equality(op bytecode.CmpOp) bool { return op == bytecode.CmpEq || op == bytecode.CmpNeq }

// match names a comparison.
func (r *ruleView) match(m *Match) {
	switch left := m.Left.(type) {
	case *Payload:
		r.matchPayload(m, r.compared(left), m.Right)
	case *MaskXor:
		if splitMask(left.Mask, left.Xor).none() {
			r.match(&Match{Op: m.Op, Left: left.Of, Right: m.Right}) // the mask does nothing
		} else if !r.matchMasked(m, left) {
			r.matchOther(m)
		}
	default:
		r.matchOther(m)
	}
}

// compared is what a comparison loads.
func (r *ruleView) compared(p *Payload) *payloadNode {
	return r.payloads.put(payloadAt(p.Base, p.Offset*8, p.Len*8))
}

// add appends a statement.
func (r *ruleView) add(n node) *entry {
	e := r.entries.put(entry{node: n})
	r.out = append(r.out, e)
	return e
}

// compare adds a comparison of a named left side.
func (r *ruleView) compare(m *Match, left node, t valueType, right Expr) *entry {
	n := r.matches.put(matchNode{op: cmpOps[m.Op], left: left, right: r.right(right, t)})
	_, single := n.right.(literal)
	n.spellEq = isBinary(left) || single && t.flags()
	return r.add(n)
}

// right names what a left side of a type is compared with.
func (r *ruleView) right(e Expr, t valueType) node {
	switch e := e.(type) {
	case *Value:
		if int(t.bits) > len(e.Data)*8 && t.typ.info().kind != stringKind && t.parts == nil {
			full := make([]byte, (t.bits+7)/8)
			copy(full, e.Data)
			return &prefixNode{r.literal(full, t, false), uint32(len(e.Data)) * 8}
		}
		if t.typ.info().kind == stringKind && t.parts == nil {
			return stringMatch(e.Data)
		}
		return r.constant(e.Data, t)
	case *Range:
		return r.rangeOf(e.From, e.To, t)
	}
	return r.expr(e).node
}

// stringMatch prints a string that is compared: one that does not end in NUL is a prefix. A star in the text itself is escaped.
func stringMatch(data []byte) literal {
	s, _, whole := bytes.Cut(data, []byte{0})
	switch {
	case !whole:
		s = append(append([]byte{}, s...), '*')
	case bytes.HasSuffix(s, []byte("*")):
		s = append(append([]byte{}, s[:len(s)-1]...), `\*`...)
	}
	return quotedLiteral(string(s))
}

// matchPayload compares packet bytes. Adjacent fields that are compared at once come apart.
func (r *ruleView) matchPayload(m *Match, n *payloadNode, right Expr) {
	v, ok := right.(*Value)
	if !ok || !equality(m.Op) || uint32(len(v.Data))*8 < n.bits && n.bits%8 == 0 {
		r.complete(n)
		r.compare(m, n, n.value(), right)
		return
	}
	r.matchFields(m, n, v.Data)
}

// matchFields compares the fields that a payload covers with the parts of a number.
func (r *ruleView) matchFields(m *Match, n *payloadNode, data []byte) {
	left, base := n.bits, int(n.base)
	var few [2]*payloadNode
	parts := r.ctx.expand(few[:0], n)
	for _, part := range parts {
		left -= part.bits
		val := data
		if len(parts) > 1 || uint32(len(data)) != bytesOf(n.bits) {
			val = cut(data, left, part.bits)
		}
		node := r.matches.put(matchNode{op: cmpOps[m.Op], left: part, right: r.fieldValue(part, val)})
		node.spellEq = part.value().flags()
		eq := m.Op == bytecode.CmpEq
		low := valueType{}.low(val)
		e := r.entries.put(entry{node: node, dep: dependency{payload: part, value: low, bits: part.bits, single: true}})
		if eq {
			r.ctx.learnPayload(part, low)
		}
		if eq && part.isKey && r.stacked(base, e.dep.value) {
			base--
		}
		r.deps.payload(part, &r.ctx)
		if eq && part.isKey {
			r.deps.store(e, bytecode.PayloadBase(base+1))
		}
		r.out = append(r.out, e)
	}
}

// stacked reports whether a type match leads to another header of the same layer, as "ether type vlan" does. Fields of that header
// then imply the match.
func (r *ruleView) stacked(base int, value uint32) bool {
	if base < 0 || r.ctx.layers[base] == nil {
		return false
	}
	next := r.ctx.layers[base].upper(value & 0xffff)
	return next != nil && int(next.base) == base
}

// cut takes some bits out of a big-endian number, left of the lowest ones.
func cut(data []byte, left, bits uint32) []byte {
	num := new(big.Int).SetBytes(data)
	num.And(num.Rsh(num, uint(left)), mask(bits))
	return num.FillBytes(make([]byte, bytesOf(bits)))
}

func mask(bits uint32) *big.Int {
	m := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	return m.Sub(m, big.NewInt(1))
}

// fieldValue prints a field's value; the start of a field is a prefix.
func (r *ruleView) fieldValue(n *payloadNode, val []byte) node {
	if n.field == nil || n.bits >= n.field.bits {
		return r.literal(val, n.value(), false)
	}
	full := new(big.Int).SetBytes(val)
	full.Lsh(full, uint(n.field.bits-n.bits))
	t := valueType{typ: n.field.typ, bits: n.field.bits}
	return r.prefixes.put(prefixNode{r.literal(full.FillBytes(make([]byte, (n.field.bits+7)/8)), t, false), n.bits})
}

// matchOther compares anything but packet bytes.
func (r *ruleView) matchOther(m *Match) {
	left := r.expr(m.Left)
	e := r.compare(m, left.node, left.typ, m.Right)
	v, isValue := m.Right.(*Value)
	dep := dependency{single: isValue}
	if isValue {
		dep.value, dep.bits = left.typ.low(v.Data), left.typ.bits
	}
	switch l := m.Left.(type) {
	case *Meta:
		dep.meta = l
		r.protoMatch(e, m, dep, metaLayer(l.Key), isMetaKey(l.Key), func() { r.ctx.learnMeta(l.Key, dep.value) })
	case *CT:
		base, isKey := ctLayer(l.Key)
		layer := int(base)
		if l.Key == bytecode.CtSrc || l.Key == bytecode.CtDst {
			layer = int(bytecode.NetworkHeader)
		} else if !isKey {
			layer = -1
		}
		r.protoMatch(e, m, dep, layer, isKey, func() { r.ctx.learnCT(l.Key, dep.value) })
	}
}

// protoMatch notes, of a match on metadata or conntrack what it says of protocols; layer is the header whose protocol it looks at,
// -1 none.
func (r *ruleView) protoMatch(e *entry, m *Match, dep dependency, layer int, isKey bool, learn func()) {
	if m.Op != bytecode.CmpEq || !dep.single {
		return
	}
	e.dep = dep
	if isKey {
		learn()
	}
	if layer == int(bytecode.NetworkHeader) {
		l4 := -1
		if dep.meta != nil {
			l4 = int(dep.value)
		}
		r.deps.below(e, &r.ctx, l4)
	}
	if isKey {
		r.deps.store(e, bytecode.PayloadBase(layer+1))
	}
}

// metaLayer is the header whose protocol a key tells. The device type tells of the link header, and there is nothing below.
func metaLayer(key bytecode.MetaKey) int {
	switch key {
	case bytecode.MetaNfproto, bytecode.MetaProtocol:
		return int(bytecode.LinkHeader)
	case bytecode.MetaL4proto:
		return int(bytecode.NetworkHeader)
	}
	return -1
}

func isMetaKey(key bytecode.MetaKey) bool {
	return metaLayer(key) >= 0 || key == bytecode.MetaIiftype
}
