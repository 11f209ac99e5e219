package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_multiport.c, multiport_mt: a list of up to 15 ports, a range counting as two.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "multiport",
		Protocols: []uint8{protoTCP, protoUDP, protoUDPLite, protoSCTP, protoDCCP},
		Options: []*iptables.OptionSpec{
			{Name: "--sports", Aliases: []string{"--source-ports"}, Kind: iptables.PortList, Neg: true, Excludes: []string{"--dports", "--ports"}},
			{Name: "--dports", Aliases: []string{"--destination-ports"}, Kind: iptables.PortList, Neg: true, Excludes: []string{"--sports", "--ports"}},
			{Name: "--ports", Kind: iptables.PortList, Neg: true, Excludes: []string{"--sports", "--dports"}},
		},
		Check:   checkMultiport,
		Listing: listed("multiport", "sports ! !*", "--sports", "dports ! !*", "--dports", "ports ! !*", "--ports"),
	},
	Header: Header{Size: 4},
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		ports := o.Value.([]iptables.Ports)
		switch o.Spec.Name {
		case "--sports":
			return negated(c.portsIn(sourcePort, ports), o.Neg)
		case "--dports":
			return negated(c.portsIn(destinationPort, ports), o.Neg)
		}
		return negated(Any{c.portsIn(sourcePort, ports), c.portsIn(destinationPort, ports)}, o.Neg)
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		return append(append(packet.All{}, firstFragment...), optionsMeaning(m, func(o iptables.Option) packet.Pred {
			ports := o.Value.([]iptables.Ports)
			switch o.Spec.Name {
			case "--sports":
				return portMeaning(packet.SrcPort, ports)
			case "--dports":
				return portMeaning(packet.DstPort, ports)
			}
			return packet.Any{portMeaning(packet.SrcPort, ports), portMeaning(packet.DstPort, ports)}
		})...)
	},
})

// multiportMax is XT_MULTI_PORTS.
const multiportMax = 15

func checkMultiport(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	if len(options) == 0 {
		return &iptables.Problem{Pos: r.Pos, Ext: "multiport", Msg: "needs one of --sports, --dports and --ports"}
	}
	n := 0
	for _, p := range options[0].Value.([]iptables.Ports) {
		n++
		if p.Lo != p.Hi {
			n++
		}
	}
	if n > multiportMax {
		return &iptables.Problem{Pos: options[0].Pos, Ext: "multiport", Msg: "has more than 15 ports, of which a range counts as two",
			Hint: "use several rules"}
	}
	return nil
}
