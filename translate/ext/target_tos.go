package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_DSCP.c, tos_tg: tos = tos & ~mask ^ value. The other options are other ways to say that one (libxt_TOS.c).
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "TOS",
		Options: []*iptables.OptionSpec{
			{Name: "--set-tos", Kind: tosKind},
			{Name: "--and-tos", Kind: iptables.Uint(0, 255)},
			{Name: "--or-tos", Kind: iptables.Uint(0, 255)},
			{Name: "--xor-tos", Kind: iptables.Uint(0, 255)},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			for i, o := range options {
				var t tosMask
				n, _ := o.Value.(uint64)
				switch o.Spec.Name {
				case "--and-tos":
					t.Mask = ^uint8(n)
				case "--or-tos":
					t = tosMask{uint8(n), uint8(n)}
				case "--xor-tos":
					t.Value = uint8(n)
				default:
					continue
				}
				options[i].Spec, options[i].Value = e.Option("--set-tos"), t
			}
			return options
		},
		Check: both(onlyIn("mangle"), oneOption("TOS", "how to change the field")),
		// iptables 1.8.9 forgets the blank before a name.
		Listing: listed("TOS", "set *", "--set-tos", "set*", "--set-tos", "and *", "--and-tos", "or *", "--or-tos", "xor *", "--xor-tos"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		v := t.Options[0].Value.(tosMask)
		return stmts(setTOS(c, v.Mask, v.Value)...)
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		v := t.Options[0].Value.(tosMask)
		part := func(f packet.Field, low uint) packet.Step { // ipv4_change_dsfield and ipv6_change_dsfield
			keep := packet.Num(uint64(^v.Mask)).Shr(low).And(packet.Ones(uint(f.Bits)))
			flip := packet.Num(uint64(v.Value)).Shr(low).And(packet.Ones(uint(f.Bits)))
			return &packet.Do{Effect: &packet.Write{Field: f, Keep: keep, Flip: flip}}
		}
		return []packet.Step{part(packet.DSCP, 2), part(packet.ECN, 0)}
	},
})
