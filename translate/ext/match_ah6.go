package ext

import (
	"math"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// ip6t_ah.c, ah_mt6 (struct ip_auth_hdr). The header is looked for wherever it stands. nft's walk through the headers ends at the first
// one (IP6_FH_F_AUTH in nft_set_pktinfo_ipv6), so that it is the transport header there; the walk to the last header that -p asks
// about goes on, and what it finds nft cannot say.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:     "ah",
		Families: []iptables.Family{iptables.IPv6},
		Options: []*iptables.OptionSpec{
			{Name: "--ahspi", Kind: spiKind{spiRange}, Neg: true},
			{Name: "--ahlen", Kind: anyLength{iptables.Uint(0, math.MaxUint32)}, Neg: true},
			{Name: "--ahres", Kind: iptables.Flag},
		},
		Listing: listAH6,
	},
	Limits:  Limits{Refused: "together with -p"},
	Meaning: ah6Meaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		if p := c.Rule.Proto; p != nil && p.Num != protoAH { // -p ah holds for no packet
			c.Refuse(p.Pos, "ah", "leave -p out, or ah", "nftables does not look behind an authentication header, where the protocol of -p is")
		}
		all := All{present(&nft.Meta{Key: bytecode.MetaL4proto}, []byte{protoAH})}
		for _, o := range m.Options {
			switch o.Spec.Name {
			case "--ahspi":
				all = append(all, spiIn(o, 4, 4))
			case "--ahlen":
				if n := o.Value.(uint64); n != 0 { // which the kernel takes for not given, inverted or not
					all = append(all, negated(lengthIs(transport(1, 1), n, 8, 4), o.Neg))
				}
			case "--ahres":
				all = append(all, present(transport(2, 2), net16(0)))
			}
		}
		return all
	},
})

// anyLength leaves out a length of zero.
type anyLength struct{ iptables.Kind }

func (anyLength) Vacuous(v any) bool { return v.(uint64) == 0 }

// lengthIs tests the length of a header in bytes, where its field counts units of so many bytes behind the first few.
func lengthIs(field nft.Expr, bytes, first, unit uint64) Cond {
	if bytes < first || (bytes-first)%unit != 0 || (bytes-first)/unit > math.MaxUint8 {
		return Any{} // no header has it
	}
	return present(field, []byte{uint8((bytes - first) / unit)})
}

var ah6Listing = listed("ah", "spi:!*", "--ahspi", "spis:!*", "--ahspi", "length:!*", "--ahlen", "reserved", "--ahres")

// listAH6 reads "ah spi:7 length:16 reserved", and "ah spi:7length:16", as iptables 1.8.9 prints it.
func listAH6(words []string) ([]string, int) {
	if len(words) > 1 {
		if i := strings.Index(words[1], "length:"); i > 0 {
			args, taken := ah6Listing(slices.Concat(words[:1], []string{words[1][:i], words[1][i:]}, words[2:]))
			return args, max(0, taken-1)
		}
	}
	return ah6Listing(words)
}

// ah6Meaning is ah_mt6. The walk through the headers ends at this one, which is the packet's protocol then.
func ah6Meaning(_ *Context, m *iptables.Match) packet.Pred {
	return packet.All{packet.Eq(packet.L4Proto, packet.Num(protoAH)), packet.Set(packet.HasTransport), optionsMeaning(m, func(o iptables.Option) packet.Pred {
		switch v := o.Value.(type) {
		case iptables.Range:
			return rangeMeaning(packet.AHSPI, v)
		case uint64: // in bytes, where the header counts words behind the first two
			if v == 0 {
				return nil
			}
			return unitsMeaning(packet.AHLength, v, 4, 2)
		}
		return packet.Eq(packet.AHReserved, packet.Value{})
	})}
}
