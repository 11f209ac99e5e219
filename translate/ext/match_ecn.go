package ext

import (
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_ecn.c, ecn_mt4 and ecn_mt6: the bits of explicit congestion notification, which are the lowest two of the second byte of an
// IPv4 header, and in IPv6 the third and fourth highest of it; and two flags of TCP, of whose header there must be all (match_tcp). Neither
// engine asks whether that is the data of a later fragment.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "ecn",
		Options: []*iptables.OptionSpec{
			{Name: "--ecn-tcp-ece", Kind: iptables.Flag, Neg: true},
			{Name: "--ecn-tcp-cwr", Kind: iptables.Flag, Neg: true},
			{Name: "--ecn-ip-ect", Kind: iptables.Uint(0, 3), Neg: true},
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if len(options) == 0 {
				return &iptables.Problem{Pos: r.Pos, Ext: "ecn", Msg: "needs an option"}
			}
			tcp := r.Proto != nil && !r.Proto.Neg && r.Proto.Num == protoTCP
			for _, o := range options {
				if o.Value == nil && !tcp {
					return &iptables.Problem{Pos: o.Pos, Ext: "ecn", Msg: o.Spec.Name + " needs -p tcp"}
				}
			}
			return nil
		},
		Listing: listed("ECN match", "!ECE", "--ecn-tcp-ece", "!CWR", "--ecn-tcp-cwr", "!ECT=*", "--ecn-ip-ect"),
	},
	Meaning: ecnMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		if !c.headerBefore(m, tcpHeader) && slices.ContainsFunc(m.Options, func(o iptables.Option) bool { return o.Value == nil }) {
			all = append(all, &Test{Stmts: []nft.Stmt{reaches(tcpHeader)}})
		}
		for _, o := range m.Options {
			field, mask, want := transport(13, 1), byte(0x40), byte(0x40) // ECE
			switch o.Spec.Name {
			case "--ecn-tcp-cwr":
				mask, want = 0x80, 0x80
			case "--ecn-ip-ect":
				field = &nft.Payload{Base: bytecode.NetworkHeader, Offset: 1, Len: 1}
				mask, want = 0x03, byte(o.Value.(uint64))
				if c.Family == iptables.IPv6 {
					mask, want = mask<<4, want<<4
				}
			}
			all = append(all, negated(present(&nft.MaskXor{Of: field, Mask: []byte{mask}, Xor: []byte{0}}, []byte{want}), o.Neg))
		}
		return all
	},
})

// ecnMeaning is ecn_mt4 and ecn_mt6. The bits of TCP are read of any packet of TCP.
func ecnMeaning(_ *Context, m *iptables.Match) packet.Pred {
	const (
		ece = 0x40
		cwr = 0x80
	)
	var all packet.All
	for _, o := range m.Options {
		bit := packet.Num(ece)
		switch o.Spec.Name {
		case "--ecn-ip-ect":
			all = append(all, packet.Negate(packet.Eq(packet.ECN, packet.Num(o.Value.(uint64))), o.Neg))
			continue
		case "--ecn-tcp-cwr":
			bit = packet.Num(cwr)
		}
		all = append(all, packet.Set(packet.HasTransport), packet.Negate(packet.Test(packet.TCPFlags, bit, bit), o.Neg))
	}
	return all
}
