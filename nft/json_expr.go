package nft

func (n literal) json() any  { return n.js }
func (n wordNode) json() any { return string(n) }

func (e *Meta) json() any {
	return single("meta", single("key", keyName(metaKeys[e.Key], uint32(e.Key))))
}

func (n *payloadNode) json() any {
	if n.field != nil {
		return single("payload", jsonObject{{"protocol", n.proto.name}, {"field", n.field.name}})
	}
	return single("payload", jsonObject{{"base", baseToken(n.base)}, {"offset", uint64(n.off)}, {"len", uint64(n.bits)}})
}

func (n *ctNode) json() any {
	o := single("key", keyName(ctKeys[n.Key], uint32(n.Key)))
	if n.HasDir {
		o = o.with("dir", ctDir(n.Dir))
	}
	return single("ct", o)
}

func (e *Socket) json() any {
	return single("socket", single("key", keyName(socketKeys[e.Key], uint32(e.Key))))
}

func (e *Fib) json() any {
	o := single("result", keyName(fibResults[e.Result], e.Result))
	if flags := e.Flags &^ fibPresent; flags != 0 {
		list := jsonStrings(flagNames(flags, fibFlags))
		if rest := flags >> len(fibFlags) << len(fibFlags); rest != 0 {
			list = append(list, uint64(rest))
		}
		o = o.with("flags", list)
	}
	return single("fib", o)
}

func (e *Rt) json() any {
	k := rtKeys[e.Key]
	o := single("key", keyName(k.keyInfo, e.Key))
	if k.family != "" {
		o = o.with("family", k.family)
	}
	return single("rt", o)
}

func (e *Numgen) json() any {
	return single("numgen", jsonObject{{"mode", numgenMode(e.Type)}, {"mod", uint64(e.Modulus)}, {"offset", uint64(e.Offset)}})
}

func (n *hashNode) json() any {
	o := single("mod", uint64(n.Modulus))
	if n.HasSeed {
		o = o.with("seed", uint64(n.Seed))
	}
	if n.Offset != 0 {
		o = o.with("offset", uint64(n.Offset))
	}
	if n.Type == hashSymmetric {
		return single("symhash", o)
	}
	return single("jhash", o.with("expr", n.of.json()))
}

func (n *exthdrNode) json() any {
	present := n.Flags&exthdrPresent != 0
	word := map[uint32]string{exthdrIPv6: "exthdr", exthdrTCP: "tcp option", exthdrIPv4: "ip option", exthdrSCTP: "sctp chunk",
		exthdrDCCP: "dccp option"}[n.Op]
	if n.h == nil || n.field == nil && !present {
		return single(word, jsonObject{{"base", uint64(n.Type)}, {"offset", uint64(n.off)}, {"len", uint64(n.bits)}})
	}
	name := n.h.name
	if !present {
		name += n.blockNumber()
	}
	o := single("name", name)
	if !present {
		o = o.with("field", n.field.name)
	}
	return single(word, o)
}

func (e *Osf) json() any {
	o := single("key", osfKey(e.Flags))
	if t := osfTTL(e.TTL); t != "" {
		o = o.with("ttl", t)
	}
	return single("osf", o)
}

func (e *Xfrm) json() any {
	k := xfrmKeys[e.Key]
	o := single("key", keyName(k.keyInfo, e.Key))
	if k.family != "" {
		o = o.with("family", k.family)
	}
	return single("ipsec", o.with("dir", xfrmDir(e.Dir)).with("spnum", uint64(e.Spnr)))
}

func (e *Tunnel) json() any {
	return single("tunnel", single("key", keyName(tunnelKeys[e.Key], e.Key)))
}

func (n *binaryNode) json() any { return single(n.op, jsonArray{n.l.json(), n.r.json()}) }

func (n *prefixNode) json() any {
	return single("prefix", jsonObject{{"addr", n.of.json()}, {"len", uint64(n.bits)}})
}

func (n *rangeNode) json() any  { return single("range", jsonArray{n.from.json(), n.to.json()}) }
func (n *concatNode) json() any { return single("concat", jsonList(n.parts)) }
func (n *listNode) json() any   { return jsonList(n.items) }
func (n *setNode) json() any    { return single("set", jsonList(n.elems)) }

func (n *setRefNode) json() any {
	if n.meter {
		return n.name
	}
	return "@" + n.name
}

// json is the key alone, or an object when the element has more. One statement is all that the schema has room for; the first counts.
func (n *elemNode) json() any {
	if n.timeout == 0 && n.expires == 0 && n.comment == "" && len(n.stmts) == 0 {
		return n.key.json()
	}
	o := single("val", n.key.json())
	if n.timeout != 0 {
		o = o.with("timeout", n.timeout/1000)
	}
	if n.expires != 0 {
		o = o.with("expires", n.expires/1000)
	}
	if n.comment != "" {
		o = o.with("comment", n.comment)
	}
	if len(n.stmts) > 0 { // nft prints the first only
		if st, ok := n.stmts[0].json().(jsonObject); ok {
			o = append(o, st...)
		}
	}
	return single("elem", o)
}

func (n *mappingNode) json() any { return jsonArray{n.key.json(), n.data.json()} }

func (n *mapNode) json() any {
	word := "map"
	if n.verdicts {
		word = "vmap"
	}
	return single(word, jsonObject{{"key", n.key.json()}, {"data", n.data.json()}})
}
