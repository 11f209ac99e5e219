package meaning

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
)

// socket is a load of nft_socket.c.
func (r *ruleReader) socket(s *nft.Socket) register {
	found, whole := packet.Set(packet.SocketFound), packet.Not{P: packet.Set(packet.SocketWaits)}
	switch s.Key {
	case bytecode.SocketTransparent:
		return register{bits: network(packet.SocketTransparent, 1), needs: packet.All{found}}
	case bytecode.SocketMark:
		return register{bits: host(packet.SocketMark, 4), needs: packet.All{found, whole}}
	case bytecode.SocketWildcard:
		return register{bits: network(packet.SocketWildcard, 1), needs: packet.All{found, whole}}
	}
	return unknown(key(s), 8, packet.All{found, whole, packet.Set(packet.Named("has "+key(s), 1, packet.Bool))})
}

// xfrm is a load of nft_xfrm.c. An address there is only of a mode that has addresses of its own (xfrm_state_addr_ok).
func (r *ruleReader) xfrm(x *nft.Xfrm) register {
	const ( // enum nft_xfrm_keys
		daddr4 = 1
		daddr6 = 2
		saddr4 = 3
		saddr6 = 4
		reqID  = 5
	)
	const ( // XFRM_MODE_* of linux/xfrm.h
		tunnel = 1
		beet   = 4
		iptfs  = 5
	)
	out := x.Dir == 1
	needs := packet.All{packet.Set(packet.HasTransform(out, x.Spnr))}
	ends := map[uint32]packet.Field{daddr4: packet.IPv4Dst, daddr6: packet.IPv6Dst, saddr4: packet.IPv4Src, saddr6: packet.IPv6Src}
	if end, ok := ends[x.Key]; ok {
		own := packet.OneOf(packet.TransformMode(out, x.Spnr), packet.Num(tunnel), packet.Num(beet), packet.Num(iptfs))
		return register{bits: network(packet.TransformAddr(out, x.Spnr, end), int(end.Bits)/8), needs: append(needs, own)}
	}
	if x.Key == reqID {
		return register{bits: host(packet.TransformReqID(out, x.Spnr), 4), needs: needs}
	}
	return register{bits: host(packet.TransformSPI(out, x.Spnr), 4), needs: needs}
}
