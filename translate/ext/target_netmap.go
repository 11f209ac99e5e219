package ext

import (
	"net/netip"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// natNetmap is NF_NAT_RANGE_NETMAP.
const natNetmap = 1 << 6

// xt_NETMAP.c: the network part of an address is changed, and the rest is kept: of the destination where a packet comes in, of the
// source where it leaves.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:    "NETMAP",
		Options: []*iptables.OptionSpec{{Name: "--to", Kind: iptables.MaskedNetwork, Required: true}},
		Check:   onlyIn("nat"),
		Listing: listed("", "to:*", "--to"),
	},
	Limits: Limits{Refused: "in a chain that is reached where packets come in and where they leave"},
	Lower: func(c *Context, t *iptables.Target) Action {
		n := &nft.NAT{Kind: netmapKind(c, t), Family: c.NftFamily()}
		net := t.Options[0].Value.(iptables.Net)
		if _, contiguous := net.Ones(); contiguous {
			n.Flags, n.Addr, n.AddrMax = natNetmap, value(net.Addr.AsSlice()), value(lastOf(net).AsSlice())
		} else {
			n.Addr = &nft.MaskXor{Of: addressOf(c.Family, n.Kind == nft.DNAT), Mask: inverted(net.Mask), Xor: net.Addr.AsSlice()}
		}
		a := stmts(n)
		a.Ends = true
		return a
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		n := &packet.NAT{Kind: packet.DNAT, Net: true}
		for _, chain := range c.reachedFrom() { // HOOK2MANIP
			if chain == "INPUT" || chain == "POSTROUTING" {
				n.Kind = packet.SNAT
			}
		}
		to := t.Options[0].Value.(iptables.Net)
		first := packet.FromBytes(to.Addr.AsSlice())
		n.Addr = &packet.Range{From: first, To: first.Or(packet.FromBytes(inverted(to.Mask)))}
		return append(do(n), ends(packet.Verdict{Kind: packet.Accept})...)
	},
})

// netmapKind says which address a NETMAP rule changes: that of HOOK2MANIP in netmap_tg4. Where no packet comes, it does not matter.
func netmapKind(c *Context, t *iptables.Target) nft.NATKind {
	in, out := false, false
	for _, chain := range c.reachedFrom() {
		if slices.Contains([]string{"PREROUTING", "OUTPUT"}, chain) {
			in = true
		} else {
			out = true
		}
	}
	if in && out {
		c.Refuse(t.Pos, "NETMAP", "write the rule into two chains, of which one is called from PREROUTING and OUTPUT and the other from INPUT and POSTROUTING",
			"what it changes depends on where the chain is called from")
	}
	if out {
		return nft.SNAT
	}
	return nft.DNAT
}

// addressOf is the packet's destination, or its source (struct iphdr and struct ipv6hdr).
func addressOf(f iptables.Family, destination bool) *nft.Payload {
	p := &nft.Payload{Base: bytecode.NetworkHeader, Offset: 12, Len: addrLen(f)}
	if f == iptables.IPv6 {
		p.Offset = 8
	}
	if destination {
		p.Offset += p.Len
	}
	return p
}

// lastOf is the last address of a network.
func lastOf(n iptables.Net) netip.Addr {
	b := n.Addr.AsSlice()
	for i, m := range inverted(n.Mask) {
		b[i] |= m
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

func inverted(mask []byte) []byte {
	out := make([]byte, len(mask))
	for i, m := range mask {
		out[i] = ^m
	}
	return out
}
