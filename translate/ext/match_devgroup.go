package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_devgroup.c, devgroup_mt. Which hooks have the device is checked on both sides, so that it is never missing.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "devgroup",
		Options: []*iptables.OptionSpec{
			{Name: "--src-group", Kind: zeroNamed("default"), Neg: true},
			{Name: "--dst-group", Kind: zeroNamed("default"), Neg: true},
		},
		Check:   checkDevgroup,
		Listing: listed("", "! src-group *", "--src-group", "! dst-group *", "--dst-group"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			key := bytecode.MetaIifgroup
			if o.Spec.Name == "--dst-group" {
				key = bytecode.MetaOifgroup
			}
			v := o.Value.(iptables.MarkMask)
			all = append(all, negated(masked(&nft.Meta{Key: key}, v.Mask, v.Value&v.Mask), o.Neg))
		}
		return all
	},
})

func checkDevgroup(r *iptables.Rule, options []iptables.Option, _, chain string) *iptables.Problem {
	m := iptables.Match{Options: options}
	src, in := m.Get("--src-group")
	dst, out := m.Get("--dst-group")
	switch {
	case !in && !out:
		return &iptables.Problem{Pos: r.Pos, Ext: "devgroup", Msg: "needs --src-group or --dst-group"}
	case in && (chain == "OUTPUT" || chain == "POSTROUTING"):
		return &iptables.Problem{Pos: src.Pos, Ext: "devgroup", Msg: "--src-group has no meaning in " + chain}
	case out && (chain == "PREROUTING" || chain == "INPUT"):
		return &iptables.Problem{Pos: dst.Pos, Ext: "devgroup", Msg: "--dst-group has no meaning in " + chain}
	}
	return nil
}
