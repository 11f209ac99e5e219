package ext

import (
	"net/netip"

	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_TEE.c: a copy goes to another host.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "TEE",
		Options: []*iptables.OptionSpec{
			{Name: "--gateway", Kind: iptables.Address, Required: true},
			{Name: "--oif", Kind: iptables.String(15)},
		},
		Listing: listed("TEE", "gw:*", "--gateway", "oif=*", "--oif"),
	},
	Limits: Limits{Refused: "--oif"},
	Lower: func(c *Context, t *iptables.Target) Action {
		dup := &nft.Dup{}
		for _, o := range t.Options {
			switch v := o.Value.(type) {
			case netip.Addr:
				dup.Addr = value(v.AsSlice())
			default:
				c.Refuse(o.Pos, "TEE", "leave the device to routing", "nftables names a device by its number here, which changes")
			}
		}
		return stmts(dup)
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		gateway, _ := t.Get("--gateway")
		return do(packet.Duplicated(packet.FromBytes(gateway.Value.(netip.Addr).AsSlice()), 0)) // --oif is refused
	},
})
