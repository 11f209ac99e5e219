package compare

import (
	"cmp"
	"slices"

	"rechain/nft/packet"
)

// survey notes what programs ask of each field and write to it.
func (e *engine) survey(programs ...*packet.Program) {
	for _, p := range programs {
		for _, c := range p.Chains {
			for _, r := range c.Rules {
				e.surveySteps(r.Steps)
			}
		}
	}
	e.surveyPred(firstPacket)
}

// placeAll gives the fields their variables.
func (e *engine) placeAll() {
	all := make([]*survey, 0, len(e.surveys))
	for _, s := range e.surveys {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *survey) int {
		return cmp.Or(cmp.Compare(rank(a.field), rank(b.field)), cmp.Compare(a.field.Name, b.field.Name))
	})
	for _, s := range all {
		e.place(s)
	}
}

// order is that of the fields that decide most, outermost first. Interfaces come near the top, fields that go together side by side,
// what is not here behind, and opaque predicates last: measured, other orders cost up to 24 times as much.
var order = []packet.Field{
	packet.Iif, packet.Oif, packet.IifType, packet.HasEther, packet.IPv4Src, packet.IPv6Src, packet.EtherSrc, packet.IPv4Dst, packet.IPv6Dst, packet.L4Proto, packet.SrcPort,
	packet.DstPort, packet.ICMPType, packet.ICMPCode, packet.TCPFlags, packet.FragOffset, packet.CTState, packet.CTStatus, packet.CTReply, packet.HasSocket,
	packet.UID, packet.GID, packet.Mark, packet.CTMark,
}

func rank(f packet.Field) int {
	if i := slices.Index(order, f); i >= 0 {
		return i
	}
	if f.Name[0] == '?' {
		return len(order) + 1
	}
	return len(order)
}

func (e *engine) surveySteps(steps []packet.Step) {
	for _, s := range steps {
		switch v := s.(type) {
		case *packet.Require:
			e.surveyPred(v.P)
		case *packet.Do:
			e.surveyEffect(v.Effect)
		case *packet.Choose:
			for _, c := range v.Cases {
				e.surveyPred(c.When)
				e.surveySteps(c.Steps)
			}
		}
	}
}

func (e *engine) surveyPred(p packet.Pred) {
	switch v := p.(type) {
	case *packet.In:
		s := e.of(v.Field)
		for _, r := range v.Ranges {
			s.cut(r)
		}
	case *packet.Masked:
		points := matching(v)
		if points == nil {
			e.of(v.Field).bits = true
		}
		for _, r := range points {
			e.of(v.Field).cut(r)
		}
	case *packet.Opaque:
		if !v.Stateful {
			e.of(opaqueField(v.Key)).cut(packet.Range{From: packet.Num(1), To: packet.Num(1)})
			return
		}
		e.evaluation(v.Key, 1)
	case packet.Not:
		e.surveyPred(v.P)
	case packet.All:
		for _, q := range v {
			e.surveyPred(q)
		}
	case packet.Any:
		for _, q := range v {
			e.surveyPred(q)
		}
	}
}

func (e *engine) surveyEffect(x packet.Effect) {
	switch v := x.(type) {
	case *packet.Write:
		s := e.of(v.Field)
		s.bits = s.bits || !v.Keep.IsZero()
		s.cut(packet.Range{From: v.Flip, To: v.Flip}) // whether the field had the value already
	case *packet.Copy:
		e.of(v.To).bits, e.of(v.From).bits = true, true
	}
}

// of is the survey of a field.
func (e *engine) of(f packet.Field) *survey {
	s := e.surveys[f]
	if s == nil {
		s = &survey{field: f}
		e.surveys[f] = s
	}
	return s
}
