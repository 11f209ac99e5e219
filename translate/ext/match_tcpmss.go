package ext

import (
	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// tcpOptionMSS is the kind of the option for the maximum segment size; its number stands behind the kind and the length (RFC 9293).
const tcpOptionMSS = 2

// maxSegmentSize is what the packet's option says.
func maxSegmentSize() *nft.Exthdr {
	return &nft.Exthdr{Op: 1, Type: tcpOptionMSS, Offset: 2, Len: 2} // NFT_EXTHDR_OP_TCPOPT
}

// xt_tcpmss.c, tcpmss_mt. As of 6.18 it looks at later fragments too and takes their payload for a header, which later releases
// mended; nft's load does not (nft_tcp_header_pointer). A packet without the option matches when inverted, where nft's load breaks off.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "tcpmss",
		Protocols: []uint8{protoTCP},
		Options: []*iptables.OptionSpec{
			{Name: "--mss", Kind: mssKind, Neg: true, Required: true},
		},
		Listing: listed("tcpmss match", "!*", "--mss"),
	},
	Limits:  Limits{Lossy: laterFragments},
	Header:  Header{Size: tcpHeader},
	Meaning: tcpmssMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		if !c.wholeBefore(m) {
			c.Lossy(m.Options[0].Pos, "tcpmss", "add -m tcp before it",
				"later fragments never match; Linux as of 6.18 takes their data for a TCP header, and drops what does not look like one")
		}
		in := numberIn(maxSegmentSize(), m.Options[0].Value.(iptables.Range), 65536, func(v uint64) []byte { return net16(uint16(v)) })
		has := negated(&Test{Stmts: in.Stmts}, m.Options[0].Neg)
		if d := c.demandOptions(); d != nil {
			return All{d, has}
		}
		return has
	},
})

// mssKind prints both ends unless they are the same.
var mssKind = iptables.UintRange(0, 65535, ":")

// tcpmssMeaning is tcpmss_mt. A header without the option takes the way out that inverts; a header that is not there does not.
func tcpmssMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return readsData("tcpmss", m, packet.All{packet.Set(packet.HasTransport), optionsMeaning(m, func(o iptables.Option) packet.Pred {
		return packet.All{packet.Set(packet.HasTCPOption(tcpOptionMSS)), rangeMeaning(packet.TCPMSS, o.Value)}
	})})
}
