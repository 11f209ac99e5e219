package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// addrsKind is iptables.AddressRange, but printed always with both ends.
type addrsKind struct{ iptables.Kind }

func (k addrsKind) Format(v any) string {
	if r := v.(iptables.Addrs); r.Lo == r.Hi {
		one := k.Kind.Format(v)
		return one + "-" + one
	}
	return k.Kind.Format(v)
}

// xt_iprange.c, iprange_mt4 and iprange_mt6.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "iprange",
		Options: []*iptables.OptionSpec{
			{Name: "--src-range", Kind: addrsKind{iptables.AddressRange}, Neg: true},
			{Name: "--dst-range", Kind: addrsKind{iptables.AddressRange}, Neg: true},
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if len(options) == 0 {
				return &iptables.Problem{Pos: r.Pos, Ext: "iprange", Msg: "needs --src-range or --dst-range"}
			}
			return nil
		},
		Listing: listed("", "source IP range ! *", "--src-range", "destination IP range ! *", "--dst-range"),
	},
	Meaning: iprangeMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			r, field := o.Value.(iptables.Addrs), sourceAddress(c.Family)
			if o.Spec.Name == "--dst-range" {
				field = destinationAddress(c.Family)
			}
			all = append(all, negated(within(field, r.Lo.AsSlice(), r.Hi.AsSlice()), o.Neg))
		}
		return all
	},
})

// iprangeMeaning is iprange_mt4 and iprange_mt6.
func iprangeMeaning(c *Context, m *iptables.Match) packet.Pred {
	return optionsMeaning(m, func(o iptables.Option) packet.Pred {
		r := o.Value.(iptables.Addrs)
		return packet.Between(addressField(c.Family, o.Spec.Name == "--dst-range"), packet.FromBytes(r.Lo.AsSlice()), packet.FromBytes(r.Hi.AsSlice()))
	})
}
