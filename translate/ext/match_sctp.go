package ext

import "rechain/translate/iptables"

// xt_sctp.c, sctp_mt.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "sctp",
		Protocols: []uint8{protoSCTP},
		Options: []*iptables.OptionSpec{
			{Name: "--sport", Aliases: []string{"--source-port"}, Kind: anyPorts{iptables.PortRange}, Neg: true},
			{Name: "--dport", Aliases: []string{"--destination-port"}, Kind: anyPorts{iptables.PortRange}, Neg: true},
			{Name: "--chunk-types", Kind: chunkTypesKind, Neg: true},
		},
		Listing: listSCTP,
	},
	Limits: Limits{
		Refused: "--chunk-types any or all with I_DATA, RE_CONFIG, PAD or I_FORWARD_TSN; all ALL",
		Lossy:   "--chunk-types with flags, or only with a list",
		Kernel:  "5.14",
	},
	Header: Header{Size: 12},
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			switch o.Spec.Name {
			case "--sport":
				all = append(all, negated(portIn(sourcePort, o.Value.(iptables.Ports)), o.Neg))
			case "--dport":
				all = append(all, negated(portIn(destinationPort, o.Value.(iptables.Ports)), o.Neg))
			case "--chunk-types":
				all = append(all, negated(lowerChunks(c, o), o.Neg))
			}
		}
		return all
	},
})
