package nft

import (
	"rechain/nft/bytecode"
)

func (r *jsonReader) family(o *jsonMembers) Family {
	n := o.need("family")
	for _, f := range []Family{Inet, IPv4, IPv6, Arp, Bridge, Netdev} {
		if familyName(f) == n.str() {
			return f
		}
	}
	n.fail("%q is not a family", n.str())
	return 0
}

func (r *jsonReader) table(o *jsonMembers) {
	t := &Table{Family: r.family(o), Name: o.need("name").str(), Handle: o.number("handle", 64), Comment: o.text("comment"), Origin: r.origin()}
	if f := o.get("flags"); f != nil {
		t.Flags = f.bits(tableFlags...)
	}
	o.done()
	if r.find(t.Family, t.Name) != nil {
		o.fail("table %s %s is there twice", familyName(t.Family), t.Name)
	}
	r.rs.Tables = append(r.rs.Tables, t)
}

func (r *jsonReader) find(f Family, name string) *Table {
	for _, t := range r.rs.Tables {
		if t.Family == f && t.Name == name {
			return t
		}
	}
	return nil
}

// in is the table that an item says it is in.
func (r *jsonReader) in(o *jsonMembers) *Table {
	f, name := r.family(o), o.need("table").str()
	t := r.find(f, name)
	if t == nil {
		o.fail("there is no table %s %s", familyName(f), name)
	}
	return t
}

func (r *jsonReader) chain(o *jsonMembers) {
	t := r.in(o)
	c := &Chain{Name: o.need("name").str(), Handle: o.number("handle", 64), Comment: o.text("comment"), Origin: r.origin()}
	if hook := o.get("hook"); hook != nil {
		c.Base = &Base{Type: o.need("type").str(), Hook: hookByName(t.Family, hook), Priority: o.need("prio").signed(), Policy: bytecode.Accept}
		if p := o.get("policy"); p != nil && p.word("accept", "drop") == 1 {
			c.Base.Policy = bytecode.Drop
		}
		if dev := o.get("dev"); dev != nil {
			c.Base.Devices = names(dev)
		}
	}
	o.done()
	if t.chain(c.Name) != nil {
		o.fail("chain %s is there twice", c.Name)
	}
	t.Chains = append(t.Chains, c)
}

func (t *Table) chain(name string) *Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func names(n *jsonNode) (out []string) {
	for _, w := range n.items() {
		out = append(out, w.str())
	}
	return out
}

func hookByName(f Family, n *jsonNode) bytecode.Hook {
	for h := bytecode.Hook(0); h <= bytecode.Ingress; h++ {
		if hookName(f, h) == n.str() {
			return h
		}
	}
	n.fail("%q is not a hook of %s", n.str(), familyName(f))
	return 0
}

func (r *jsonReader) flowtable(o *jsonMembers) {
	t := r.in(o)
	f := &Flowtable{Name: o.need("name").str(), Handle: o.number("handle", 64), Hook: uint32(hookByName(Netdev, o.need("hook"))), Priority: o.need("prio").signed()}
	if dev := o.get("dev"); dev != nil {
		f.Devices = names(dev)
	}
	o.done()
	t.Flowtables = append(t.Flowtables, f)
}

func objectWords() (words []string) {
	for _, w := range objectNames {
		words = append(words, w)
	}
	return words
}

