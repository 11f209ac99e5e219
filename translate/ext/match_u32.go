package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_u32.c, u32_mt: arithmetic on the packet's bytes, counted from the IP header. Where a place is behind the end of the packet
// the match fails, and then inverts.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "u32",
		Options: []*iptables.OptionSpec{{Name: "--u32", Kind: u32Kind, Neg: true, Required: true}},
		Listing: listed("u32", `! "*"`, "--u32"),
	},
	Limits:  Limits{Refused: "places that the packet names, shifts to the left"},
	Meaning: u32Meaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		var all All
		for _, t := range o.Value.([]u32Test) {
			mask, shift, ok := t.mask()
			if !ok {
				c.Refuse(o.Pos, "u32", "use the matches of the protocol",
					"nftables can neither go to a place that the packet names, nor shift to the left")
				return All{}
			}
			all = append(all, t.values32(mask, shift))
		}
		return negated(all, o.Neg)
	},
})

// mask says operators as one mask over the 4 bytes, and how far the result is shifted to the right. It is false when these are not
// such operators.
func (t u32Test) mask() (mask, shift uint32, ok bool) {
	mask = 1<<32 - 1
	for _, op := range t.ops {
		switch op.name {
		case "&":
			mask &= uint32(uint64(op.n) << shift)
		case ">>":
			shift += op.n
			if op.n > 31 || shift > 31 {
				return 0, 0, false
			}
			mask = mask >> shift << shift
		default:
			return 0, 0, false
		}
	}
	return mask, shift, true
}

// values32 tests for any of the ranges, shifted to where the bits are in the packet.
func (t u32Test) values32(mask, shift uint32) Cond {
	field := nft.Expr(&nft.Payload{Base: bytecode.NetworkHeader, Offset: t.at, Len: 4})
	if mask != 1<<32-1 {
		field = &nft.MaskXor{Of: field, Mask: net32(mask), Xor: net32(0)}
	}
	var any Any
	for _, v := range t.values {
		if v.Lo > v.Hi || v.Lo<<shift > 1<<32-1 {
			continue
		}
		r := iptables.Range{Lo: v.Lo << shift, Hi: min(v.Hi<<shift, 1<<32-1)}
		in := numberIn(field, r, 1<<32, func(n uint64) []byte { return net32(uint32(n)) })
		any = append(any, &Test{Stmts: in.Stmts})
	}
	return any
}

// u32Meaning is u32_match_it: the 4 bytes at a place, counted from the network header, what is done with them, and the ranges. It says
// what bits of the packet those are wherever the place is fixed and no bits come in from the right.
func u32Meaning(c *Context, m *iptables.Match) packet.Pred {
	o := m.Options[0]
	var all packet.All
	for _, t := range o.Value.([]u32Test) {
		number := packet.Ones(32) // which bits of the 4 bytes are still there, moved to the right by so many
		shift := uint(0)
		for _, op := range t.ops {
			switch {
			case op.name == "&":
				number = number.And(packet.Num(uint64(op.n)))
			case op.name == ">>" && op.n < 32:
				number = number.Shr(uint(op.n))
				shift += uint(op.n)
			default:
				return opaqueMatch(m, false)
			}
		}
		if shift > 31 {
			return opaqueMatch(m, false)
		}
		all = append(all, wordMeaning(packet.At(c.Family == iptables.IPv6, 0, packet.NetworkHeader, 8*t.at, 32), number, shift, t.values))
	}
	return packet.Negate(all, o.Neg)
}

// wordMeaning says that the bits of a word that a mask has, moved to the right, are a number in one of the ranges.
func wordMeaning(word []packet.Part, mask packet.Value, shift uint, ranges []iptables.Range) packet.Pred {
	var kept []packet.Part
	var zeros []bool // below, which bits of the number are always 0
	for i := range uint(32) {
		n := 31 - i // of the word
		there := n >= shift && mask.Bit(n-shift)
		if n >= shift {
			zeros = append(zeros, !there)
		}
		if there {
			kept = append(kept, partBit(word, i))
		}
	}
	var any packet.Any
	for _, r := range ranges {
		any = append(any, numberMeaning(kept, zeros, r))
	}
	return any
}

// partBit is the i-th bit of parts, from the left.
func partBit(parts []packet.Part, i uint) packet.Part {
	for _, p := range parts {
		if i < uint(p.Bits) {
			return packet.Part{Field: p.Field, Low: p.Low + p.Bits - 1 - uint8(i), Bits: 1}
		}
		i -= uint(p.Bits)
	}
	panic("ext: no such bit")
}

// numberMeaning says that a number, some bits of which are always 0 and the others kept, lies in a range: it is compared bit by bit with
// each end.
func numberMeaning(kept []packet.Part, zeros []bool, r iptables.Range) packet.Pred {
	atLeast, atMost := packet.Pred(packet.All{}), packet.Pred(packet.All{})
	if r.Lo > r.Hi || r.Lo>>len(zeros) != 0 {
		return packet.Any{}
	}
	next := len(kept)
	for i := len(zeros) - 1; i >= 0; i-- {
		n := uint(len(zeros) - 1 - i)
		lo, hi := r.Lo>>n&1 != 0, r.Hi>>n&1 != 0 || r.Hi>>len(zeros) != 0
		var one packet.Pred = packet.Any{}
		if !zeros[i] {
			next--
			p := kept[next]
			bit := packet.Num(1).Shl(uint(p.Low))
			one = packet.Test(p.Field, bit, bit)
		}
		if lo {
			atLeast = packet.All{one, atLeast}
		} else {
			atLeast = packet.Any{one, atLeast}
		}
		if hi {
			atMost = packet.Any{packet.Not{P: one}, atMost}
		} else {
			atMost = packet.All{packet.Not{P: one}, atMost}
		}
	}
	return packet.All{atLeast, atMost}
}
