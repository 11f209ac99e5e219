package nft

import "rechain/nft/bytecode"

func (n *ruleNode) jsonStmts() jsonArray { return jsonList(n.stmts) }

func (n *matchNode) json() any {
	return single("match", jsonObject{{"op", n.op}, {"left", n.left.json()}, {"right", n.right.json()}})
}

func (n *flagcmpNode) json() any {
	left := single("&", jsonArray{n.left.json(), n.mask.json()})
	return single("match", jsonObject{{"op", n.op}, {"left", left}, {"right", n.right.json()}})
}

func (s *Verdict) json() any {
	if s.Chain != "" {
		return single(verdictWord(s.Code), single("target", s.Chain))
	}
	return single(verdictWord(s.Code), nil)
}

func (s *Counter) json() any {
	return single("counter", jsonObject{{"packets", s.Packets}, {"bytes", s.Bytes}})
}

func (n *assignNode) json() any {
	return single("mangle", jsonObject{{"key", n.key.json()}, {"value", n.value.json()}})
}

func (n *objectNode) json() any { return single(objectNames[n.typ], n.ref.json()) }

func (n *updateNode) json() any {
	if n.meter {
		o := jsonObject{{"key", n.elem.json()}}
		for _, s := range n.stmts {
			o = o.with("stmt", statelessJSON(s))
			break
		}
		return single("meter", o.with("size", uint64(n.size)).with("name", n.name))
	}
	o := jsonObject{{"op", n.op}, {"elem", n.elem.json()}}
	if n.data != nil {
		o = o.with("data", n.data.json()).with("map", n.set.json())
	} else {
		o = o.with("set", n.set.json())
	}
	if len(n.stmts) > 0 {
		o = o.with("stmt", statelessList(n.stmts))
	}
	if n.data != nil {
		return single("map", o)
	}
	return single("set", o)
}

// statelessJSON is a statement without what changes by itself.
func statelessJSON(n node) any {
	switch n := n.(type) {
	case *Counter:
		return single("counter", nil)
	case *plainNode:
		if q, ok := n.op.(*bytecode.Quota); ok {
			return (&plainNode{&bytecode.Quota{Bytes: q.Bytes, Flags: q.Flags}}).json()
		}
	}
	return n.json()
}

func statelessList(nodes []node) jsonArray {
	var list jsonArray
	for _, n := range nodes {
		list = append(list, statelessJSON(n))
	}
	return list
}

func (n *resetNode) json() any { return single("reset", n.option.json()) }

func (n *queueNode) json() any {
	o := single("num", n.num.json())
	if flags := oneOrMany(n.flagNames()); flags != nil {
		o = o.with("flags", flags)
	}
	return single("queue", o)
}

func (n *rejectNode) json() any {
	switch {
	case n.op.Type == rejectTCP:
		return single("reject", single("type", "tcp reset"))
	case n.family == "":
		return single("reject", nil)
	}
	return single("reject", jsonObject{{"type", n.family}, {"expr", n.code.json()}})
}

func (n *natNode) json() any {
	var o jsonObject
	if n.family != "" {
		o = o.with("family", n.family)
	}
	if n.addr != nil {
		o = o.with("addr", n.addr.json())
	}
	if n.port != nil {
		o = o.with("port", n.port.json())
	}
	flags := n.flagNames()
	if n.flags&natNetmap != 0 {
		flags = append(flags, "netmap")
	}
	if f := oneOrMany(flags); f != nil {
		o = o.with("flags", f)
	}
	if n.flags&natNetmap != 0 {
		o = o.with("type_flags", "prefix")
	}
	return single(n.kind, orNull(o))
}

func (n *tproxyNode) json() any {
	var o jsonObject
	if n.family != "" {
		o = o.with("family", n.family)
	}
	if n.addr != nil {
		o = o.with("addr", n.addr.json())
	}
	if n.port != nil {
		o = o.with("port", n.port.json())
	}
	return single("tproxy", o)
}

func (n *dupNode) json() any {
	if n.to == nil {
		return single("dup", nil)
	}
	o := single("addr", n.to.json())
	if n.dev != nil {
		o = o.with("dev", n.dev.json())
	}
	return single("dup", o)
}

