package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_ipcomp.c, comp_mt: the index at offset 2 of struct ip_comp_hdr. Without the option iptables looks for index 0. --compres sets a
// flag that the kernel does not look at.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "ipcomp",
		Protocols: []uint8{protoIPComp},
		Options: []*iptables.OptionSpec{
			{Name: "--ipcompspi", Kind: spiKind{spiRange}, Neg: true},
			{Name: "--compres", Kind: iptables.Flag},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			return withDefault(e, options, "--ipcompspi", iptables.Range{})
		},
		Listing: listed("comp", "spi:!*", "--ipcompspi", "spis:!*", "--ipcompspi", "reserved", "--compres"),
	},
	Header:  Header{Size: 4},
	Meaning: ipcompMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o, _ := m.Get("--ipcompspi")
		return spiIn(o, 2, 2)
	},
})

// ipcompMeaning is comp_mt, which looks at the index alone.
func ipcompMeaning(_ *Context, m *iptables.Match) packet.Pred {
	o, _ := m.Get("--ipcompspi")
	return packet.All{firstFragment, packet.Negate(rangeMeaning(packet.CompCPI, o.Value), o.Neg)}
}
