package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_tcpudp.c, udp_mt.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "udp",
		Protocols: []uint8{protoUDP},
		Options: []*iptables.OptionSpec{
			{Name: "--sport", Aliases: []string{"--source-port"}, Kind: iptables.PortRange, Neg: true},
			{Name: "--dport", Aliases: []string{"--destination-port"}, Kind: iptables.PortRange, Neg: true},
		},
		Listing: listed("udp", "spt:!*", "--sport", "spts:!*", "--sport", "dpt:!*", "--dport", "dpts:!*", "--dport"),
	},
	Header: Header{Size: 8},
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			offset := uint32(sourcePort)
			if o.Spec.Name == "--dport" {
				offset = destinationPort
			}
			all = append(all, negated(portIn(offset, o.Value.(iptables.Ports)), o.Neg))
		}
		return all
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		all := append(packet.All{}, firstFragment...)
		return append(all, optionsMeaning(m, func(o iptables.Option) packet.Pred {
			field := packet.DstPort
			if o.Spec.Name == "--sport" {
				field = packet.SrcPort
			}
			return portMeaning(field, []iptables.Ports{o.Value.(iptables.Ports)})
		})...)
	},
})
