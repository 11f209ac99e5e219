package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// ipt_ah.c, ah_mt: the index at offset 4 of struct ip_auth_hdr.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "ah",
		Families:  []iptables.Family{iptables.IPv4},
		Protocols: []uint8{protoAH},
		Options:   []*iptables.OptionSpec{{Name: "--ahspi", Kind: spiKind{spiRange}, Neg: true}},
		Listing:   listed("ah", "spi:!*", "--ahspi", "spis:!*", "--ahspi"),
	},
	Header:  Header{Size: 12},
	Meaning: ahMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			all = append(all, spiIn(o, 4, 4))
		}
		return all
	},
})

// ahMeaning is ah_mt: no later fragment, and the index.
func ahMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return packet.All{firstFragment, optionsMeaning(m, func(o iptables.Option) packet.Pred { return rangeMeaning(packet.AHSPI, o.Value) })}
}
