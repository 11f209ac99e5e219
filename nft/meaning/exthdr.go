package meaning

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/packet"
)

// firstTransport is a transport header that is no later fragment's (pkt->fragoff in nft_tcp_header_pointer).
var firstTransport = packet.All{packet.Set(packet.HasTransport), packet.Eq(packet.FragOffset, packet.Value{})}

// exthdr is a load of an extension header or option (nft_exthdr.c).
func (r *ruleReader) exthdr(h *nft.Exthdr) register {
	const (
		ipv6 = 0
		tcp  = 1
		sctp = 3
	)
	present := h.Flags&1 != 0
	switch h.Op {
	case ipv6:
		has := packet.Extended(h.Type)
		if present {
			return register{bits: network(packet.HasExtension(h.Type), 1), bit: has}
		}
		return register{bits: ofParts(packet.Extension(h.Type, h.Offset, h.Len)), needs: packet.All{has}}
	case tcp:
		has := packet.HasTCPOption(h.Type)
		of := with(firstTransport, packet.Eq(packet.L4Proto, packet.Num(6)))
		if present { // 0 where there is no TCP header
			return register{bits: network(has, 1), bit: packet.All{of, packet.Set(has)}}
		}
		reg := register{needs: packet.All{of, packet.Set(has)}}
		if h.Type == 2 && h.Offset == 2 && h.Len == 2 {
			reg.bits = network(packet.TCPMSS, 2)
			return reg
		}
		for i := range h.Len {
			reg.bits = append(reg.bits, network(packet.Named(fmt.Sprintf("tcp option %d @%d", h.Type, h.Offset+i), 8, packet.Hex), 1)...)
		}
		return reg
	case sctp:
		has := packet.HasChunk(h.Type)
		of := with(firstTransport, packet.Eq(packet.L4Proto, packet.Num(132)))
		if present { // 0 where the packet is none of SCTP
			return register{bits: network(has, 1), bit: packet.All{of, packet.Set(has)}}
		}
		reg := register{needs: packet.All{of, packet.Set(has)}}
		for i := range h.Len {
			reg.bits = append(reg.bits, network(packet.ChunkByte(h.Type, h.Offset+i), 1)...)
		}
		return reg
	}
	if present {
		return register{bits: network(packet.Named(key(h), 1, packet.Bool), 1), needs: packet.All{packet.Set(packet.HasTransport)}}
	}
	return unknown(key(h), int(h.Len), packet.All{packet.Set(packet.Named("has "+key(h), 1, packet.Bool))})
}
