package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_mark.c, mark_tg: mark = mark & ~mask ^ value. The other options are other ways to say that one (libxt_MARK.c).
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:      "MARK",
		Options:   markOptions(),
		Canonical: setXmark,
		Check:     checkMark,
		Listing: listed("MARK", "xset *", "--set-xmark", "set *", "--set-xmark", "and *", "--and-mark", "or *", "--or-mark",
			"xor *", "--xor-mark"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		m := t.Options[0].Value.(iptables.MarkMask)
		return stmts(setMark(&nft.Meta{Key: bytecode.MetaMark}, m.Mask, m.Value))
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		m := t.Options[0].Value.(iptables.MarkMask)
		return do(&packet.Write{Field: packet.Mark, Keep: packet.Num(uint64(^m.Mask)), Flip: packet.Num(uint64(m.Value))})
	},
})

// markOptions are the ways to change a mark, which MARK and CONNMARK share.
func markOptions() []*iptables.OptionSpec {
	return []*iptables.OptionSpec{
		{Name: "--set-xmark", Kind: iptables.MaskedMark},
		{Name: "--set-mark", Kind: iptables.MaskedMark},
		{Name: "--and-mark", Kind: iptables.Hex(0, 1<<32-1, 1)},
		{Name: "--or-mark", Kind: iptables.Hex(0, 1<<32-1, 1)},
		{Name: "--xor-mark", Kind: iptables.Hex(0, 1<<32-1, 1)},
	}
}

// setXmark says each other spelling as --set-xmark.
func setXmark(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
	for i, o := range options {
		var m iptables.MarkMask
		switch o.Spec.Name {
		case "--set-mark":
			m = o.Value.(iptables.MarkMask)
			m.Mask |= m.Value
		case "--and-mark":
			m.Mask = ^uint32(o.Value.(uint64))
		case "--or-mark":
			m.Value = uint32(o.Value.(uint64))
			m.Mask = m.Value
		case "--xor-mark":
			m.Value = uint32(o.Value.(uint64))
		default:
			continue
		}
		options[i].Spec, options[i].Value = e.Option("--set-xmark"), m
	}
	return options
}

// setMark writes key = key & ~mask ^ xor, in host order.
func setMark(key nft.Expr, mask, xor uint32) nft.Stmt {
	if mask == ^uint32(0) {
		return &nft.Assign{Key: key, Value: value(host32(xor))}
	}
	return &nft.Assign{Key: key, Value: &nft.MaskXor{Of: key, Mask: host32(^mask), Xor: host32(xor)}}
}

func checkMark(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	if len(options) != 1 {
		return &iptables.Problem{Pos: r.Target.Pos, Ext: "MARK", Msg: "needs one option that says how to change the mark"}
	}
	return nil
}
