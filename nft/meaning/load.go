package meaning

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// datum is how a key's value lies in a register.
type datum struct {
	field packet.Field
	bytes int
	net   bool        // in network byte order
	needs packet.Pred // what it breaks off without; nil: nothing
}

var (
	process = packet.Eq(packet.HasSocket, packet.Num(2))
	comesIn = packet.Not{P: packet.Eq(packet.Iif, packet.Value{})}
	goesOut = packet.Not{P: packet.Eq(packet.Oif, packet.Value{})}
)

// metaData are the keys of nft_meta.c (nft_meta_get_eval).
var metaData = map[bytecode.MetaKey]datum{
	bytecode.MetaLen:       {packet.Length, 4, false, nil},
	bytecode.MetaPriority:  {packet.Priority, 4, false, nil},
	bytecode.MetaMark:      {packet.Mark, 4, false, nil},
	bytecode.MetaIif:       {packet.IifIndex, 4, false, nil},
	bytecode.MetaOif:       {packet.OifIndex, 4, false, nil},
	bytecode.MetaIifname:   {packet.Iif, 16, true, nil},
	bytecode.MetaOifname:   {packet.Oif, 16, true, nil},
	bytecode.MetaIiftype:   {packet.IifType, 2, false, comesIn},
	bytecode.MetaOiftype:   {packet.OifType, 2, false, goesOut},
	bytecode.MetaSkuid:     {packet.UID, 4, false, process},
	bytecode.MetaSkgid:     {packet.GID, 4, false, process},
	bytecode.MetaNftrace:   {packet.Nftrace, 1, true, nil},
	bytecode.MetaRtclassid: {packet.Realm, 4, false, packet.Set(packet.HasRoute)},
	bytecode.MetaL4proto:   {packet.L4Proto, 1, true, nil},
	bytecode.MetaPkttype:   {packet.PktType, 1, true, nil},
	bytecode.MetaCPU:       {packet.CPU, 4, false, nil},
	bytecode.MetaIifgroup:  {packet.IifGroup, 4, false, comesIn},
	bytecode.MetaOifgroup:  {packet.OifGroup, 4, false, goesOut},
	bytecode.MetaCgroup:    {packet.Cgroup, 4, false, packet.Not{P: packet.Eq(packet.HasSocket, packet.Value{})}},
	bytecode.MetaSecmark:   {packet.Secmark, 4, false, nil},
	bytecode.MetaSecpath:   {packet.IPsec, 1, true, nil},
	bytecode.MetaTimeNs:    {packet.Time, 8, false, nil},
	bytecode.MetaTimeDay:   {packet.Day, 1, true, nil},
	bytecode.MetaTimeHour:  {packet.Hour, 4, false, nil},
}

// ctData are the keys of nft_ct.c (nft_ct_get_eval) that have no direction. All but the state need an entry.
var ctData = map[bytecode.CtKey]datum{
	bytecode.CtState:      {packet.CTState, 4, false, nil},
	bytecode.CtDirection:  {packet.CTReply, 1, true, packet.Tracked},
	bytecode.CtStatus:     {packet.CTStatus, 4, false, packet.Tracked},
	bytecode.CtMark:       {packet.CTMark, 4, false, packet.Tracked},
	bytecode.CtSecmark:    {packet.CTSecmark, 4, false, packet.Tracked},
	bytecode.CtExpiration: {packet.CTExpires, 4, false, packet.Tracked},
	bytecode.CtHelperName: {packet.CTHelper, 16, true, packet.All{packet.Tracked, packet.Set(packet.HasHelper)}},
	bytecode.CtLabels:     {packet.CTLabel, 16, false, packet.Tracked},
	bytecode.CtID:         {packet.Named("ct id", 32, packet.Number), 4, false, packet.Tracked},
}

