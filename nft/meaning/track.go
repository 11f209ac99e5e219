package meaning

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// What a packet has before connection tracking sees it.
var (
	// template says that a rule has given the packet a template, for its zone (nft_ct_set_zone_eval).
	template = packet.ScratchField("nft template", 1)
	// spared says that connection tracking is to leave the packet alone.
	spared = packet.ScratchField("nft spared", 1)
)

// notrack keeps connection tracking off, of a packet that has no template (nft_notrack_eval).
func notrack() packet.Step {
	return packet.When(packet.Eq(template, packet.Value{}),
		do(packet.Assign(packet.CTState, packet.Num(packet.StateUntracked))), do(packet.Assign(spared, packet.Num(1))))
}

// zone gives the packet a template, unless it has one. That undoes a notrack. A packet that connection tracking leaves alone by itself, like
// those of neighbour discovery, has no connection whose zone it were.
func (r *ruleReader) zone(c *nft.CT, value register) packet.Step {
	given := []packet.Step{do(packet.Assign(template, packet.Num(1)))}
	steps := given
	for _, f := range packet.ZoneFields(!c.HasDir || c.Dir == 0, !c.HasDir || c.Dir == 1) {
		for _, x := range writes(host(f, 2), value.bits) {
			steps = append(steps, do(x))
		}
	}
	if b, ok := fixedBytes(value.bits); ok && nothing(b) {
		steps = given // what the connections of packets without a template have
	}
	none := packet.Eq(template, packet.Value{})
	return &packet.Choose{Cases: []packet.Case{
		{When: packet.All{none, packet.Eq(spared, packet.Num(1))}, Steps: append(given[:1:1], do(&packet.Note{Key: "connection tracking, in spite of notrack"}))},
		{When: packet.All{none, packet.Eq(packet.CTState, packet.Num(packet.StateUntracked))}, Steps: given[:1:1]},
		{When: none, Steps: steps},
		{When: packet.All{}},
	}}
}

// ctWrite is a write to what belongs to the connection (nft_ct_set_eval); without one nothing is done.
func (r *ruleReader) ctWrite(c *nft.CT, value register) ([]packet.Step, bool) {
	switch c.Key {
	case bytecode.CtZone:
		return []packet.Step{r.zone(c, value)}, true
	case bytecode.CtEventmask:
		var steps []packet.Step
		for _, x := range writes(host(packet.CTEvents, 4), value.bits) {
			steps = append(steps, do(x))
		}
		return []packet.Step{packet.When(packet.Tracked, steps...)}, true
	}
	return nil, false
}

func do(x packet.Effect) packet.Step { return &packet.Do{Effect: x} }
