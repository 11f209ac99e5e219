package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_mark.c, mark_mt. Every packet has a mark.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "mark",
		Options: []*iptables.OptionSpec{{Name: "--mark", Kind: iptables.Mark, Neg: true, Required: true}},
		Listing: listMark("mark"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		return negated(marked(&nft.Meta{Key: bytecode.MetaMark}, m.Options[0].Value.(iptables.MarkMask)), m.Options[0].Neg)
	},
})

// marked tests a mark under a mask. A value with bits outside the mask never matches, as in the kernel's comparison.
func marked(left nft.Expr, m iptables.MarkMask) Cond {
	if m.Value&^m.Mask != 0 {
		return Any{}
	}
	return masked(left, m.Mask, m.Value)
}
