package ext

import (
	"fmt"
	"math"
	"math/bits"
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
		nfmask, ctmask := connmarkMasks(t)
		switch {
		case has(t, "--save-mark"):
			return saveMark(c, nfmask, ctmask)
		case has(t, "--restore-mark"):
			return restoreMark(nfmask, ctmask)
		}
		m := t.Options[0].Value.(iptables.MarkMask)
		return stmts(setMark(ctmark, m.Mask, m.Value))
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

// The two marks.
var nfmark, ctmark = &nft.Meta{Key: bytecode.MetaMark}, &nft.CT{Key: bytecode.CtMark}

// wholeMark gives a mark those bits of another, and no more.
func wholeMark(to, from nft.Expr, mask uint32) Action {
	if mask == math.MaxUint32 {
		return stmts(&nft.Assign{Key: to, Value: from})
	}
	return stmts(&nft.Assign{Key: to, Value: &nft.MaskXor{Of: from, Mask: host32(mask), Xor: host32(0)}})
}

// Where a mark keeps some of its bits, both marks are combined bit by bit: the kernel combines two registers only since Linux 6.13, and nft
// before 1.1 aborts on any list with such a rule.

// restoreMark writes mark = mark & ~nfmask ^ (connection's & ctmask). Nobody sees the packet's mark before it is whole.
func restoreMark(nfmask, ctmask uint32) Action {
	if nfmask == math.MaxUint32 {
		return wholeMark(nfmark, ctmark, ctmask)
	}
	a := Action{Once: true}
	add := func(when *Test, s nft.Stmt) { a.Rules = append(a.Rules, append(slices.Clip(when.Stmts), s)) }
	if nfmask != 0 || ctmask == 0 {
		add(tracked(), setMark(nfmark, nfmask, 0))
	}
	for rest := ctmask; rest != 0; rest &= rest - 1 {
		bit := rest & -rest
		add(anyBit(ctmark, bit, false), setMark(nfmark, 0, bit))
	}
	return a
}

// saveMark writes connection's = connection's & ~ctmask ^ (mark & nfmask). What others see is their connection's mark, and an event tells
// of each change: so there is a rule for each value of a few bits, which writes these at once, and the kernel leaves alone what they are
// already (nft_ct_set_eval). With up to four bits all is as in connmark_tg. With more, other packets of the connection may, on another
// processor, meet a mark of which some bits are new and some are not yet.
func saveMark(c *Context, nfmask, ctmask uint32) Action {
	switch {
	case ctmask == math.MaxUint32:
		return wholeMark(ctmark, nfmark, nfmask)
	case nfmask == 0:
		return stmts(setMark(ctmark, ctmask, 0))
	}
	chain := c.chainNamed(fmt.Sprintf("save-mark-%#x-of-%#x", ctmask, nfmask), func(say func(...nft.Stmt)) {
		clear := ctmask &^ nfmask
		for _, piece := range markPieces(nfmask) {
			clear |= piece & ctmask
			for v := uint32(0); ; v = (v - piece) & piece { // all its values, in their order
				if clear|v != 0 {
					say(present(&nft.MaskXor{Of: nfmark, Mask: host32(piece), Xor: host32(0)}, host32(v)).Stmts[0], setMark(ctmark, clear, v))
				}
				if v == piece {
					break
				}
			}
			clear = 0
		}
	})
	return stmts(&nft.Verdict{Code: bytecode.Jump, Chain: chain.Name})
}

// markPieces are a mask's bits: all together where they are no more than four, else by twos, which takes no more rules than one by one.
func markPieces(mask uint32) (pieces []uint32) {
	size := 4
	if bits.OnesCount32(mask) > size {
		size = 2
	}
	for n := 0; mask != 0; n++ {
		if n%size == 0 {
			pieces = append(pieces, 0)
		}
		pieces[n/size] |= mask & -mask
		mask &= mask - 1
	}
	return pieces
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
