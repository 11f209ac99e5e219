package ext

import (
	"rechain/nft"
	"rechain/translate/iptables"
)

// ipRouting is the protocol number of the routing header.
const ipRouting = 43

// exthdrPresent is NFT_EXTHDR_F_PRESENT.
const exthdrPresent = 1

// routing is a byte of the routing header (struct ipv6_rt_hdr). Without the header neither engine's answer is yes, inverted or not.
func routing(offset uint32) *nft.Exthdr { return &nft.Exthdr{Type: ipRouting, Offset: offset, Len: 1} }

// ip6t_rt.c, rt_mt6.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:     "rt",
		Families: []iptables.Family{iptables.IPv6},
		Options: []*iptables.OptionSpec{
			{Name: "--rt-type", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--rt-segsleft", Kind: iptables.UintRange(0, 255, ":"), Neg: true},
		},
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		if len(m.Options) == 0 {
			return present(&nft.Exthdr{Type: ipRouting, Len: 1, Flags: exthdrPresent}, []byte{1})
		}
		var all All
		for _, o := range m.Options {
			switch v := o.Value.(type) {
			case uint64:
				all = append(all, negated(present(routing(2), []byte{uint8(v)}), o.Neg))
			case iptables.Range:
				all = append(all, negated(within(routing(3), []byte{uint8(v.Lo)}, []byte{uint8(v.Hi)}), o.Neg))
			}
		}
		return all
	},
})
