package ext

import (
	"math"

	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// ipFragment is the protocol number of the fragment header.
const ipFragment = 44

// ip6t_frag.c, frag_mt6 (struct frag_hdr). A packet without the header matches neither way. The kernel does not look at --fraglen.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:     "frag",
		Families: []iptables.Family{iptables.IPv6},
		Options: []*iptables.OptionSpec{
			{Name: "--fragid", Kind: spiKind{spiRange}, Neg: true},
			{Name: "--fraglen", Kind: iptables.Uint(0, math.MaxUint32), Neg: true},
			{Name: "--fragres", Kind: iptables.Flag},
			{Name: "--fragfirst", Kind: iptables.Flag},
			{Name: "--fragmore", Kind: iptables.Flag, Excludes: []string{"--fraglast"}},
			{Name: "--fraglast", Kind: iptables.Flag},
		},
		Listing: listed("frag", "id:!*", "--fragid", "ids:!*", "--fragid", "length:!*", "--fraglen", "reserved", "--fragres",
			"first", "--fragfirst", "more", "--fragmore", "last", "--fraglast"),
	},
	Meaning: fragMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		all := All{present(&nft.Exthdr{Type: ipFragment, Len: 1, Flags: exthdrPresent}, []byte{1})}
		bits := func(offset uint32, mask, want []byte) {
			field := &nft.Exthdr{Type: ipFragment, Offset: offset, Len: uint32(len(mask))}
			all = append(all, present(&nft.MaskXor{Of: field, Mask: mask, Xor: make([]byte, len(mask))}, want))
		}
		for _, o := range m.Options {
			switch o.Spec.Name {
			case "--fragid":
				id := &nft.Exthdr{Type: ipFragment, Offset: 4, Len: 4}
				in := numberIn(id, o.Value.(iptables.Range), math.MaxUint32, func(v uint64) []byte { return net32(uint32(v)) })
				switch {
				case in != nil:
					all = append(all, negated(in, o.Neg))
				case o.Neg:
					all = append(all, Any{})
				}
			case "--fragres": // the reserved byte, and the two bits behind the offset
				all = append(all, present(&nft.Exthdr{Type: ipFragment, Offset: 1, Len: 1}, []byte{0}))
				bits(2, []byte{0, 6}, []byte{0, 0})
			case "--fragfirst":
				bits(2, []byte{0xff, 0xf8}, []byte{0, 0})
			case "--fragmore":
				bits(2, []byte{0, 1}, []byte{0, 1})
			case "--fraglast":
				bits(2, []byte{0, 1}, []byte{0, 0})
			}
		}
		return all
	},
})

// fragMeaning is frag_mt6. The field of 16 bits at 2 has the offset, two reserved bits, and the bit for more fragments.
func fragMeaning(_ *Context, m *iptables.Match) packet.Pred {
	all := packet.All{packet.Extended(ipFragment)}
	at := func(offset, n uint32) []packet.Part { return packet.Extension(ipFragment, offset, n) }
	for _, o := range m.Options {
		switch o.Spec.Name {
		case "--fragid":
			all = append(all, packet.Negate(packet.PartsIn(at(4, 4), []packet.Range{rangeOf(o.Value.(iptables.Range))}), o.Neg))
		case "--fragres":
			all = append(all, packet.PartsTest(at(1, 1), packet.Ones(8), packet.Value{}), packet.PartsTest(at(2, 2), packet.Num(6), packet.Value{}))
		case "--fragfirst":
			all = append(all, packet.PartsTest(at(2, 2), packet.Num(0xfff8), packet.Value{}))
		case "--fragmore":
			all = append(all, packet.PartsTest(at(2, 2), packet.Num(1), packet.Num(1)))
		case "--fraglast":
			all = append(all, packet.PartsTest(at(2, 2), packet.Num(1), packet.Value{}))
		}
	}
	return all
}
