package ext

import (
	"net/netip"

	"rechain/nft"
	"rechain/translate/iptables"
)

// natNetmap is NF_NAT_RANGE_NETMAP.
const natNetmap = 1 << 6

// xt_NETMAP.c: the network part of an address is changed, and the rest is kept: of the destination where a packet comes in, of the
// source where it leaves.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:    "NETMAP",
		Options: []*iptables.OptionSpec{{Name: "--to", Kind: iptables.Network, Required: true}},
		Check:   onlyIn("nat"),
	},
	Limits: Limits{Refused: "in a user chain; masks that are no prefix"},
	Lower: func(c *Context, t *iptables.Target) Action {
		o := t.Options[0]
		net := o.Value.(iptables.Net)
		n := &nft.NAT{Family: c.NftFamily(), Flags: natNetmap, Addr: value(net.Addr.AsSlice()), AddrMax: value(lastOf(net).AsSlice())}
		switch c.Chain {
		case "PREROUTING", "OUTPUT":
			n.Kind = nft.DNAT
		case "POSTROUTING", "INPUT":
			n.Kind = nft.SNAT
		default:
			c.Refuse(t.Pos, "NETMAP", "move the rule to a built-in chain", "what it changes depends on where the chain is called from")
		}
		if _, contiguous := net.Ones(); !contiguous {
			c.Refuse(o.Pos, "NETMAP", "give a prefix length", "nftables maps only prefixes")
		}
		a := stmts(n)
		a.Ends = true
		return a
	},
})

// lastOf is the last address of a network.
func lastOf(n iptables.Net) netip.Addr {
	b := n.Addr.AsSlice()
	for i := range b {
		b[i] |= ^n.Mask[i]
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}