// load is what an expression leaves in its register.
func (r *ruleReader) load(x nft.Expr) register {
	switch v := x.(type) {
	case *nft.Value:
		return register{bits: constant(v.Data)}
	case *nft.Meta:
		return r.meta(v)
	case *nft.CT:
		return r.ct(v)
	case *nft.Payload:
		return r.payload(v)
	case *nft.Exthdr:
		return r.exthdr(v)
	case *nft.Socket:
		return r.socket(v)
	case *nft.MaskXor:
		return masked(r.load(v.Of), v.Mask, v.Xor)
	case *nft.Shift:
		return r.shift(v)
	case *nft.Byteorder:
		reg := r.load(v.Of)
		reg.bits = swapped(reg.bits, int(v.Size))
		return reg
	case *nft.Binary:
		return r.binary(v)
	case *nft.Concat:
		return r.concat(v)
	case *nft.MapLookup:
		return r.mapLookup(v)
	case *nft.Fib:
		return fib(v)
	case *nft.Numgen:
		return register{bits: host(packet.Named(key(x), 32, packet.Number), 4), memory: key(x)}
	case *nft.Rt:
		return r.rt(v)
	case *nft.Osf:
		reg := unknown(key(x), 16, packet.All{})
		reg.bits = network(packet.Named("osf", 128, packet.Text), 16)
		return reg
	case *nft.Xfrm:
		return r.xfrm(v)
	}
	return unknown(key(x), 4, packet.All{packet.Set(packet.Named("has "+key(x), 1, packet.Bool))})
}

// unknown is a value of which only the name is known.
func unknown(name string, bytes int, needs packet.All) register {
	return register{bits: host(packet.Named(name, uint8(8*bytes), packet.Hex), bytes), needs: needs}
}

func (d datum) register() register {
	reg := register{}
	if d.net {
		reg.bits = network(d.field, d.bytes)
	} else {
		reg.bits = host(d.field, d.bytes)
	}
	if d.needs != nil {
		reg.needs = packet.All{d.needs}
	}
	return reg
}

func (r *ruleReader) meta(m *nft.Meta) register {
	switch m.Key {
	case bytecode.MetaNfproto:
		return register{bits: constant([]byte{byte(r.family())})}
	case bytecode.MetaProtocol: // ETH_P_IP, ETH_P_IPV6
		if r.ipv6 {
			return register{bits: constant([]byte{0x86, 0xdd})}
		}
		return register{bits: constant([]byte{0x08, 0x00})}
	case bytecode.MetaPrandom:
		return register{bits: host(packet.Named("random", 32, packet.Number), 4), memory: "random"}
	}
	if d, ok := metaData[m.Key]; ok {
		return d.register()
	}
	return unknown(key(m), 4, packet.All{packet.Set(packet.Named("has "+key(m), 1, packet.Bool))})
}

// ct is a load of conntrack data. The addresses of a direction are those of struct nf_conntrack_tuple.
func (r *ruleReader) ct(c *nft.CT) register {
	r.tracks = true
	tuple := func(f packet.Field, bytes int) register {
		return register{bits: network(packet.CTTuple(c.Dir == 1, f), bytes), needs: packet.All{packet.Tracked}}
	}
	src, dst, size := packet.IPv4Src, packet.IPv4Dst, 4
	if r.ipv6 {
		src, dst, size = packet.IPv6Src, packet.IPv6Dst, 16
	}
	switch c.Key {
	case bytecode.CtL3proto:
		return register{bits: constant([]byte{byte(r.family())}), needs: packet.All{packet.Tracked}}
	case bytecode.CtProtocol:
		return register{bits: network(packet.CTProto, 1), needs: packet.All{packet.Tracked}}
	case bytecode.CtSrc, bytecode.CtSrcIP, bytecode.CtSrcIP6:
		return tuple(src, size)
	case bytecode.CtDst, bytecode.CtDstIP, bytecode.CtDstIP6:
		return tuple(dst, size)
	case bytecode.CtProtoSrc:
		return tuple(packet.SrcPort, 2)
	case bytecode.CtProtoDst:
		return tuple(packet.DstPort, 2)
	case bytecode.CtZone:
		name := packet.CTZone
		if c.HasDir {
			name = packet.CTTuple(c.Dir == 1, packet.CTZone)
		}
		return register{bits: host(name, 2), needs: packet.All{packet.Tracked}}
	case bytecode.CtPkts, bytecode.CtBytes, bytecode.CtAvgpkt:
		name := "ct " + c.Key.Keyword()
		if c.HasDir {
			name = packet.CTTuple(c.Dir == 1, packet.Named(c.Key.Keyword(), 64, packet.Number)).Name
		}
		return register{bits: host(packet.Named(name, 64, packet.Number), 8), needs: packet.All{packet.Tracked}}
	}
	if d, ok := ctData[c.Key]; ok {
		return d.register()
	}
	return unknown(key(c), 4, packet.All{packet.Tracked})
}

