package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// numberIn tests a datum in network order against a range; encode makes such data. The inverse holds where the datum is there, and
// is not in the range. It is nil when the range is all that there is, 0 to max.
func numberIn(left nft.Expr, r iptables.Range, max uint64, encode func(uint64) []byte) *Test {
	pair := func(is, isnt bytecode.CmpOp, right nft.Expr) *Test {
		return &Test{
			Stmts:   []nft.Stmt{&nft.Match{Op: is, Left: left, Right: right}},
			Inverse: []nft.Stmt{&nft.Match{Op: isnt, Left: left, Right: right}},
		}
	}
	switch {
	case r.Lo == 0 && r.Hi == max:
		return nil
	case r.Lo == r.Hi:
		return pair(bytecode.CmpEq, bytecode.CmpNeq, value(encode(r.Lo)))
	case r.Hi == max:
		return pair(bytecode.CmpGte, bytecode.CmpLt, value(encode(r.Lo)))
	}
	return pair(bytecode.CmpEq, bytecode.CmpNeq, &nft.Range{From: encode(r.Lo), To: encode(r.Hi)})
}