// object reads a named object. A tunnel says nothing of itself in JSON.
func (r *jsonReader) object(kind string, o *jsonMembers) {
	t := r.in(o)
	x := &Object{Name: o.need("name").str(), Handle: o.number("handle", 64)}
	for typ, w := range objectNames {
		if w == kind {
			x.Type = typ
		}
	}
	if c := o.text("comment"); c != "" {
		x.UserData = bytecode.AppendComment(nil, c)
	}
	switch x.Type {
	case bytecode.ObjectCounter:
		x.Value = &bytecode.Counter{Packets: o.number("packets", 64), Bytes: o.number("bytes", 64)}
	case bytecode.ObjectQuota:
		q := &bytecode.Quota{Bytes: o.number("bytes", 64), Consumed: o.number("used", 64)}
		if o.flag("inv") {
			q.Flags = quotaOver
		}
		x.Value = q
	case bytecode.ObjectLimit:
		x.Value = readLimit(o, 0)
	case bytecode.ObjectConnlimit:
		x.Value = readConnlimit(o)
	case bytecode.ObjectSynproxy:
		x.Value = readSynproxy(o)
	case bytecode.ObjectCtHelper:
		x.CtHelper = &bytecode.CtHelper{Helper: o.need("type").str(), L4: protoNumber(o.need("protocol"))}
		x.CtHelper.L3 = uint16(ipFamily(o.need("l3proto")))
	case bytecode.ObjectCtTimeout:
		x.Raw = readTimeoutObject(o)
	case bytecode.ObjectCtExpect:
		x.Raw = readExpectObject(o)
	case bytecode.ObjectSecmark:
		x.Raw = bytecode.AppendString(nil, 1, o.need("context").str()) // NFTA_SECMARK_CTX
	default:
		o.fail("what is in %s %s, JSON does not tell", kind, x.Name)
	}
	o.done()
	t.Objects = append(t.Objects, x)
}

func ipFamily(n *jsonNode) Family { return []Family{IPv4, IPv6, Inet}[n.word("ip", "ip6", "inet")] }

// protoNumber is an IP protocol by name or number.
func protoNumber(n *jsonNode) uint8 {
	return uint8(readSymbol(n, valueType{typ: TypeInetProto, bits: 8}))
}

// readTimeoutObject undoes [readTimeout]. States that are not named have the kernel's defaults, which it then says it has.
func readTimeoutObject(o *jsonMembers) []byte {
	l4 := protoNumber(o.need("protocol"))
	raw := bytecode.AppendU16(nil, 1, uint16(ipFamily(o.need("l3proto"))))
	raw = bytecode.AppendU8(raw, 2, l4)
	raw, start := bytecode.Nest(raw, 3)
	p := o.get("policy")
	policy := (&jsonNode{up: o.jsonNode, step: ".policy"}).members()
	if p != nil {
		policy = p.members()
	}
	for i, s := range timeoutDefaults[l4] {
		seconds := uint64(s.seconds)
		if n := policy.get(s.name); n != nil {
			seconds = n.num(32)
		}
		raw = bytecode.AppendU32(raw, uint16(i+1), uint32(seconds))
	}
	policy.done()
	return bytecode.EndNest(raw, start)
}

// readExpectObject undoes [readExpect].
func readExpectObject(o *jsonMembers) []byte {
	raw := bytecode.AppendU16(nil, 1, uint16(ipFamily(o.need("l3proto"))))
	raw = bytecode.AppendU8(raw, 2, protoNumber(o.need("protocol")))
	raw = bytecode.AppendU16(raw, 3, uint16(o.need("dport").num(16)))
	raw = bytecode.AppendBytes(raw, 4, hostU32(uint32(o.need("timeout").num(32))))
	return bytecode.AppendU8(raw, 5, uint8(o.need("size").num(8)))
}

// rule reads a rule into its chain.
func (r *jsonReader) rule(o *jsonMembers) {
	t := r.in(o)
	chain := o.need("chain")
	c := t.chain(chain.str())
	if c == nil {
		chain.fail("there is no chain %s", chain.str())
	}
	rule := &Rule{Handle: o.number("handle", 64), Comment: o.text("comment"), Origin: r.origin()}
	exprs := o.need("expr").list()
	o.done()
	rr := &jsonRule{jsonReader: r, table: t, ctx: newProtoContext(t.Family)}
	for _, n := range exprs {
		rr.stmt(n)
	}
	rule.Stmts = rr.merged()
	c.Rules = append(c.Rules, rule)
}
