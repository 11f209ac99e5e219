package ext

import (
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
