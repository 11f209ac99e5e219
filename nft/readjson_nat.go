package nft

import "rechain/nft/bytecode"

func natByName(name string) (NATKind, bool) {
	for k, w := range natKinds {
		if w == name {
			return k, true
		}
	}
	return 0, false
}

// ipOf is the version of IP that a statement names, or the table's.
func (r *jsonRule) ipOf(o *jsonMembers) Family {
	if f := o.get("family"); f != nil {
		return []Family{IPv4, IPv6}[f.word("ip", "ip6")]
	}
	if r.table.Family == IPv4 || r.table.Family == IPv6 {
		return r.table.Family
	}
	return bytecode.Unspec
}

func (r *jsonRule) nat(kind NATKind, o *jsonMembers) Stmt {
	s := &NAT{Kind: kind, Family: r.ipOf(o)}
	if kind == Masquerade || kind == Redirect {
		s.Family = bytecode.Unspec
	} else if s.Family == bytecode.Unspec && o.left["addr"] == nil {
		s.Family = r.table.Family
	} else if s.Family == bytecode.Unspec {
		switch r.ctx.layers[bytecode.NetworkHeader] {
		case protoIP:
			s.Family = IPv4
		case protoIP6:
			s.Family = IPv6
		}
	}
	if a := o.get("addr"); a != nil {
		if s.Family == bytecode.Unspec {
			a.fail("of which version of IP it is, nothing says")
		}
		s.Addr, s.AddrMax = r.span(a, addrType(s.Family))
	}
	if p := o.get("port"); p != nil {
		s.Port, s.PortMax = r.span(p, portType)
	}
	if f := o.get("flags"); f != nil {
		for _, w := range f.items() {
			s.Flags |= []uint32{natRandom, natFullyRandom, natPersistent, natNetmap}[w.word("random", "fully-random", "persistent", "netmap")]
		}
	}
	if f := o.get("type_flags"); f != nil {
		for _, w := range f.items() {
			s.Flags |= []uint32{natNetmap, 0, 0}[w.word("prefix", "interval", "concat")]
		}
	}
	o.done()
	return s
}

// span reads an address or port, or a range of them. A map may hold more than one of them.
func (r *jsonRule) span(n *jsonNode, t valueType) (from, to Expr) {
	if kind, v, ok := n.single(); ok && kind == "map" {
		return r.natMap(v.members(), t), nil
	}
	if o, ok := r.expression(n, t); ok {
		return o.fitted(t), nil
	}
	first, last := r.interval(n, t)
	if last == nil {
		return &Value{first}, nil
	}
	return &Value{first}, &Value{last}
}

// natMap reads a map of addresses or ports. What an anonymous one holds beside shows by its elements.
func (r *jsonRule) natMap(o *jsonMembers, t valueType) Expr {
	key := r.operand(o.need("key"))
	data := o.need("data")
	o.done()
	if kind, elems, ok := data.single(); ok && kind == "set" {
		for _, e := range elems.list() {
			_, d := e.pair()
			if word, parts, ok := d.single(); ok && word == "concat" && len(parts.list()) == 2 && t.parts == nil {
				t = valueType{parts: []valueType{t, portType}, bits: t.bits + 32}
			}
		}
	}
	e, name, set := r.lookIn(key, data, t, func(s *Set) { s.Data, s.DataLen = dataTypes(t) })
	return &MapLookup{Key: e, Name: name, Set: set}
}

func (r *jsonRule) tproxy(o *jsonMembers) Stmt {
	s := &TProxy{Family: r.ipOf(o)}
	if a := o.get("addr"); a != nil {
		if s.Family == bytecode.Unspec {
			a.fail("of which version of IP it is, nothing says")
		}
		s.Addr = r.value(a, addrType(s.Family))
	}
	if p := o.get("port"); p != nil {
		s.Port = r.value(p, portType)
	}
	return s
}

func (r *jsonRule) dup(o *jsonMembers) Stmt {
	addr, dev := o.get("addr"), o.get("dev")
	s := &Dup{}
	if r.table.Family == Netdev {
		addr, dev = nil, addr
	}
	if addr != nil {
		s.Addr = r.value(addr, addrType(r.table.Family))
	}
	if dev != nil {
		s.Dev = r.value(dev, ifindexType)
	}
	return s
}

func (r *jsonRule) fwd(o *jsonMembers) Stmt {
	s := &Fwd{Dev: r.value(o.need("dev"), ifindexType)}
	if a := o.get("addr"); a != nil {
		f := r.ipOf(o)
		s.NFProto = uint32(f)
		s.Addr = r.value(a, addrType(f))
	}
	return s
}
