package ext

import (
	"math"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_connmark.c, connmark_tg. A packet without a connection goes on unchanged, and so it does in nft: ct set does nothing, and a
// load that fails ends a rule that has no more to do.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "CONNMARK",
		Options: append(markOptions(),
			&iptables.OptionSpec{Name: "--save-mark", Kind: iptables.Flag},
			&iptables.OptionSpec{Name: "--restore-mark", Kind: iptables.Flag},
			&iptables.OptionSpec{Name: "--nfmask", Kind: iptables.Hex(0, 1<<32-1, 1)},
			&iptables.OptionSpec{Name: "--ctmask", Kind: iptables.Hex(0, 1<<32-1, 1)},
			&iptables.OptionSpec{Name: "--mask", Kind: iptables.Hex(0, 1<<32-1, 1), Excludes: []string{"--nfmask", "--ctmask"}},
		),
		Canonical: canonicalConnmark,
		Check:     checkConnmark,
		Listing: listed("CONNMARK", "save mask *", "--save-mark --mask", "restore mask *", "--restore-mark --mask",
			"save nfmask * ctmask ~*", "--save-mark --nfmask $1 --ctmask $2",
			"restore ctmask * nfmask ~*", "--restore-mark --ctmask $1 --nfmask $2", "save", "--save-mark",
			"restore", "--restore-mark", "xset *", "--set-xmark", "set *", "--set-xmark", "and *", "--and-mark", "or *", "--or-mark",
			"xor *", "--xor-mark"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		mark, connection := &nft.Meta{Key: bytecode.MetaMark}, &nft.CT{Key: bytecode.CtMark}
		nfmask, ctmask := connmarkMasks(t)
		if _, save := t.Get("--save-mark"); save {
			return copyMark(connection, ctmask, mark, nfmask)
		}
		if _, restore := t.Get("--restore-mark"); restore {
			return copyMark(mark, nfmask, connection, ctmask)
		}
		m := t.Options[0].Value.(iptables.MarkMask)
		return stmts(setMark(connection, m.Mask, m.Value))
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		nfmask, ctmask := connmarkMasks(t)
		var x packet.Effect
		switch {
		case has(t, "--save-mark"):
			x = &packet.Copy{To: packet.CTMark, From: packet.Mark, Keep: packet.Num(uint64(^ctmask)), Bits: packet.Num(uint64(nfmask))}
		case has(t, "--restore-mark"):
			x = &packet.Copy{To: packet.Mark, From: packet.CTMark, Keep: packet.Num(uint64(^nfmask)), Bits: packet.Num(uint64(ctmask))}
		default:
			m := t.Options[0].Value.(iptables.MarkMask)
			x = &packet.Write{Field: packet.CTMark, Keep: packet.Num(uint64(^m.Mask)), Flip: packet.Num(uint64(m.Value))}
		}
		return []packet.Step{&packet.Choose{Cases: []packet.Case{{When: packet.Tracked, Steps: do(x)}, {When: packet.All{}}}}}
	},
})

// canonicalConnmark says --mask as the two masks that it is, and both where none was given.
func canonicalConnmark(e *iptables.Extension, options []iptables.Option, f iptables.Family) []iptables.Option {
	all := any(uint64(math.MaxUint32))
	copies := false
	var rest []iptables.Option
	for _, o := range options {
		switch o.Spec.Name {
		case "--mask":
			all = o.Value
			continue
		case "--save-mark", "--restore-mark":
			copies = true
		}
		rest = append(rest, o)
	}
	if !copies {
		return setXmark(e, options, f)
	}
	return withDefault(e, withDefault(e, rest, "--nfmask", all), "--ctmask", all)
}

func connmarkMasks(t *iptables.Target) (nfmask, ctmask uint32) {
	for _, o := range t.Options {
		switch o.Spec.Name {
		case "--nfmask":
			nfmask = uint32(o.Value.(uint64))
		case "--ctmask":
			ctmask = uint32(o.Value.(uint64))
		}
	}
	return nfmask, ctmask
}

// copyMark writes to = to & ~toMask ^ (from & fromMask). Where bits of both remain this goes bit by bit: the kernel combines two
// registers only since Linux 6.13, and nft before 1.1 aborts on any list with such a rule.
func copyMark(to nft.Expr, toMask uint32, from nft.Expr, fromMask uint32) Action {
	switch {
	case toMask == math.MaxUint32 && fromMask == math.MaxUint32:
		return stmts(&nft.Assign{Key: to, Value: from})
	case toMask == math.MaxUint32:
		return stmts(&nft.Assign{Key: to, Value: &nft.MaskXor{Of: from, Mask: host32(fromMask), Xor: host32(0)}})
	}
	a := Action{Once: true}
	add := func(when *Test, s nft.Stmt) { a.Rules = append(a.Rules, append(slices.Clip(when.Stmts), s)) }
	if toMask != 0 || fromMask == 0 {
		add(tracked(), setMark(to, toMask, 0))
	}
	for rest := fromMask; rest != 0; rest &= rest - 1 {
		bit := rest & -rest
		add(anyBit(from, bit, false), setMark(to, 0, bit))
	}
	return a
}

func checkConnmark(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	acts, masks, copies := 0, 0, 0
	for _, o := range options {
		switch o.Spec.Name {
		case "--nfmask", "--ctmask", "--mask":
			masks++
			continue
		case "--save-mark", "--restore-mark":
			copies++
		}
		acts++
	}
	if acts != 1 || masks > 0 && copies == 0 {
		return &iptables.Problem{Pos: r.Target.Pos, Ext: "CONNMARK", Msg: "needs one option that says how to change the mark"}
	}
	return nil
}
