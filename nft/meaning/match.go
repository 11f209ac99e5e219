package meaning

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// match is a comparison.
func (r *ruleReader) match(m *nft.Match) packet.Pred {
	reg := r.load(m.Left)
	neg := m.Op == bytecode.CmpNeq
	if reg.memory != "" {
		if limit, below, ok := randomLimit(m); ok {
			return packet.Negate(packet.ByChance(limit), !below)
		}
		return packet.Negate(&packet.Opaque{Key: memoryKey(m), Stateful: true}, neg)
	}
	var p packet.Pred
	switch right := m.Right.(type) {
	case *nft.Value:
		switch m.Op {
		case bytecode.CmpEq, bytecode.CmpNeq:
			p = reg.is(right.Data)
			r.pin(m, right.Data)
		default:
			p = r.inRange(m.Left, reg, comparison(m.Op, right.Data))
		}
	case *nft.Range:
		p = r.inRange(m.Left, reg, []packet.Range{{From: packet.FromBytes(right.From), To: packet.FromBytes(right.To)}})
	default:
		p = &packet.Opaque{Key: fmt.Sprintf("%s %v %s", key(m.Left), m.Op, key(m.Right))}
	}
	return with(reg.needs, packet.Negate(p, neg))
}

// pin notes the protocol that the rest of the rule is about.
func (r *ruleReader) pin(m *nft.Match, data []byte) {
	if m.Op != bytecode.CmpEq || len(data) != 1 {
		return
	}
	if k, ok := m.Left.(*nft.Meta); ok && k.Key == bytecode.MetaL4proto {
		r.proto = data[0]
	}
	const protocolOffset = 9 // of struct iphdr
	if p, ok := m.Left.(*nft.Payload); ok && !r.ipv6 && p.Base == bytecode.NetworkHeader && p.Offset == protocolOffset && p.Len == 1 {
		r.proto = data[0]
	}
}

// with is p where the needs hold.
func with(needs packet.All, p packet.Pred) packet.Pred {
	if len(needs) == 0 {
		return p
	}
	return append(needs[:len(needs):len(needs)], p)
}

// comparison is the values that an ordering operator takes.
func comparison(op bytecode.CmpOp, data []byte) []packet.Range {
	v, top := packet.FromBytes(data), packet.Ones(uint(8*len(data)))
	switch op {
	case bytecode.CmpLt:
		if v.IsZero() {
			return nil
		}
		return []packet.Range{{To: v.Prev()}}
	case bytecode.CmpLte:
		return []packet.Range{{To: v}}
	case bytecode.CmpGt:
		if v == top {
			return nil
		}
		return []packet.Range{{From: v.Next(), To: top}}
	}
	return []packet.Range{{From: v, To: top}}
}

func (r *ruleReader) inRange(x nft.Expr, reg register, ranges []packet.Range) packet.Pred {
	if p, ok := between(reg.bits, ranges); ok {
		return p
	}
	return &packet.Opaque{Key: fmt.Sprintf("%s in %x", key(x), ranges)}
}

// memoryKey names a comparison of something that each evaluation gives another value of. What statistic of iptables says has its words.
func memoryKey(m *nft.Match) string {
	if n, ok := m.Left.(*nft.Numgen); ok && n.Type == 0 {
		if v, ok := m.Right.(*nft.Value); ok && (m.Op == bytecode.CmpEq || m.Op == bytecode.CmpNeq) && len(v.Data) == 4 {
			return packet.Every(n.Modulus, uint32(littleEndian(v.Data))).Key
		}
	}
	return fmt.Sprintf("%s %v %s", key(m.Left), m.Op, key(m.Right))
}

// randomLimit is the limit of 2^31 random values that a comparison takes those below of, or else the others: "meta random & 0x7fffffff <
// limit", or "numgen random mod 0x80000000 < limit", which is half the random number (reciprocal_scale).
func randomLimit(m *nft.Match) (limit uint64, below, ok bool) {
	v, isValue := m.Right.(*nft.Value)
	x := m.Left
	mask, isMasked := x.(*nft.MaskXor)
	if isMasked {
		x = mask.Of
	}
	order, ok := x.(*nft.Byteorder)
	if !ok || !isValue {
		return 0, false, false
	}
	switch k := order.Of.(type) {
	case *nft.Meta:
		ok = k.Key == bytecode.MetaPrandom && isMasked && packet.FromBytes(mask.Mask) == packet.Num(1<<31-1)
	case *nft.Numgen:
		ok = k.Type == 1 && k.Modulus == 1<<31 && k.Offset == 0 && !isMasked
	default:
		ok = false
	}
	limit = packet.FromBytes(v.Data).Lo
	switch m.Op {
	case bytecode.CmpLt, bytecode.CmpGte:
	case bytecode.CmpLte, bytecode.CmpGt:
		limit++
	default:
		ok = false
	}
	return limit, m.Op == bytecode.CmpLt || m.Op == bytecode.CmpLte, ok
}

