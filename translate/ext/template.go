package ext

import (
	"slices"

	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// template is what connection tracking is told about a packet (skb->_nfct, as rules of table raw set it): the number of a CT rule's
// template, from 1 on; 0: nothing.
var template = packet.ScratchField("template", 16)

// ctMeaning is xt_ct_target and notrack_tg: what has something already keeps it.
func ctMeaning(c *Context, t *iptables.Target) []packet.Step {
	without := packet.All{packet.Eq(template, packet.Value{}), packet.Not{P: packet.Eq(packet.CTState, packet.Num(packet.StateUntracked))}}
	x := packet.Assign(packet.CTState, packet.Num(packet.StateUntracked))
	if t.Name == "CT" && !has(t, "--notrack") { // the kernel then looks at nothing else (xt_ct_tg_check)
		x = packet.Assign(template, packet.Num(uint64(slices.Index(templateTexts(c.Source), optionText(t.Options))+1)))
	}
	return []packet.Step{packet.When(without, do(x)...)}
}

// TemplateMeaning is what connection tracking does with the templates that rules of table raw have given to packets (init_conntrack,
// nf_ct_zone_tmpl); nil: there are none.
func TemplateMeaning(rs *iptables.Ruleset) []packet.Step {
	var known []string
	choose := &packet.Choose{}
	for t := range templates(rs) {
		text := optionText(t.Options)
		if slices.Contains(known, text) {
			continue
		}
		known = append(known, text)
		choose.Cases = append(choose.Cases, packet.Case{When: packet.Eq(template, packet.Num(uint64(len(known)))), Steps: templateSteps(t)})
	}
	if known == nil {
		return nil
	}
	return []packet.Step{choose}
}

func templateSteps(t *iptables.Target) (steps []packet.Step) {
	for _, o := range t.Options {
		switch o.Spec.Name {
		case "--zone":
			steps = append(steps, zoneSteps(o.Value.(zone), true, true)...)
		case "--zone-orig":
			steps = append(steps, zoneSteps(o.Value.(zone), true, false)...)
		case "--zone-reply":
			steps = append(steps, zoneSteps(o.Value.(zone), false, true)...)
		case "--helper":
			steps = append(steps, packet.Helps(o.Value.(string)))
		case "--ctevents": // which are then all that it has (nf_ct_ecache_ext_add)
			var mask uint64
			for _, name := range o.Value.([]string) {
				mask |= 1 << slices.Index(ctEvents, name)
			}
			steps = append(steps, packet.When(packet.Opening, append(do(packet.Assign(packet.CTEvents, packet.Num(mask))),
				do(packet.Assign(packet.ExpectEvents, packet.Value{}))...)...))
		default:
			steps = append(steps, do(&packet.Note{Key: "-j CT" + optionText([]iptables.Option{o})})...)
		}
	}
	return steps
}

func zoneSteps(z zone, original, reply bool) (steps []packet.Step) {
	if !z.ofMark && z.id == 0 {
		return nil
	}
	for _, f := range packet.ZoneFields(original, reply) {
		if z.ofMark { // NF_CT_FLAG_MARK
			steps = append(steps, do(&packet.Copy{To: f, From: packet.Mark, Bits: packet.Ones(16)})...)
		} else {
			steps = append(steps, do(packet.Assign(f, packet.Num(uint64(z.id))))...)
		}
	}
	return steps
}

// templates are the targets of the rules that give templates.
func templates(rs *iptables.Ruleset) func(func(*iptables.Target) bool) {
	return func(yield func(*iptables.Target) bool) {
		raw := rs.Table("raw")
		if raw == nil {
			return
		}
		for _, ch := range raw.Chains {
			for _, r := range ch.Rules {
				if t := r.Target; t != nil && t.Ext != nil && t.Name == "CT" && !has(t, "--notrack") && !yield(t) {
					return
				}
			}
		}
	}
}

func templateTexts(rs *iptables.Ruleset) (texts []string) {
	for t := range templates(rs) {
		if text := optionText(t.Options); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}
