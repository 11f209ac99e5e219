package meaning

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// assign writes a value to the packet or what belongs to it.
func (r *ruleReader) assign(a *nft.Assign) []packet.Step {
	to := r.load(a.Key)
	if c, ok := a.Key.(*nft.CT); ok {
		r.tracks = true
		if c.Key == bytecode.CtZone || c.Key == bytecode.CtEventmask { // of a connection that is yet to begin
			to.needs = nil
		}
	}
	value := r.load(a.Value)
	out := require(value.needs)
	if value.memory != "" {
		return append(out, r.note("set "+key(a.Key)+" to", a.Value)...)
	}
	if value.cases != nil {
		choose := &packet.Choose{}
		for _, c := range value.cases {
			choose.Cases = append(choose.Cases, packet.Case{When: c.when, Steps: r.guarded(to, writes(to.bits, constant(c.data)))})
		}
		return append(out, choose)
	}
	effects := writes(to.bits, value.bits)
	if effects == nil {
		effects = []packet.Effect{&packet.Note{Key: fmt.Sprintf("set %s to %s", key(a.Key), key(a.Value))}}
	}
	return append(out, r.guarded(to, effects)...)
}

// guarded does effects where there is something to write to. A write to a connection that is not there is left out (nft_ct_set_eval); one to
// a header that is not there breaks the rule off, which is the same for the field.
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
