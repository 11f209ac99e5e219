package ext

import (
	"fmt"
	"net"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// macKind is an Ethernet address. Value: net.HardwareAddr.
var macKind = iptables.NewKind(
	func(w string, _ iptables.Family) (net.HardwareAddr, error) {
		mac, err := net.ParseMAC(w)
		if err != nil || len(mac) != 6 || !strings.Contains(w, ":") {
			return nil, fmt.Errorf("%s is not an Ethernet address", iptables.Quote(w))
		}
		return mac, nil
	},
	net.HardwareAddr.String)

// xt_mac.c, mac_mt: the sender's Ethernet address, on an Ethernet device (ARPHRD_ETHER is 1).
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "mac",
		Options: []*iptables.OptionSpec{{Name: "--mac-source", Kind: macKind, Neg: true, Required: true}},
		Check: func(r *iptables.Rule, _ []iptables.Option, _, chain string) *iptables.Problem {
			switch chain {
			case "OUTPUT", "POSTROUTING":
				return &iptables.Problem{Pos: r.Pos, Ext: "mac", Msg: "works only in PREROUTING, INPUT and FORWARD, and chains that these lead to"}
			}
			return nil
		},
		Listing: listed("MAC", "! *", "--mac-source"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		ethernet := present(&nft.Meta{Key: bytecode.MetaIiftype}, hostU16(1))
		source := &nft.Payload{Base: bytecode.LinkHeader, Offset: 6, Len: 6}
		return All{ethernet, negated(present(source, m.Options[0].Value.(net.HardwareAddr)), m.Options[0].Neg)}
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		source := packet.Eq(packet.EtherSrc, packet.FromBytes(m.Options[0].Value.(net.HardwareAddr)))
		return packet.All{packet.Not{P: packet.Eq(packet.Iif, packet.Value{})}, packet.Eq(packet.IifType, packet.Num(1)), packet.Set(packet.HasEther),
			packet.Negate(source, m.Options[0].Neg)}
	},
})
