package ext

import (
	"bytes"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// sourceAddress is the address in the IP header (struct iphdr, struct ipv6hdr).
func sourceAddress(f iptables.Family) *nft.Payload {
	if f == iptables.IPv6 {
		return &nft.Payload{Base: bytecode.NetworkHeader, Offset: 8, Len: 16}
	}
	return &nft.Payload{Base: bytecode.NetworkHeader, Offset: 12, Len: 4}
}

// destinationAddress follows the source.
func destinationAddress(f iptables.Family) *nft.Payload {
	p := sourceAddress(f)
	p.Offset += p.Len
	return p
}

// addressKey is the source or destination under a mask, and its datatype.
func addressKey(f iptables.Family, destination bool, mask []byte) (nft.Expr, nft.Datatype) {
	field, typ := sourceAddress(f), nft.TypeIPAddr
	if f == iptables.IPv6 {
		typ = nft.TypeIP6Addr
	}
	if destination {
		field = destinationAddress(f)
	}
	if bytes.Count(mask, []byte{0xff}) == len(mask) {
		return field, typ
	}
	return &nft.MaskXor{Of: field, Mask: mask, Xor: make([]byte, len(mask))}, typ
}

// prefixMask is the mask of a prefix length.
func prefixMask(f iptables.Family, ones uint64) []byte {
	mask := make([]byte, addrLen(f))
	for i := range ones {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return mask
}
