package ext

import (
	"strings"

	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// What the meanings of several extensions are made of. They are written after the xt_* sources alone, so that comparing them with the
// meaning of the nft rules proves a translation.

// opaqueMatch is a match of which only the text is known.
func opaqueMatch(m *iptables.Match, stateful bool) packet.Pred {
	return &packet.Opaque{Key: "-m " + m.Ext.Name + optionText(m.Options), Stateful: stateful}
}

func optionText(options []iptables.Option) string {
	var b strings.Builder
	for _, o := range options {
		if o.Neg {
			b.WriteString(" !")
		}
		b.WriteString(strings.TrimSuffix(" "+o.Spec.Name+" "+o.Text(), " "))
	}
	return b.String()
}

// MatchMeaning says which packets a match takes, and what it changes. Of one with a value that cannot be read only the text is known.
func MatchMeaning(c *Context, m *iptables.Match) []packet.Step {
	d := MatchFor(m, c.Family)
	switch {
	case m.Unread():
	case d.Steps != nil:
		return d.Steps(c, m)
	case d.Meaning != nil:
		return require(d.Meaning(c, m))
	}
	return require(opaqueMatch(m, false))
}

// require is steps that break the rule off unless p holds.
func require(p packet.Pred) (steps []packet.Step) {
	all, ok := p.(packet.All)
	if !ok {
		return []packet.Step{&packet.Require{P: p}}
	}
	for _, q := range all { // one with a memory stands by itself
		steps = append(steps, require(q)...)
	}
	return steps
}

// TargetMeaning says what a target does.
func TargetMeaning(c *Context, t *iptables.Target) []packet.Step {
	if d := TargetFor(t, c.Family); d.Meaning != nil {
		return d.Meaning(c, t)
	}
	return []packet.Step{&packet.Do{Effect: &packet.Note{Key: "-j " + t.Ext.Name + optionText(t.Options)}}}
}

// portMeaning says that a port lies in one of some ranges: xt_tcpudp.c and xt_multiport.c ask no later fragment, and want the header.
func portMeaning(f packet.Field, ports []iptables.Ports) packet.Pred {
	var ranges []packet.Range
	for _, p := range ports {
		ranges = append(ranges, packet.Range{From: packet.Num(uint64(p.Lo)), To: packet.Num(uint64(p.Hi))})
	}
	return packet.Within(f, ranges)
}

// firstFragment is a packet that is no later fragment, and has its transport header.
var firstFragment = packet.All{packet.Eq(packet.FragOffset, packet.Value{}), packet.Set(packet.HasTransport)}

// do is steps with one effect.
func do(x packet.Effect) []packet.Step { return []packet.Step{&packet.Do{Effect: x}} }

// ends is steps with one verdict.
func ends(v packet.Verdict) []packet.Step { return []packet.Step{&packet.End{Verdict: v}} }

// optionsMeaning is all options of a match, each by itself and negated where it is.
func optionsMeaning(m *iptables.Match, meaning func(o iptables.Option) packet.Pred) packet.All {
	var all packet.All
	for _, o := range m.Options {
		if p := meaning(o); p != nil {
			all = append(all, packet.Negate(p, o.Neg))
		}
	}
	return all
}

// markMeaning is mark_mt: mark & mask == value.
func markMeaning(f packet.Field, m iptables.MarkMask) packet.Pred {
	return packet.Test(f, packet.Num(uint64(m.Mask)), packet.Num(uint64(m.Value)))
}

// statesMeaning says that a packet is in one of some states (conntrack_mt, XT_CONNTRACK_STATE): SNAT and DNAT are bits of the connection's
// status (IPS_SRC_NAT, IPS_DST_NAT).
func statesMeaning(states []string) packet.Pred {
	var values []packet.Value
	var any packet.Any
	for _, s := range states {
		switch s {
		case "INVALID":
			values = append(values, packet.Num(packet.StateInvalid))
		case "NEW":
			values = append(values, packet.Num(packet.StateNew))
		case "ESTABLISHED":
			values = append(values, packet.Num(packet.StateEstablished))
		case "RELATED":
			values = append(values, packet.Num(packet.StateRelated))
		case "UNTRACKED":
			values = append(values, packet.Num(packet.StateUntracked))
		case "SNAT":
			any = append(any, packet.All{packet.Tracked, packet.Test(packet.CTStatus, packet.Num(1<<4), packet.Num(1<<4))})
		case "DNAT":
			any = append(any, packet.All{packet.Tracked, packet.Test(packet.CTStatus, packet.Num(1<<5), packet.Num(1<<5))})
		}
	}
	return append(any, packet.OneOf(packet.CTState, values...))
}

// icmpMeaning is icmp_type_code_match.
func icmpMeaning(t icmpType) packet.Pred {
	switch {
	case t.Any:
		return packet.All{}
	case !t.HasCode:
		return packet.Eq(packet.ICMPType, packet.Num(uint64(t.Type)))
	}
	return packet.All{packet.Eq(packet.ICMPType, packet.Num(uint64(t.Type))), packet.Eq(packet.ICMPCode, packet.Num(uint64(t.Code)))}
}

// natMeaning is what the targets of xt_nat.c, xt_MASQUERADE.c and xt_REDIRECT.c do: they settle the connection's translation, and accept.
func natMeaning(kind packet.NATKind) func(*Context, *iptables.Target) []packet.Step {
	return func(c *Context, t *iptables.Target) []packet.Step {
		n := &packet.NAT{Kind: kind}
		for _, o := range t.Options {
			switch v := o.Value.(type) {
			case iptables.NATRange:
				if v.Lo.IsValid() {
					n.Addr = &packet.Range{From: packet.FromBytes(v.Lo.AsSlice()), To: packet.FromBytes(v.Hi.AsSlice())}
				}
				n.Port = portRange(v.Ports)
				n.Shift, n.PortBase = v.Base != 0 && v.Ports.Lo != v.Ports.Hi, v.Base
			case iptables.Ports:
				n.Port = portRange(v)
			default:
				switch o.Spec.Name {
				case "--random":
					n.Random = true
				case "--random-fully":
					n.FullyRandom = true
				case "--persistent":
					n.Persistent = true
				}
			}
		}
		steps := do(n)
		if n.Shift {
			steps = shiftMeaning(n, destinationPorts(c.Rule))
		}
		return append(steps, ends(packet.Verdict{Kind: packet.Accept})...)
	}
}

func portRange(p iptables.Ports) *packet.Range {
	if p == (iptables.Ports{}) {
		return nil
	}
	return &packet.Range{From: packet.Num(uint64(p.Lo)), To: packet.Num(uint64(p.Hi))}
}
