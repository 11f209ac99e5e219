package compare

import (
	"fmt"
	"slices"
	"strings"

	"rechain/nft/packet"
)

// What a rule says, whatever its spelling: rules with equal keys do the same. Counters, handles, comments and the order in which conditions
// stand are not in it.

// keyer makes keys of rules. called names the chains that they lead to.
type keyer struct{ called func(*packet.Chain) string }

// part is one thing that a rule says: what it is about, and what it says of that.
type part struct{ about, key string }

// parts are what a rule says. Conditions that come first, and have no memory, have no order.
func (k keyer) parts(r *packet.Rule) []part {
	var out []part
	first := true
	for _, s := range r.Steps {
		req, ok := s.(*packet.Require)
		if o, _ := stateful(predOf(req)); first && ok && o == nil {
			out = append(out, conditions(req.P)...)
			continue
		}
		if first {
			slices.SortFunc(out, func(a, b part) int { return strings.Compare(a.key, b.key) })
			first = false
		}
		out = append(out, k.step(s))
	}
	if first {
		slices.SortFunc(out, func(a, b part) int { return strings.Compare(a.key, b.key) })
	}
	return out
}

func predOf(r *packet.Require) packet.Pred {
	if r == nil {
		return nil
	}
	return r.P
}

// conditions takes a condition apart as far as all parts of it must hold.
func conditions(p packet.Pred) []part {
	if all, ok := p.(packet.All); ok {
		var out []part
		for _, q := range all {
			out = append(out, conditions(q)...)
		}
		return out
	}
	return []part{{about(p), predKey(p)}}
}

// rule is the key.
func (k keyer) rule(r *packet.Rule) string {
	var b strings.Builder
	for _, p := range k.parts(r) {
		b.WriteString(p.key)
		b.WriteByte('\n')
	}
	return b.String()
}

func (k keyer) step(s packet.Step) part {
	switch v := s.(type) {
	case *packet.Require:
		return part{about(v.P), predKey(v.P)}
	case *packet.Do:
		return part{aboutEffect(v.Effect), effectKey(v.Effect)}
	case *packet.End:
		key := verdictWords(v.Verdict)
		if v.Verdict.Chain != nil {
			key += " " + k.called(v.Verdict.Chain)
		}
		return part{"target", key}
	case *packet.Choose:
		var b strings.Builder
		for _, c := range v.Cases {
			b.WriteString("case " + predKey(c.When) + ":")
			for _, s := range c.Steps {
				b.WriteString(k.step(s).key + ";")
			}
		}
		return part{"map", b.String()}
	}
	panic(fmt.Sprintf("compare: unknown step %T", s))
}

// about is what a condition is about, for people.
func about(p packet.Pred) string {
	switch v := p.(type) {
	case *packet.In:
		return v.Field.Name
	case *packet.Masked:
		return v.Field.Name
	case *packet.Opaque:
		return strings.Join(strings.Fields(strings.TrimPrefix(v.Key, "-m "))[:1], "")
	case packet.Not:
		return about(v.P)
	case packet.All:
		if len(v) > 0 {
			return about(v[0])
		}
	case packet.Any:
		if len(v) > 0 {
			return about(v[0])
		}
	}
	return "condition"
}

func aboutEffect(x packet.Effect) string {
	switch v := x.(type) {
	case *packet.Write:
		return "set " + v.Field.Name
	case *packet.Copy:
		return "set " + v.To.Name
	case *packet.NAT:
		return "translation"
	case *packet.Note:
		if v.Log {
			return "log"
		}
	}
	return "action"
}

func predKey(p packet.Pred) string {
	switch v := p.(type) {
	case *packet.In:
		b := []byte(v.Field.Name)
		for _, r := range v.Ranges {
			b = fmt.Appendf(b, " %x.%x-%x.%x", r.From.Hi, r.From.Lo, r.To.Hi, r.To.Lo)
		}
		return string(b)
	case *packet.Masked:
		return fmt.Sprintf("%s & %x.%x = %x.%x", v.Field.Name, v.Mask.Hi, v.Mask.Lo, v.Value.Hi, v.Value.Lo)
	case *packet.Opaque:
		return "? " + v.Key
	case packet.Not:
		return "not (" + predKey(v.P) + ")"
	case packet.All:
		return "all (" + predKeys(v) + ")"
	case packet.Any:
		return "any (" + predKeys(v) + ")"
	}
	panic(fmt.Sprintf("compare: unknown predicate %T", p))
}

func predKeys(list []packet.Pred) string {
	keys := make([]string, len(list))
	for i, p := range list {
		keys[i] = predKey(p)
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

func effectKey(x packet.Effect) string {
	switch v := x.(type) {
	case *packet.Write:
		return fmt.Sprintf("write %s %v %v", v.Field.Name, v.Keep, v.Flip)
	case *packet.Copy:
		return fmt.Sprintf("copy %s %s %v %v %d %v", v.To.Name, v.From.Name, v.Keep, v.Bits, v.Shift, v.Flip)
	case *packet.NAT:
		return v.String()
	case *packet.Note:
		return "note " + v.Key
	case *packet.Touch:
		return "touch " + v.Key
	}
	panic(fmt.Sprintf("compare: unknown effect %T", x))
}

var verdictNames = [...]string{"accept", "drop", "reject", "queue", "stolen", "return", "continue", "jump", "goto"}

func verdictWords(v packet.Verdict) string {
	s := verdictNames[v.Kind]
	if v.Detail != "" {
		s += " (" + v.Detail + ")"
	}
	return s
}