func (r *ruleReader) payload(p *nft.Payload) register {
	var reg register
	base := packet.NetworkHeader
	switch p.Base {
	case bytecode.LinkHeader:
		base = packet.LinkHeader
		reg.needs = packet.All{packet.Set(packet.HasEther)}
	case bytecode.TransportHeader:
		base = packet.TransportHeader
		reg.needs = packet.All{packet.Set(packet.HasTransport)} // of a later fragment, it is what stands there
	case bytecode.NetworkHeader:
	default:
		return unknown(key(p), int(p.Len), packet.All{packet.Set(packet.Named("has "+key(p), 1, packet.Bool))})
	}
	reg.bits = ofParts(packet.At(r.ipv6, r.proto, base, 8*p.Offset, 8*p.Len))
	return reg
}

func (r *ruleReader) rt(v *nft.Rt) register {
	const (
		classid = 0
		tcpmss  = 3
		ipsec   = 4
	)
	route := packet.Set(packet.HasRoute)
	switch v.Key {
	case classid:
		return register{bits: host(packet.Realm, 4), needs: packet.All{route}}
	case tcpmss: // which is loaded only where packets have a route (nft_rt_validate)
		return register{bits: host(packet.RouteMSS, 2)}
	case ipsec:
		return register{bits: network(packet.IPsecOut, 1), needs: packet.All{route}}
	}
	return unknown(key(v), 4, packet.All{route})
}

func fib(f *nft.Fib) register {
	const (
		present = 32 // NFTA_FIB_F_PRESENT
		oifname = 2  // NFT_FIB_RESULT_OIFNAME
	)
	switch {
	case f.Flags&present != 0:
		return register{bits: network(packet.Named(key(f), 1, packet.Bool), 1)}
	case f.Result == oifname:
		return unknown(key(f), 16, nil)
	}
	return unknown(key(f), 4, nil)
}

func masked(reg register, mask, xor []byte) register {
	out := make([]bit, min(len(reg.bits), 8*len(mask)))
	for i := range out {
		b := reg.bits[i]
		if mask[i/8]>>(7-i%8)&1 == 0 {
			b = bit{fixed: true}
		}
		if i/8 < len(xor) && xor[i/8]>>(7-i%8)&1 != 0 {
			b.flip = !b.flip
		}
		out[i] = b
	}
	reg.bits = out
	return reg
}

// shift is of one word (nft_bitwise_eval_lshift and _rshift), in host byte order; of longer values only the name is known.
func (r *ruleReader) shift(s *nft.Shift) register {
	reg := r.load(s.Of)
	if len(reg.bits) != 32 || s.Bits >= 32 {
		return unknown(key(s), len(reg.bits)/8, reg.needs)
	}
	word := swapped(reg.bits, 4)
	zeros := constant(make([]byte, 4))[:s.Bits]
	if s.Right {
		word = append(zeros, word[:32-s.Bits]...)
	} else {
		word = append(word[s.Bits:len(word):len(word)], zeros...)
	}
	reg.bits = swapped(word, 4)
	return reg
}

// binary combines two registers. Where one of each pair of bits is a constant, the other says it all.
func (r *ruleReader) binary(v *nft.Binary) register {
	a, b := r.load(v.A), r.load(v.B)
	needs := append(a.needs[:len(a.needs):len(a.needs)], b.needs...)
	if len(a.bits) != len(b.bits) {
		return unknown(key(v), int(v.Len), needs)
	}
	out := make([]bit, len(a.bits))
	for i := range out {
		x, y := a.bits[i], b.bits[i]
		if x.fixed {
			x, y = y, x
		}
		if !y.fixed {
			return unknown(key(v), int(v.Len), needs)
		}
		switch {
		case v.Op == bytecode.BitwiseXor:
			x.flip = x.flip != y.flip
		case v.Op == bytecode.BitwiseAnd && !y.flip:
			x = bit{fixed: true}
		case v.Op == bytecode.BitwiseOr && y.flip:
			x = bit{fixed: true, flip: true}
		}
		out[i] = x
	}
	return register{bits: out, needs: needs}
}

// concat pads each part to whole words, as registers are laid out.
func (r *ruleReader) concat(c *nft.Concat) register {
	var out register
	for _, p := range c.Parts {
		reg := r.load(p)
		out.bits = append(out.bits, reg.bits...)
		for len(out.bits)%32 != 0 {
			out.bits = append(out.bits, bit{fixed: true})
		}
		out.needs = append(out.needs, reg.needs...)
		if reg.memory != "" {
			out.memory = reg.memory
		}
	}
	return out
}
