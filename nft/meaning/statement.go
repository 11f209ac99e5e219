package meaning

import (
	"fmt"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// stmt is a statement as steps.
func (r *ruleReader) stmt(s nft.Stmt) []packet.Step {
	switch v := s.(type) {
	case *nft.Match:
		return require(r.match(v))
	case *nft.InSet:
		return require(r.inSet(v))
	case *nft.VerdictMap:
		return r.verdictMap(v)
	case *nft.Verdict:
		return r.end(v)
	case *nft.Counter:
		return nil
	case *nft.ObjectRef:
		return r.object(v)
	case *nft.Assign:
		return r.assign(v)
	case *nft.NAT:
		r.tracks = true
		return r.nat(v)
	case *nft.TProxy:
		return r.tproxy(v)
	case *nft.Queue:
		if v.Num != nil {
			q := packet.Queued(0, 0, v.Flags&1 != 0, v.Flags&2 != 0)
			q.Detail = "queue of " + key(v.Num) + strings.TrimPrefix(q.Detail, "queue 0")
			return []packet.Step{&packet.End{Verdict: q}}
		}
		return []packet.Step{&packet.End{Verdict: packet.Queued(v.First, v.First+max(v.Total, 1)-1, v.Flags&1 != 0, v.Flags&2 != 0)}}
	case *nft.Dup:
		return r.dup(v)
	case *nft.Fwd:
		return append(r.note("fwd", v.Dev, v.Addr), &packet.End{Verdict: packet.Verdict{Kind: packet.Stolen}})
	case *nft.UpdateSet:
		return r.update(v)
	case *nft.ResetOption:
		return r.reset(v)
	case *nft.Plain:
		return r.plain(v.Op)
	case *nft.Opaque:
		return opaque(fmt.Sprint(v.Ops))
	}
	panic(fmt.Sprintf("meaning: unknown statement %T", s))
}

func require(p packet.Pred) []packet.Step {
	if all, ok := p.(packet.All); ok { // each may have a memory
		var out []packet.Step
		for _, q := range all {
			out = append(out, &packet.Require{P: q})
		}
		return out
	}
	return []packet.Step{&packet.Require{P: p}}
}

// opaque is a statement of which nothing is known: it may break the rule off, and what it does is a note.
func opaque(name string) []packet.Step {
	return []packet.Step{&packet.Require{P: &packet.Opaque{Key: name, Stateful: true}}, &packet.Do{Effect: &packet.Note{Key: name}}}
}

func (r *ruleReader) note(what string, operands ...nft.Expr) []packet.Step {
	for _, x := range operands {
		if x != nil {
			what += " " + key(x)
		}
	}
	return []packet.Step{&packet.Do{Effect: &packet.Note{Key: what}}}
}

// end ends the rule with a verdict. With NFT_CONTINUE the rule itself goes on (nft_do_chain).
func (r *ruleReader) end(v *nft.Verdict) []packet.Step {
	if v.Code == bytecode.Continue {
		return nil
	}
	return []packet.Step{&packet.End{Verdict: r.verdict(v)}}
}

func (r *ruleReader) verdict(v *nft.Verdict) packet.Verdict {
	out := packet.Verdict{Chain: r.chains[v.Chain]}
	switch v.Code {
	case bytecode.Accept:
		out.Kind = packet.Accept
	case bytecode.Drop:
		out.Kind = packet.Drop
	case bytecode.Return:
		out.Kind = packet.Return
	case bytecode.Jump:
		out.Kind = packet.Jump
	case bytecode.Goto:
		out.Kind = packet.Goto
	default: // NF_QUEUE, with the number above (nft_verdict_init does not take it from userspace)
		out.Kind = packet.Queue
	}
	return out
}

// verdictMap does what a map says; a packet that it does not have breaks the rule off (nft_lookup_eval).
func (r *ruleReader) verdictMap(m *nft.VerdictMap) []packet.Step {
	s := r.find(m.Name, m.Set)
	reg := r.load(m.Key)
	if s == nil || changes(s) {
		return opaque(fmt.Sprintf("%s vmap @%s", key(m.Key), m.Name))
	}
	choose := &packet.Choose{}
	for _, g := range grouped(s.Elements, func(e nft.Element) string { return fmt.Sprint(*e.Verdict) }) {
		choose.Cases = append(choose.Cases, packet.Case{
			When:  r.holds(m.Key, reg, s, g),
			Steps: r.end(g[0].Verdict),
		})
	}
	return append(require(reg.needs), choose)
}

// grouped puts elements together that lead to the same; a catch-all comes last, for what the others do not have.
func grouped(elements []nft.Element, by func(nft.Element) string) [][]nft.Element {
	var out [][]nft.Element
	var rest []nft.Element
	at := map[string]int{}
	for _, e := range elements {
		if e.Catchall {
			rest = append(rest, e)
			continue
		}
		k := by(e)
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], e)
	}
	if rest != nil {
		out = append(out, rest)
	}
	return out
}

