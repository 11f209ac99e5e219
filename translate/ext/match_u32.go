package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
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
	Limits: Limits{Refused: "places that the packet names, shifts to the left"},
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
