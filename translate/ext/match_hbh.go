package ext

import (
	"rechain/nft"
	"rechain/translate/iptables"
)

// Protocol numbers of the two headers with options.
const (
	ipHopByHop    = 0
	ipDestination = 60
)

// optionsHeader is hbh or dst, which are one module (ip6t_hbh.c, hbh_mt6). The length is in bytes, while the header counts units of
// 8 behind the first. A packet without the header matches neither way.
func optionsHeader(name string, kind uint8) *Match {
	return &Match{
		Extension: iptables.Extension{
			Name:     name,
			Families: []iptables.Family{iptables.IPv6},
			Options: []*iptables.OptionSpec{
				{Name: "--" + name + "-len", Kind: iptables.Uint(0, 1<<32-1), Neg: true},
				{Name: "--" + name + "-opts", Kind: iptables.Name(255)},
			},
		},
		Limits: Limits{Refused: "--" + name + "-opts"},
		Lower: func(c *Context, m *iptables.Match) Cond {
			all := All{present(&nft.Exthdr{Type: kind, Len: 1, Flags: exthdrPresent}, []byte{1})}
			for _, o := range m.Options {
				n, ok := o.Value.(uint64)
				if !ok {
					c.Refuse(o.Pos, name, "look for the header alone", "nftables cannot look into the options of this header")
					continue
				}
				length := Cond(Any{}) // which no header has
				if n >= 8 && n%8 == 0 && n <= 8*256 {
					length = present(&nft.Exthdr{Type: kind, Offset: 1, Len: 1}, []byte{uint8(n/8 - 1)})
				}
				all = append(all, negated(length, o.Neg))
			}
			return all
		},
	}
}

var _ = registerMatch(optionsHeader("hbh", ipHopByHop))