func (n *fwdNode) json() any {
	o := single("dev", n.dev.json())
	if n.addr != nil {
		o = o.with("family", n.family).with("addr", n.addr.json())
	}
	return single("fwd", o)
}

func (n *xtNode) json() any {
	return single("xt", jsonObject{{"type", n.kind}, {"name", n.ext}})
}

func (n *opaqueNode) json() any {
	var ops jsonArray
	for _, op := range n.ops {
		ops = append(ops, op.String())
	}
	return single("opaque", ops)
}

func (n *plainNode) json() any {
	switch op := n.op.(type) {
	case *bytecode.Limit:
		return single("limit", limitJSON(op))
	case *bytecode.Log:
		return single("log", logJSON(op))
	case *bytecode.Notrack:
		return single("notrack", nil)
	case *bytecode.Quota:
		return single("quota", quotaJSON(op))
	case *bytecode.Connlimit:
		o := single("val", uint64(op.Count))
		if op.Flags != 0 {
			o = o.with("inv", true)
		}
		return single("ct count", o)
	case *bytecode.Synproxy:
		return single("synproxy", orNull(synproxyJSON(op)))
	case *bytecode.Last:
		return single("last", nil)
	case *bytecode.FlowOffload:
		return single("flow", jsonObject{{"op", "add"}, {"flowtable", "@" + op.Table}})
	}
	return (&opaqueNode{[]bytecode.Op{n.op}}).json()
}

func limitJSON(op *bytecode.Limit) jsonObject {
	rate, burst := op.Rate, uint64(op.Burst)
	var rateUnit, burstUnit string
	if op.Type == limitBytes {
		rate, rateUnit = byteUnit(rate)
		burst, burstUnit = byteUnit(burst)
	}
	o := jsonObject{{"rate", rate}, {"burst", burst}, {"per", timeUnit(op.Unit)}}
	if op.Over {
		o = o.with("inv", true)
	}
	if rateUnit != "" {
		o = o.with("rate_unit", rateUnit).with("burst_unit", burstUnit)
	}
	return o
}

func quotaJSON(op *bytecode.Quota) jsonObject {
	val, unit := byteUnit(op.Bytes)
	o := jsonObject{{"val", val}, {"val_unit", unit}}
	if op.Flags&quotaOver != 0 {
		o = o.with("inv", true)
	}
	if op.Consumed != 0 {
		used, unit := byteUnit(op.Consumed)
		o = o.with("used", used).with("used_unit", unit)
	}
	return o
}

func logJSON(op *bytecode.Log) any {
	var o jsonObject
	if op.Prefix != "" {
		o = o.with("prefix", op.Prefix)
	}
	if op.Group != nil {
		o = o.with("group", uint64(*op.Group))
	}
	if op.Snaplen != nil {
		o = o.with("snaplen", uint64(*op.Snaplen))
	}
	if op.QueueThreshold != nil {
		o = o.with("queue-threshold", uint64(*op.QueueThreshold))
	}
	if op.Level != nil && *op.Level != logWarning {
		o = o.with("level", logLevel(*op.Level))
	}
	if op.Flags != nil {
		var names []string
		if *op.Flags&logAll == logAll {
			names = []string{"all"}
		} else {
			for _, f := range logFlags {
				if *op.Flags&f.bit != 0 {
					names = append(names, f.name)
				}
			}
		}
		if f := oneOrMany(names); f != nil {
			o = o.with("flags", f)
		}
	}
	return orNull(o)
}

func synproxyJSON(op *bytecode.Synproxy) (o jsonObject) {
	if op.Flags&synproxyMSS != 0 {
		o = o.with("mss", uint64(op.MSS))
	}
	if op.Flags&synproxyWscale != 0 {
		o = o.with("wscale", uint64(op.Wscale))
	}
	if f := synproxyFlags(op); len(f) > 0 {
		o = o.with("flags", f)
	}
	return o
}

func synproxyFlags(op *bytecode.Synproxy) (f jsonArray) {
	if op.Flags&synproxyTimestamp != 0 {
		f = append(f, "timestamp")
	}
	if op.Flags&synproxySack != 0 {
		f = append(f, "sack-perm")
	}
	return f
}
