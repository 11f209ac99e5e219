package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_connmark.c, connmark_tg. A packet without a connection goes on unchanged, and so it does in nft: ct set does nothing, and a
// load that fails ends a rule that has no more to do.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "CONNMARK",
		Options: []*iptables.OptionSpec{
			{Name: "--set-xmark", Kind: iptables.MaskedMark},
			{Name: "--set-mark", Kind: iptables.MaskedMark},
			{Name: "--and-mark", Kind: iptables.Hex(0, 1<<32-1, 1)},
			{Name: "--or-mark", Kind: iptables.Hex(0, 1<<32-1, 1)},
			{Name: "--xor-mark", Kind: iptables.Hex(0, 1<<32-1, 1)},
			{Name: "--save-mark", Kind: iptables.Flag},
			{Name: "--restore-mark", Kind: iptables.Flag},
			{Name: "--nfmask", Kind: iptables.Hex(0, 1<<32-1, 1)},
			{Name: "--ctmask", Kind: iptables.Hex(0, 1<<32-1, 1)},
			{Name: "--mask", Kind: iptables.Hex(0, 1<<32-1, 1)},
		},
		Canonical: setXmark,
		Check:     checkConnmark,
		Listing:   listConnmark,
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		packet, connection := &nft.Meta{Key: bytecode.MetaMark}, &nft.CT{Key: bytecode.CtMark}
		nfmask, ctmask := connmarkMasks(t)
		if _, save := t.Get("--save-mark"); save {
			return stmts(copyMark(connection, ctmask, packet, nfmask))
		}
		if _, restore := t.Get("--restore-mark"); restore {
			return stmts(copyMark(packet, nfmask, connection, ctmask))
		}
		m := t.Options[0].Value.(iptables.MarkMask)
		return stmts(setMark(connection, m.Mask, m.Value))
	},
})

func connmarkMasks(t *iptables.Target) (nfmask, ctmask uint32) {
	nfmask, ctmask = ^uint32(0), ^uint32(0)
	for _, o := range t.Options {
		switch o.Spec.Name {
		case "--nfmask":
			nfmask = uint32(o.Value.(uint64))
		case "--ctmask":
			ctmask = uint32(o.Value.(uint64))
		case "--mask":
			nfmask = uint32(o.Value.(uint64))
			ctmask = nfmask
		}
	}
	return nfmask, ctmask
}

// copyMark writes to = to & ~toMask ^ (from & fromMask). Two registers are combined only since Linux 6.13, so that is kept for
// masks that need it.
func copyMark(to nft.Expr, toMask uint32, from nft.Expr, fromMask uint32) nft.Stmt {
	value := from
	if fromMask != ^uint32(0) {
		value = &nft.MaskXor{Of: from, Mask: host32(fromMask), Xor: host32(0)}
	}
	if toMask != ^uint32(0) {
		kept := &nft.MaskXor{Of: to, Mask: host32(^toMask), Xor: host32(0)}
		value = &nft.Binary{Op: bytecode.BitwiseXor, A: kept, B: value, Len: 4}
	}
	return &nft.Assign{Key: to, Value: value}
}

func checkConnmark(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	acts := 0
	for _, o := range options {
		switch o.Spec.Name {
		case "--nfmask", "--ctmask", "--mask":
		default:
			acts++
		}
	}
	if acts != 1 {
		return &iptables.Problem{Pos: r.Target.Pos, Ext: "CONNMARK", Msg: "needs one option that says how to change the mark"}
	}
	return nil
}
