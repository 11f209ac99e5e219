package ext

import (
	"net/netip"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_TPROXY.c, tproxy_tg4: the packet goes to a transparent socket with its mark set, and is dropped if there is none. nft_tproxy.c
// breaks the rule off instead, so a second rule drops what the first did not take.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:      "TPROXY",
		Protocols: []uint8{protoTCP, protoUDP},
		Options: []*iptables.OptionSpec{
			{Name: "--on-port", Kind: iptables.Uint(0, 65535), Required: true},
			{Name: "--on-ip", Kind: iptables.Address},
			{Name: "--tproxy-mark", Kind: iptables.MaskedMark},
		},
		Check:   onlyIn("mangle"),
		Listing: listTProxy,
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		proxy := &nft.TProxy{Family: c.NftFamily()}
		take := []nft.Stmt{proxy}
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--on-port":
				if port := uint16(o.Value.(uint64)); port != 0 {
					proxy.Port = value(net16(port))
				}
			case "--on-ip":
				if a := o.Value.(netip.Addr); !a.IsUnspecified() {
					proxy.Addr = value(a.AsSlice())
				}
			case "--tproxy-mark":
				m := o.Value.(iptables.MarkMask)
				take = append(take, setMark(&nft.Meta{Key: bytecode.MetaMark}, m.Mask, m.Value))
			}
		}
		take = append(take, &nft.Verdict{Code: bytecode.Accept})
		return Action{Rules: [][]nft.Stmt{take, {&nft.Verdict{Code: bytecode.Drop}}}, Ends: true}
	},
})