func littleEndian(b []byte) (n uint64) {
	for i, x := range b {
		n |= uint64(x) << (8 * i)
	}
	return n
}

// find is a set of the table, or an anonymous one.
func (r *ruleReader) find(name string, s *nft.Set) *nft.Set {
	if s != nil {
		return s
	}
	return r.sets[name]
}

// changes says whether packets change a set, so that nobody knows what it holds.
func changes(s *nft.Set) bool { return s.Flags&(bytecode.SetEval|bytecode.SetTimeout) != 0 }

// inSet is a lookup.
func (r *ruleReader) inSet(m *nft.InSet) packet.Pred {
	s := r.find(m.Name, m.Set)
	reg := r.load(m.Key)
	if s == nil || reg.memory != "" {
		return with(reg.needs, packet.Negate(&packet.Opaque{Key: fmt.Sprintf("%s in @%s", key(m.Key), m.Name), Stateful: true}, m.Not))
	}
	if changes(s) {
		return with(reg.needs, packet.Negate(packet.Remembered(memoryName(s), r.name(m.Key), s.Timeout), m.Not))
	}
	return with(reg.needs, packet.Negate(r.holds(m.Key, reg, s, s.Elements), m.Not))
}

// holds says when a register's value is one of elements.
func (r *ruleReader) holds(x nft.Expr, reg register, s *nft.Set, elements []nft.Element) packet.Pred {
	parts := r.partsOf(x, reg)
	if len(parts) == 1 {
		return r.holdsOne(x, parts[0], elements)
	}
	any := make(packet.Any, 0, len(elements))
	for _, e := range elements {
		if e.Catchall {
			return packet.All{}
		}
		any = append(any, r.element(x, r.partsFor(x.(*nft.Concat), parts, e), e))
	}
	return any
}

// partsFor are the parts as they are for an element that is about one protocol: that says what the transport header is.
func (r *ruleReader) partsFor(c *nft.Concat, parts [][]bit, e nft.Element) [][]bit {
	at := 0
	for i, p := range c.Parts {
		n := len(parts[i]) / 8
		if m, ok := p.(*nft.Meta); ok && m.Key == bytecode.MetaL4proto && (e.KeyEnd == nil || e.KeyEnd[at] == e.Key[at]) {
			about := *r
			about.proto = e.Key[at]
			return about.partsOf(c, about.load(c))
		}
		at += (n + 3) / 4 * 4
	}
	return parts
}

// partsOf cuts a concatenation at its words.
func (r *ruleReader) partsOf(x nft.Expr, reg register) [][]bit {
	c, ok := x.(*nft.Concat)
	if !ok {
		return [][]bit{reg.bits}
	}
	var out [][]bit
	at := 0
	for _, p := range c.Parts {
		n := len(r.load(p).bits)
		out = append(out, reg.bits[at:at+n])
		at += (n + 31) / 32 * 32
	}
	return out
}

// holdsOne is holds for a key of one part, all elements at once.
func (r *ruleReader) holdsOne(x nft.Expr, bits []bit, elements []nft.Element) packet.Pred {
	var ranges []packet.Range
	for _, e := range elements {
		if e.Catchall {
			return packet.All{}
		}
		from := data(e.Key, 0, len(bits)/8)
		to := from
		if e.KeyEnd != nil {
			to = data(e.KeyEnd, 0, len(bits)/8)
		}
		ranges = append(ranges, packet.Range{From: packet.FromBytes(from), To: packet.FromBytes(to)})
	}
	if p, ok := between(bits, ranges); ok {
		return p
	}
	any := make(packet.Any, 0, len(elements))
	for i, e := range elements {
		if e.KeyEnd != nil && ranges[i].From != ranges[i].To {
			return &packet.Opaque{Key: fmt.Sprintf("%s in %x", key(x), ranges)}
		}
		any = append(any, equal(bits, data(e.Key, 0, len(bits)/8)))
	}
	return any
}

// data are n bytes of a key, from a word on.
func data(k []byte, at, n int) []byte {
	out := make([]byte, n)
	if at < len(k) {
		copy(out, k[at:])
	}
	return out
}

// element says when a concatenation is one element: each part by itself, as nft_set_pipapo.c has it.
func (r *ruleReader) element(x nft.Expr, parts [][]bit, e nft.Element) packet.Pred {
	var all packet.All
	at := 0
	for _, bits := range parts {
		n := len(bits) / 8
		from := data(e.Key, at, n)
		to := from
		if e.KeyEnd != nil {
			to = data(e.KeyEnd, at, n)
		}
		at += (n + 3) / 4 * 4
		p, ok := between(bits, []packet.Range{{From: packet.FromBytes(from), To: packet.FromBytes(to)}})
		switch {
		case string(from) == string(to):
			p = equal(bits, from)
		case !ok:
			p = &packet.Opaque{Key: fmt.Sprintf("%s %d in %x-%x", key(x), at, from, to)}
		}
		all = append(all, p)
	}
	return all
}
