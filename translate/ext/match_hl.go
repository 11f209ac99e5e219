package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// The hop limit is at offset 7 of struct ipv6hdr.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{Name: "hl", Families: []iptables.Family{iptables.IPv6}, Options: ttlOptions("--hl-"), Check: checkTTL("hl"),
		Listing: listed("HL match HL", "== *", "--hl-eq", "!= *", "! --hl-eq", "< *", "--hl-lt", "> *", "--hl-gt")},
	Meaning: hlMeaning,
	Lower:   func(c *Context, m *iptables.Match) Cond { return comparesTTL(7, m.Options[0]) },
})

// hlMeaning is hl_mt6, and ttl_mt.
func hlMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return optionsMeaning(m, func(o iptables.Option) packet.Pred {
		n, most := o.Value.(uint64), packet.Ones(8)
		switch o.Spec.Name[len(o.Spec.Name)-2:] {
		case "lt":
			if n == 0 {
				return packet.Any{}
			}
			return packet.Between(packet.TTL, packet.Value{}, packet.Num(n-1))
		case "gt":
			return packet.Between(packet.TTL, packet.Num(n+1), most)
		}
		return packet.Eq(packet.TTL, packet.Num(n))
	})
}
