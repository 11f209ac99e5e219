package compare

import (
	"rechain/nft/packet"
)

// wishes are values that make a packet easy to read, the best first.
var wishes = map[packet.Field][]packet.Value{
	packet.L4Proto:   nums(6, 17, 1, 58),
	packet.SrcPort:   nums(40000),
	packet.DstPort:   nums(443, 80, 22, 53),
	packet.TCPFlags:  nums(2),
	packet.ICMPType:  nums(8, 128),
	packet.CTState:   nums(packet.StateNew, packet.StateEstablished, packet.StateRelated),
	packet.IPv4Src:   {ip4(198, 51, 100, 1), ip4(10, 0, 0, 1)},
	packet.IPv4Dst:   {ip4(203, 0, 113, 1), ip4(10, 0, 0, 2)},
	packet.IPv6Src:   {{Hi: 0x20010db8 << 32, Lo: 1}},
	packet.IPv6Dst:   {{Hi: 0x20010db8<<32 | 1, Lo: 2}},
	packet.Iif:       {packet.Name("eth0")},
	packet.Oif:       {packet.Name("eth1")},
	packet.HasSocket: nums(2, 0),
	packet.UID:       nums(1000),
	packet.GID:       nums(1000),
	packet.TTL:       nums(64),
	packet.Length:    nums(60),
}

func nums(list ...uint64) []packet.Value {
	out := make([]packet.Value, len(list))
	for i, n := range list {
		out[i] = packet.Num(n)
	}
	return out
}

func ip4(a, b, c, d byte) packet.Value { return packet.FromBytes([]byte{a, b, c, d}) }

// codings are the fields in the order of their variables.
func (e *engine) inOrder() []*coding {
	var out []*coding
	for i := 0; i < len(e.fields); i += int(e.fields[i].width) {
		out = append(out, e.fields[i])
	}
	return out
}

// witness is a packet for which n, which is not "no", holds.
func (e *engine) witness(n node) *packet.Packet {
	p := &packet.Packet{Fields: map[packet.Field]packet.Value{}, Opaque: map[string]bool{}}
	for _, c := range e.inOrder() {
		var v packet.Value
		v, n = e.choose(c, n)
		if c.field.Name[0] == '?' {
			p.Opaque[c.field.Name[2:]] = v == packet.Num(1)
			continue
		}
		p.Fields[c.field] = v
	}
	for f, list := range wishes { // what nobody asks for, for the reader
		if _, ok := p.Fields[f]; !ok && readable(f, e.ipv6) {
			p.Fields[f] = list[0]
		}
	}
	return p
}

// readable says whether a packet is easier to read with the field.
func readable(f packet.Field, ipv6 bool) bool {
	switch f {
	case packet.IPv4Src, packet.IPv4Dst:
		return !ipv6
	case packet.IPv6Src, packet.IPv6Dst:
		return ipv6
	}
	return f == packet.L4Proto || f == packet.SrcPort || f == packet.DstPort
}

// choose picks a value of a field for which n can still hold, and what n is then. All variables before the field's are decided.
func (e *engine) choose(c *coding, n node) (packet.Value, node) {
	for _, v := range wishes[c.field] {
		if rest := e.restrict(c, n, c.code(v)); rest != no {
			return v, rest
		}
	}
	var code packet.Value
	for i := uint(0); i < c.width; i++ {
		lo, hi := e.at(n, c.level+uint32(i))
		code = code.Shl(1)
		if n = lo; lo == no {
			code, n = code.Or(packet.Num(1)), hi
		}
	}
	r := c.values(code)
	for _, d := range packet.Domain(c.field) { // a value that there is
		if d.To.Cmp(r.From) >= 0 && d.From.Cmp(r.To) <= 0 {
			if d.From.Cmp(r.From) > 0 {
				return d.From, n
			}
			break
		}
	}
	return r.From, n
}

// plain takes away what a packet cannot have at a hook, and no rule asks.
func (e *engine) plain(h packet.Hook, p *packet.Packet) {
	for _, f := range absent(h) {
		if c := e.codings[f]; c != nil && c.code(p.Get(f)) == c.code(packet.Value{}) {
			p.Set(f, packet.Value{})
		}
	}
}

// restrict is n where a field has a code; n asks no variable before the field's.
func (e *engine) restrict(c *coding, n node, code packet.Value) node {
	for i := uint(0); i < c.width; i++ {
		lo, hi := e.at(n, c.level+uint32(i))
		if code.Bit(c.width - 1 - i) {
			n = hi
		} else {
			n = lo
		}
	}
	return n
}

// needs are the opaque predicates that n, for the packet, rests on, and what they say; nil: on none.
func (e *engine) needs(n node, p *packet.Packet) map[string]bool {
	for _, c := range e.inOrder() {
		if c.field.Name[0] != '?' {
			n = e.fix(c, n, c.code(p.Fields[c.field]))
		}
	}
	var out map[string]bool
	for !n.isTerminal() { // along the packet's own way
		key := e.fields[e.tests[n].level].field.Name[2:]
		if out == nil {
			out = map[string]bool{}
		}
		out[key] = p.Opaque[key]
		t := e.tests[n]
		if n = t.lo; out[key] {
			n = t.hi
		}
	}
	return out
}

// fix is restrict for any order of variables.
func (e *engine) fix(c *coding, n node, code packet.Value) node {
	done := map[node]node{}
	var walk func(n node) node
	walk = func(n node) node {
		if n.isTerminal() || e.tests[n].level >= c.level+uint32(c.width) {
			return n
		}
		if r, ok := done[n]; ok {
			return r
		}
		t := e.tests[n]
		var r node
		switch {
		case t.level < c.level:
			r = e.make(t.level, walk(t.lo), walk(t.hi))
		case code.Bit(c.width - 1 - uint(t.level-c.level)):
			r = walk(t.hi)
		default:
			r = walk(t.lo)
		}
		done[n] = r
		return r
	}
	return walk(n)
}
