package meaning

import (
	"fmt"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// assign writes a value to the packet or what belongs to it.
func (r *ruleReader) assign(a *nft.Assign) []packet.Step {
	value := r.load(a.Value)
	c, isCT := a.Key.(*nft.CT)
	r.tracks = r.tracks || isCT
	if steps, ok := r.option(a, value); ok {
		return steps
	}
	to := r.load(a.Key)
	out := require(value.needs)
	if p, ok := a.Key.(*nft.Payload); ok { // without the header there is nothing to write to (nft_payload_set_eval)
		out = append(out, require(to.needs)...)
		out = append(out, r.mended(a, p)...)
		to.needs = nil
	}
	if value.memory != "" {
		return append(out, r.note("set "+key(a.Key)+" to", a.Value)...)
	}
	if value.cases != nil {
		choose := &packet.Choose{}
		for _, m := range value.cases {
			choose.Cases = append(choose.Cases, packet.Case{When: m.when, Steps: r.set(a, c, to, constant(m.data))})
		}
		return append(out, choose)
	}
	return append(out, r.set(a, c, to, value.bits)...)
}

// set is assign for a value whose bits are known; c is the key, if it belongs to the connection.
func (r *ruleReader) set(a *nft.Assign, c *nft.CT, to register, value []bit) []packet.Step {
	if c != nil {
		if steps, ok := r.ctWrite(c, register{bits: value}); ok {
			return steps
		}
	}
	if c != nil && c.Key == bytecode.CtLabels { // labels are only added: the value is the mask as well (nf_connlabels_replace)
		value = slices.Clone(value)
		for i, b := range value {
			if b.fixed && !b.flip {
				value[i] = to.bits[i]
			}
		}
	}
	effects := writes(to.bits, value)
	if effects == nil {
		effects = []packet.Effect{&packet.Note{Key: fmt.Sprintf("set %s to %s", key(a.Key), key(a.Value))}}
	}
	return r.guarded(to, effects)
}

// option is a write to a TCP header's maximum segment size (nft_exthdr_tcp_set_eval).
func (r *ruleReader) option(a *nft.Assign, value register) ([]packet.Step, bool) {
	const (
		tcp       = 1 // NFT_EXTHDR_OP_TCPOPT
		mss       = 2 // TCPOPT_MSS
		routeMSS  = 3 // NFT_RT_TCPMSS
		protoTCP  = 6
		mssOffset = 2
	)
	h, ok := a.Key.(*nft.Exthdr)
	if !ok || h.Op != tcp || h.Type != mss || h.Offset != mssOffset || h.Len != 2 {
		return nil, false
	}
	header := require(with(firstTransport, packet.Eq(packet.L4Proto, packet.Num(protoTCP))))
	if b, ok := fixedBytes(value.bits); ok && len(b) == 2 {
		return append(header, packet.Lowers(uint16(packet.FromBytes(b).Lo))), true
	}
	if order, ok := a.Value.(*nft.Byteorder); ok {
		if rt, ok := order.Of.(*nft.Rt); ok && rt.Key == routeMSS {
			return append(header, packet.LowersToRoute()), true
		}
	}
	return nil, false
}

// reset takes one TCP option of a kind out (nft_exthdr_tcp_strip_eval). Whether one is left is a field by itself, for each number that a
// rule takes out; a header has no room for more than the last.
func (r *ruleReader) reset(o *nft.ResetOption) []packet.Step {
	const most = 40 / 2 // bytes of options in a TCP header, and of the shortest
	has, n := packet.HasTCPOption(o.Type), r.resets[o.Type]
	if n >= most {
		return []packet.Step{do(packet.Assign(has, packet.Value{}))}
	}
	left := packet.Named(fmt.Sprintf("more than %d of %s", n, has.Name), 1, packet.Bool)
	return []packet.Step{do(&packet.Copy{To: has, From: left, Bits: packet.Num(1)})}
}

// resets counts the options of each kind that a rule takes out.
func resets(stmts []nft.Stmt) map[uint8]int {
	var out map[uint8]int
	for _, s := range stmts {
		if o, ok := s.(*nft.ResetOption); ok {
			if out == nil {
				out = map[uint8]int{}
			}
			out[o.Type]++
		}
	}
	return out
}

// dup sends a copy.
func (r *ruleReader) dup(d *nft.Dup) []packet.Step {
	var addr packet.Value
	var device uint32
	for i, x := range []nft.Expr{d.Addr, d.Dev} {
		if x == nil {
			continue
		}
		b, ok := fixedBytes(r.load(x).bits)
		switch {
		case !ok:
			return r.note("dup", d.Addr, d.Dev)
		case i == 0:
			addr = packet.FromBytes(b)
		default:
			device = uint32(littleEndian(b))
		}
	}
	return []packet.Step{do(packet.Duplicated(addr, device))}
}

// guarded does effects where there is something to write to: a write to a connection that is not there is left out (nft_ct_set_eval).
func (r *ruleReader) guarded(to register, effects []packet.Effect) []packet.Step {
	var steps []packet.Step
	for _, x := range effects {
		steps = append(steps, &packet.Do{Effect: x})
	}
	if len(to.needs) == 0 {
		return steps
	}
	return []packet.Step{&packet.Choose{Cases: []packet.Case{{When: to.needs, Steps: steps}, {When: packet.All{}}}}}
}

// writes are the effects of giving fields, whose bits are to, other bits: one for each field, and one for each field that bits
// come from. nil: that cannot be said.
func writes(to, from []bit) []packet.Effect {
	type piece struct {
		field packet.Field
		shift int
	}
	keep := map[packet.Field]packet.Value{} // bits that stay
	flip := map[packet.Field]packet.Value{}
	copies := map[packet.Field]map[piece]packet.Value{}
	var order []packet.Field
	for i, t := range to {
		if t.fixed || i >= len(from) {
			continue // padding
		}
		if _, ok := keep[t.field]; !ok {
			keep[t.field] = packet.Ones(uint(t.field.Bits))
			copies[t.field] = map[piece]packet.Value{}
			order = append(order, t.field)
		}
		one := packet.Num(1).Shl(uint(t.n))
		f := from[i]
		if f.flip != t.flip {
			flip[t.field] = flip[t.field].Or(one)
		}
		switch {
		case f.fixed:
			keep[t.field] = keep[t.field].AndNot(one)
		case f.field == t.field && f.n == t.n:
		default:
			keep[t.field] = keep[t.field].AndNot(one)
			p := piece{f.field, int(t.n) - int(f.n)}
			copies[t.field][p] = copies[t.field][p].Or(packet.Num(1).Shl(uint(f.n)))
		}
	}
	var out []packet.Effect
	for _, f := range order {
		switch len(copies[f]) {
		case 0:
			out = append(out, &packet.Write{Field: f, Keep: keep[f], Flip: flip[f]})
		case 1:
			for p, bits := range copies[f] {
				out = append(out, &packet.Copy{To: f, From: p.field, Keep: keep[f], Bits: bits, Shift: p.shift, Flip: flip[f]})
			}
		default:
			return nil
		}
	}
	return out
}
