package nft

import (
	"slices"
	"strings"

	"rechain/nft/bytecode"
)

// json lists a table and what is in it in an order in which it can be made: elements of maps and rules name chains, so these come
// first, as nft has them since 1.0.7; 1.0.6 lists them before the rules.
func (n *tableNode) json() (items jsonArray) {
	o := jsonObject{{"family", familyName(n.Family)}, {"name", n.Name}, {"handle", n.Handle}}
	if f := oneOrMany(flagNames(n.Flags, tableFlags)); f != nil {
		o = o.with("flags", f)
	}
	items = append(items, single("table", o.comment(n.Comment)))
	for _, c := range n.chains {
		items = append(items, c.json())
	}
	for _, x := range n.objects {
		items = append(items, x.json())
	}
	for _, s := range n.sets {
		items = append(items, s.json())
	}
	for _, f := range n.flowtables {
		items = append(items, f.json())
	}
	var rules jsonArray
	for _, c := range n.chains {
		for _, rule := range c.Rules {
			r := c.view.rule(rule)
			o := jsonObject{{"family", familyName(n.Family)}, {"table", n.Name}, {"chain", c.Name}, {"handle", r.handle}}
			rules = append(rules, single("rule", o.comment(r.comment).with("expr", r.jsonStmts())))
		}
	}
	return append(items, rules...)
}

// comment appends a comment if there is one.
func (o jsonObject) comment(text string) jsonObject {
	if text == "" {
		return o
	}
	return o.with("comment", text)
}

func (c *chainDecl) json() any {
	o := jsonObject{{"family", familyName(c.view.family)}, {"table", c.view.in.Name}, {"name", c.Name}, {"handle", c.Handle}}
	if b := c.Base; b != nil {
		o = append(o, jsonObject{{"type", b.Type}, {"hook", hookName(c.view.family, b.Hook)}, {"prio", int64(b.Priority)},
			{"policy", verdictWord(b.Policy)}}...)
		// nft 1.0.6 reads the device but does not list it, and then the chain cannot be made again.
		if dev := oneOrMany(slices.Sorted(slices.Values(b.Devices))); dev != nil {
			o = o.with("dev", dev)
		}
	}
	return single("chain", o.comment(c.Comment))
}

func (s *setDecl) json() any {
	o := jsonObject{{"family", familyName(s.table.Family)}, {"name", s.Name}, {"table", s.table.Name},
		{"type", oneOrMany(s.keyNames)}, {"handle", s.Handle}}
	o = o.comment(s.Comment)
	switch {
	case s.flags()&bytecode.SetMap != 0:
		o = o.with("map", strings.Join(s.dataNames, " . "))
	case s.flags()&bytecode.SetObject != 0:
		o = o.with("map", s.namedObject)
	}
	if s.flags()&bytecode.SetConstant == 0 {
		if s.Policy == policyMemory {
			o = o.with("policy", "memory")
		}
		if s.Size > 0 {
			o = o.with("size", uint64(s.Size))
		}
	}
	// nft 1.0.6 neither lists nor reads the flag "dynamic".
	if f := flagNames(s.flags()>>1, []string{"constant", "interval", "", "timeout"}); len(f) > 0 {
		var list jsonArray
		for _, name := range f {
			if name != "" {
				list = append(list, name)
			}
		}
		if len(list) > 0 {
			o = o.with("flags", list)
		}
	}
	if s.AutoMerge {
		o = o.with("auto-merge", true)
	}
	if s.Timeout != 0 {
		o = o.with("timeout", s.Timeout/1000)
	}
	if s.GC != 0 {
		o = o.with("gc-interval", uint64(s.GC/1000))
	}
	if s.elements != nil {
		o = o.with("elem", jsonList(s.elements.elems))
	}
	if len(s.stmts) > 0 {
		o = o.with("stmt", statelessList(s.stmts))
	}
	return single(s.word, o)
}

func (f *flowtableDecl) json() any {
	o := jsonObject{{"family", familyName(f.table.Family)}, {"name", f.Name}, {"table", f.table.Name}, {"handle", f.Handle},
		{"hook", hookName(Netdev, bytecode.Hook(f.Hook))}, {"prio", int64(f.Priority)}}
	if dev := oneOrMany(slices.Sorted(slices.Values(f.Devices))); dev != nil {
		o = o.with("dev", dev)
	}
	return single("flowtable", o)
}

func (o *objectDecl) json() any {
	j := jsonObject{{"family", familyName(o.table.Family)}, {"name", o.Name}, {"table", o.table.Name}, {"handle", o.Handle}}
	j = j.comment(o.comment)
	switch v := o.Value.(type) {
	case *bytecode.Counter:
		j = j.with("packets", v.Packets).with("bytes", v.Bytes)
	case *bytecode.Quota:
		j = j.with("bytes", v.Bytes).with("used", v.Consumed).with("inv", v.Flags&quotaOver != 0)
	case *bytecode.Limit:
		j = append(j, limitObjectJSON(v)...)
	case *bytecode.Synproxy:
		j = j.with("mss", uint64(v.MSS)).with("wscale", uint64(v.Wscale))
		if f := synproxyFlags(v); len(f) > 0 {
			j = j.with("flags", f)
		}
	}
	switch {
	case o.helper != nil:
		j = j.with("type", o.helper.Helper).with("protocol", protoText(o.helper.L4)).
			with("l3proto", familyName(Family(o.helper.L3)))
	case o.timeout != nil:
		var policy jsonObject
		for _, s := range o.timeout.policy {
			policy = policy.with(s.name, uint64(s.seconds))
		}
		j = j.with("protocol", protoText(o.timeout.l4)).with("l3proto", familyName(o.timeout.l3)).with("policy", orNull(policy))
	case o.expect != nil:
		e := o.expect
		j = j.with("protocol", protoText(e.l4)).with("dport", uint64(e.dport)).with("timeout", uint64(e.timeout)).
			with("size", uint64(e.size)).with("l3proto", familyName(e.l3))
	case o.context != "":
		j = j.with("context", o.context)
	}
	return single(objectNames[o.Type], j)
}

// limitObjectJSON differs from a statement's in order, and in leaving a burst of 0 out.
func limitObjectJSON(op *bytecode.Limit) jsonObject {
	rate, burst := op.Rate, uint64(op.Burst)
	var rateUnit, burstUnit string
	if op.Type == limitBytes {
		rate, rateUnit = byteUnit(rate)
		burst, burstUnit = byteUnit(burst)
	}
	o := jsonObject{{"rate", rate}, {"per", timeUnit(op.Unit)}}
	if op.Over {
		o = o.with("inv", true)
	}
	if rateUnit != "" {
		o = o.with("rate_unit", rateUnit)
	}
	if burst != 0 {
		o = o.with("burst", burst)
		if burstUnit != "" {
			o = o.with("burst_unit", burstUnit)
		}
	}
	return o
}
