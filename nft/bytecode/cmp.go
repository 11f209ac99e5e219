package bytecode

import "fmt"

// CmpOp is a comparison (enum nft_cmp_ops).
type CmpOp uint32

// The comparisons. They compare bytes, so an ordered one wants network order.
const (
	CmpEq  CmpOp = 0
	CmpNeq CmpOp = 1
	CmpLt  CmpOp = 2
	CmpLte CmpOp = 3
	CmpGt  CmpOp = 4
	CmpGte CmpOp = 5
)

var cmpNames = []string{"eq", "neq", "lt", "lte", "gt", "gte"}

func (c CmpOp) String() string { return nameOf(cmpNames, c) }

// Cmp compares the first len(Data) bytes of Src with Data (nft_cmp.c).
type Cmp struct {
	Op   CmpOp
	Src  Reg
	Data []byte
}

// enum nft_cmp_attributes.
const (
	nftaCmpSreg = 1
	nftaCmpOp   = 2
	nftaCmpData = 3
)

func (o *Cmp) Name() string   { return "cmp" }
func (o *Cmp) String() string { return fmt.Sprintf("cmp %s reg %d %s", o.Op, o.Src, words(o.Data)) }

func (o *Cmp) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaCmpSreg, o.Src)
	b = AppendU32(b, nftaCmpOp, uint32(o.Op))
	return AppendData(b, nftaCmpData, o.Data)
}

func (o *Cmp) take(a Attr) bool {
	switch a.Type {
	case nftaCmpSreg:
		return set32(a, &o.Src)
	case nftaCmpOp:
		return set32(a, &o.Op)
	case nftaCmpData:
		return setData(a, &o.Data)
	}
	return false
}

// Range tests From <= Src <= To, or its opposite when Neq (nft_range.c).
type Range struct {
	Neq      bool
	Src      Reg
	From, To []byte
}

// enum nft_range_attributes.
const (
	nftaRangeSreg     = 1
	nftaRangeOp       = 2 // 0 equal, 1 not
	nftaRangeFromData = 3
	nftaRangeToData   = 4
)

func (o *Range) Name() string { return "range" }
func (o *Range) String() string {
	op := CmpEq
	if o.Neq {
		op = CmpNeq
	}
	return fmt.Sprintf("range %s reg %d %s %s", op, o.Src, words(o.From), words(o.To))
}

func (o *Range) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaRangeSreg, o.Src)
	b = AppendU32(b, nftaRangeOp, bit(o.Neq))
	b = AppendData(b, nftaRangeFromData, o.From)
	return AppendData(b, nftaRangeToData, o.To)
}

func (o *Range) take(a Attr) bool {
	switch a.Type {
	case nftaRangeSreg:
		return set32(a, &o.Src)
	case nftaRangeOp:
		return setBit(a, &o.Neq)
	case nftaRangeFromData:
		return setData(a, &o.From)
	case nftaRangeToData:
		return setData(a, &o.To)
	}
	return false
}

func bit(set bool) uint32 {
	if set {
		return 1
	}
	return 0
}
