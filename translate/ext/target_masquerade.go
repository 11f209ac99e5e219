package ext

import (
	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_MASQUERADE.c: to the address of the outgoing device.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "MASQUERADE",
		Options: []*iptables.OptionSpec{
			{Name: "--to-ports", Kind: iptables.ToPorts},
			{Name: "--random", Kind: iptables.Flag},
			{Name: "--random-fully", Kind: iptables.Flag},
		},
		Check:   both(onlyIn("nat"), onlyFrom("POSTROUTING"), natPorts("--to-ports")),
		Listing: listed("", "masq ports: *", "--to-ports", "random", "--random", "random-fully", "--random-fully"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		n := &nft.NAT{Kind: nft.Masquerade}
		for _, o := range t.Options {
			if p, ok := o.Value.(iptables.Ports); ok {
				n.Port, n.PortMax = natPort(p)
			}
			n.Flags |= natFlags[o.Spec.Name]
		}
		a := stmts(n)
		a.Ends, a.Proto = true, n.Port != nil
		return a
	},
	Meaning: natMeaning(packet.Masquerade),
})
