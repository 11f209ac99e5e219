package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_realm.c, realm_mt: the realm of the packet's route.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:     "realm",
		Families: []iptables.Family{iptables.IPv4},
		Options:  []*iptables.OptionSpec{{Name: "--realm", Kind: zeroNamed("cosmos"), Neg: true, Required: true}},
		Check: func(r *iptables.Rule, _ []iptables.Option, _, chain string) *iptables.Problem {
			if chain == "PREROUTING" {
				return &iptables.Problem{Pos: r.Pos, Ext: "realm", Msg: "has no meaning in PREROUTING, where the packet has no route yet"}
			}
			return nil
		},
		Listing: listed("", "! realm *", "--realm"),
	},
	Meaning: realmMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		v := m.Options[0].Value.(iptables.MarkMask)
		return negated(masked(&nft.Meta{Key: bytecode.MetaRtclassid}, v.Mask, v.Value), m.Options[0].Neg)
	},
})

// realmMeaning is realm_mt, which stands only where a packet has a route.
func realmMeaning(_ *Context, m *iptables.Match) packet.Pred {
	o := m.Options[0]
	return packet.All{packet.Set(packet.HasRoute), packet.Negate(markMeaning(packet.Realm, o.Value.(iptables.MarkMask)), o.Neg)}
}
