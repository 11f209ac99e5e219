package trace

import (
	"fmt"
	"slices"
	"strings"

	"rechain/nft/packet"
)

// predText says in words what a condition asks.
func predText(p packet.Pred, not bool) string {
	is := map[bool]string{false: "=", true: "!="}[not]
	switch v := p.(type) {
	case *packet.In:
		if v.Field.Show == packet.Bool && len(v.Ranges) == 1 && v.Ranges[0].From == v.Ranges[0].To {
			yes := v.Ranges[0].From == packet.Num(1)
			return v.Field.Word() + "=" + map[bool]string{false: "no", true: "yes"}[yes != not]
		}
		return v.Field.Word() + is + rangesText(v)
	case *packet.Masked:
		return fmt.Sprintf("%s & %s%s%s", v.Field.Word(), hex(v.Mask), is, hex(v.Value))
	case *packet.Opaque:
		if not {
			return "not " + v.Key
		}
		return v.Key
	case packet.Not:
		return predText(v.P, !not)
	case packet.All:
		return joined(v, not, " and ", " or ")
	case packet.Any:
		return joined(v, not, " or ", " and ")
	}
	return ""
}

// rangesText is the values that are asked for; of many only the first.
func rangesText(in *packet.In) string {
	const most = 4
	ranges, more := in.Ranges, ""
	if len(ranges) > most {
		more = fmt.Sprintf(" and %d more", len(ranges)-most)
		ranges = ranges[:most]
	}
	if !slices.ContainsFunc(ranges, func(r packet.Range) bool { return r.From != r.To }) {
		var out []string
		for _, r := range ranges {
			out = append(out, in.Field.LineText(r.From))
		}
		return strings.Join(out, ", ") + more
	}
	return in.Field.RangesText(ranges) + more
}

func hex(v packet.Value) string { return packet.Field{Bits: 128, Show: packet.Hex}.Text(v) }

func joined(ps []packet.Pred, not bool, with, withNot string) string {
	const most = 4
	if not {
		with = withNot
	}
	var out []string
	for i, p := range ps {
		if i == most {
			out = append(out, fmt.Sprintf("%d more", len(ps)-most))
			break
		}
		s := predText(p, not)
		if strings.Contains(s, " and ") || strings.Contains(s, " or ") {
			s = "(" + s + ")"
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return map[bool]string{false: "always", true: "never"}[(with == " or ") == (len(ps) == 0)]
	}
	return strings.Join(out, with)
}

// failedText says what a rule wanted, and what the packet has.
func failedText(h *Hop) string {
	s := "wants " + predText(h.Failed, false)
	var has []string
	for i, c := range h.Found {
		if i < 4 {
			has = append(has, c.Field.Word()+"="+c.Field.LineText(c.Value))
		}
	}
	if has == nil {
		return s
	}
	return s + ", has " + strings.Join(has, " ")
}

// effectTexts say what a rule did.
func effectTexts(h *Hop) (out []string) {
	changes := h.Became
	for _, x := range h.Did {
		switch v := x.(type) {
		case *packet.Write, *packet.Copy:
			if len(changes) > 0 {
				out = append(out, changeText(changes[0]))
				changes = changes[1:]
			}
		case *packet.NAT:
			s := natText(v)
			for ; len(changes) > 0 && translates(changes[0].Field); changes = changes[1:] {
				s += " " + changeText(changes[0])
			}
			out = append(out, s)
		case *packet.Note:
			out = append(out, v.Key)
		case *packet.Touch:
			out = append(out, v.Key)
		}
	}
	return out
}

func changeText(c Change) string { return c.Field.Word() + "=" + c.Field.LineText(c.Value) }

func translates(f packet.Field) bool {
	switch f {
	case packet.IPv4Src, packet.IPv4Dst, packet.IPv6Src, packet.IPv6Dst, packet.SrcPort, packet.DstPort:
		return true
	}
	return false
}

func natText(n *packet.NAT) string { return strings.Fields(n.String())[0] }