// plain is a statement without operands.
func (r *ruleReader) plain(op bytecode.Op) []packet.Step {
	switch v := op.(type) {
	case *bytecode.Limit:
		return require(packet.Negate(packet.Limited("", v.Rate, v.Unit, burst(v), v.Type == 1), v.Over))
	case *bytecode.Quota:
		return require(packet.Negate(packet.BelowQuota("", v.Bytes), v.Flags&1 != 0))
	case *bytecode.Connlimit:
		r.tracks = true
		return require(packet.Negate(packet.MoreConnections(v.Count, "all"), v.Flags&1 == 0))
	case *bytecode.Log:
		return []packet.Step{&packet.Do{Effect: logged(v)}}
	case *bytecode.Reject:
		return []packet.Step{&packet.End{Verdict: r.reject(v)}}
	case *bytecode.Notrack:
		return []packet.Step{notrack()}
	case *bytecode.Synproxy:
		return r.synproxy(v)
	case *bytecode.Last:
		return nil
	}
	return opaque(fmt.Sprint(op))
}

// burst is that of a bucket of packets: 0 stands for 5 (nft_limit_init).
func burst(l *bytecode.Limit) uint32 {
	const standard = 5 // NFT_LIMIT_PKT_BURST_DEFAULT
	if l.Burst == 0 && l.Type == 0 {
		return standard
	}
	return l.Burst
}

func logged(l *bytecode.Log) *packet.Note {
	const audit = 8 // NFT_LOGLEVEL_AUDIT
	if l.Group != nil {
		return packet.Copied(*l.Group, l.Prefix, l.Snaplen, orZero(l.QueueThreshold))
	}
	level := uint32(4) // LOGLEVEL_WARNING (nft_log_init)
	if l.Level != nil {
		level = *l.Level
	}
	if level == audit {
		return packet.Audited()
	}
	return packet.Logged(l.Prefix, level, orZero(l.Flags))
}

func orZero[T uint16 | uint32](p *T) T {
	if p == nil {
		return 0
	}
	return *p
}

// reject answers as nft_reject_ipv4_eval, _ipv6_eval and _inet_eval do. The codes of icmpx are those of nft_reject_icmp_code and
// nft_reject_icmpv6_code.
func (r *ruleReader) reject(v *bytecode.Reject) packet.Verdict {
	const (
		reset = 1 // NFT_REJECT_TCP_RST
		icmpx = 2 // NFT_REJECT_ICMPX_UNREACH
	)
	switch v.Type {
	case reset:
		return packet.Reset()
	case icmpx:
		codes := [4]uint8{0, 3, 1, 13}
		if r.ipv6 {
			codes = [4]uint8{0, 4, 3, 1}
		}
		return packet.Unreachable(codes[v.Code&3])
	}
	return packet.Unreachable(v.Code)
}
