package ext

import (
	"rechain/nft"
	"rechain/translate/iptables"
)

// protoMobility is the protocol number of the mobility header.
const protoMobility = 135

// ip6t_mh.c, mh_mt6: the message's type, at offset 2 of struct ip6_mh.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "mh",
		Families:  []iptables.Family{iptables.IPv6},
		Protocols: []uint8{protoMobility},
		Options:   []*iptables.OptionSpec{{Name: "--mh-type", Kind: mobilityKind{iptables.UintRange(0, 255, ":")}, Neg: true}},
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			kind := &nft.Exthdr{Type: protoMobility, Offset: 2, Len: 1}
			in := Cond(All{})
			if t := numberIn(kind, o.Value.(iptables.Range), 255, func(v uint64) []byte { return []byte{uint8(v)} }); t != nil {
				in = t
			}
			all = append(all, negated(in, o.Neg))
		}
		return all
	},
})

// mobilityKind leaves out all types.
type mobilityKind struct{ iptables.Kind }

func (mobilityKind) Vacuous(v any) bool { return v.(iptables.Range) == iptables.Range{Lo: 0, Hi: 255} }
