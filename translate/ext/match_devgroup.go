package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
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
	Meaning: devgroupMeaning,
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

// devgroupMeaning is devgroup_mt: the group of a device and the rule's do not differ in the bits of the mask. It stands only where there is
// such a device.
func devgroupMeaning(_ *Context, m *iptables.Match) packet.Pred {
	var all packet.All
	for _, o := range m.Options {
		device, group := packet.Iif, packet.IifGroup
		if o.Spec.Name == "--dst-group" {
			device, group = packet.Oif, packet.OifGroup
		}
		v := o.Value.(iptables.MarkMask)
		v.Value &= v.Mask
		all = append(all, packet.Not{P: packet.Eq(device, packet.Value{})}, packet.Negate(markMeaning(group, v), o.Neg))
	}
	return all
}
