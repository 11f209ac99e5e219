package ext

import (
	"fmt"
	"slices"

	"rechain/nft/packet"
	"rechain/translate/iptables"
)

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
	Header:  Header{Size: 12},
	Meaning: sctpMeaning,
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

// sctpMeaning is sctp_mt, and match_packet for the chunks.
func sctpMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return packet.All{firstFragment, optionsMeaning(m, func(o iptables.Option) packet.Pred {
		if v, ok := o.Value.(iptables.Ports); ok {
			return portMeaning(portField(o), []iptables.Ports{v})
		}
		return chunksMeaning(o.Value.(chunkTypes))
	})}
}

// chunksMeaning says which chunks there are; there is one at least. What matters of flags is any chunk of a type, and for "only" each.
func chunksMeaning(t chunkTypes) packet.Pred {
	given := map[uint8]packet.Pred{} // whether one of the type is there that fits
	every := map[uint8]packet.Pred{} // whether all of the type fit
	for n := range 256 {
		typ := uint8(n)
		i := slices.IndexFunc(t.list, func(c chunkTest) bool { return sctpChunks[c.at].number == typ })
		if i < 0 && t.set != "ALL" {
			every[typ] = packet.Not{P: packet.Set(packet.HasChunk(typ))}
			continue
		}
		given[typ], every[typ] = packet.Set(packet.HasChunk(typ)), packet.All{}
		if i >= 0 && t.list[i].mask != 0 {
			flags := fmt.Sprintf("sctp chunk %d has flags %#x of %#x", typ, t.list[i].want, t.list[i].mask)
			given[typ] = packet.All{given[typ], &packet.Opaque{Key: flags}}
			every[typ] = packet.Any{packet.Not{P: packet.Set(packet.HasChunk(typ))}, &packet.Opaque{Key: "each " + flags}}
		}
	}
	var any packet.Any
	var all, only packet.All
	for n := range 256 {
		if p := given[uint8(n)]; p != nil {
			any, all = append(any, p), append(all, p)
		}
		only = append(only, every[uint8(n)])
	}
	switch {
	case t.quantity == "all":
		return all
	case t.set == "ALL":
		return packet.All{}
	case t.set == "NONE":
		return packet.Any{}
	case t.quantity == "only":
		return only
	}
	return any
}
