package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// packetTypes are PACKET_HOST and so on (linux/if_packet.h).
var packetTypes = map[string]uint8{"unicast": 0, "broadcast": 1, "multicast": 2}

// xt_pkttype.c, pkttype_mt.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "pkttype",
		Options: []*iptables.OptionSpec{{Name: "--pkt-type", Kind: iptables.Enum("unicast", "broadcast", "multicast"), Neg: true, Required: true}},
		Listing: listed("PKTTYPE", "= *", "--pkt-type", "!= *", "! --pkt-type"),
	},
	Meaning: pkttypeMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		return negated(present(&nft.Meta{Key: bytecode.MetaPkttype}, []byte{packetTypes[o.Value.(string)]}), o.Neg)
	},
})

// pkttypeMeaning is pkttype_mt.
func pkttypeMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return optionsMeaning(m, func(o iptables.Option) packet.Pred {
		return packet.Eq(packet.PktType, packet.Num(uint64(packetTypes[o.Value.(string)])))
	})
}
