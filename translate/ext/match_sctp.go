package ext

import "rechain/translate/iptables"

// xt_sctp.c, sctp_mt, but for the types of chunks.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "sctp",
		Protocols: []uint8{protoSCTP},
		Options: []*iptables.OptionSpec{
			{Name: "--sport", Aliases: []string{"--source-port"}, Kind: anyPorts{iptables.PortRange}, Neg: true},
			{Name: "--dport", Aliases: []string{"--destination-port"}, Kind: anyPorts{iptables.PortRange}, Neg: true},
		},
		Listing: listed("sctp", "spt:!*", "--sport", "spts:!*", "--sport", "dpt:!*", "--dport", "dpts:!*", "--dport", "! any *", "--chunk-types any", "! all *", "--chunk-types all", "! only *", "--chunk-types only"),
	},
	Header: Header{Size: 12},
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
})
