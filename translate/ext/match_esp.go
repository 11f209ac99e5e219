package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_esp.c, esp_mt: the index at the head of the header (struct ip_esp_hdr).
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "esp",
		Protocols: []uint8{protoESP},
		Options:   []*iptables.OptionSpec{{Name: "--espspi", Kind: spiKind{spiRange}, Neg: true}},
		Listing:   listed("esp", "spi:!*", "--espspi", "spis:!*", "--espspi"),
	},
	Header:  Header{Size: 8},
	Meaning: espMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			all = append(all, spiIn(o, 0, 4))
		}
		return all
	},
})

// espMeaning is esp_mt: no later fragment, and the index.
func espMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return packet.All{firstFragment, optionsMeaning(m, func(o iptables.Option) packet.Pred { return rangeMeaning(packet.ESPSPI, o.Value) })}
}
