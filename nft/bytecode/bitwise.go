package bytecode

import "fmt"

// BitwiseOp is the operation of Bitwise (enum nft_bitwise_ops).
type BitwiseOp uint32

// The operations. And, Or and Xor over two registers need Linux 6.13.
const (
	BitwiseMaskXor BitwiseOp = 0 // NFT_BITWISE_MASK_XOR: Dst = Src & Mask ^ Xor
	BitwiseLshift  BitwiseOp = 1
	BitwiseRshift  BitwiseOp = 2
	BitwiseAnd     BitwiseOp = 3
	BitwiseOr      BitwiseOp = 4
	BitwiseXor     BitwiseOp = 5
)

var bitwiseNames = []string{"&", "<<", ">>", "&", "|", "^"}

// Bitwise combines registers (nft_bitwise.c). Mask and Xor belong to BitwiseMaskXor; Data is the shift's width (4 bytes, host
// order) or the second operand; Src2 is the second operand when Data is nil.
type Bitwise struct {
	Op        BitwiseOp
	Src, Dst  Reg
	Len       uint32
	Mask, Xor []byte
	Data      []byte
	Src2      Reg
}

// enum nft_bitwise_attributes.
const (
	nftaBitwiseSreg  = 1
	nftaBitwiseDreg  = 2
	nftaBitwiseLen   = 3
	nftaBitwiseMask  = 4
	nftaBitwiseXor   = 5
	nftaBitwiseOp    = 6
	nftaBitwiseData  = 7
	nftaBitwiseSreg2 = 8
)

func (o *Bitwise) Name() string { return "bitwise" }
func (o *Bitwise) String() string {
	if o.Op == BitwiseMaskXor {
		return fmt.Sprintf("bitwise reg %d = ( reg %d & %s ) ^ %s", o.Dst, o.Src, words(o.Mask), words(o.Xor))
	}
	operand := words(o.Data)
	if o.Data == nil {
		operand = fmt.Sprintf("reg %d", o.Src2)
	}
	return fmt.Sprintf("bitwise reg %d = ( reg %d %s %s )", o.Dst, o.Src, nameOf(bitwiseNames, o.Op), operand)
}

func (o *Bitwise) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaBitwiseSreg, o.Src)
	b = appendReg(b, nftaBitwiseDreg, o.Dst)
	b = AppendU32(b, nftaBitwiseLen, o.Len)
	if o.Op == BitwiseMaskXor { // the default, and all that there is before Linux 5.6: without NFTA_BITWISE_OP
		b = AppendData(b, nftaBitwiseMask, o.Mask)
		return AppendData(b, nftaBitwiseXor, o.Xor)
	}
	b = AppendU32(b, nftaBitwiseOp, uint32(o.Op))
	if o.Data == nil {
		return appendReg(b, nftaBitwiseSreg2, o.Src2)
	}
	return AppendData(b, nftaBitwiseData, o.Data)
}

func (o *Bitwise) take(a Attr) bool {
	switch a.Type {
	case nftaBitwiseSreg:
		return set32(a, &o.Src)
	case nftaBitwiseDreg:
		return set32(a, &o.Dst)
	case nftaBitwiseLen:
		return set32(a, &o.Len)
	case nftaBitwiseMask:
		return setData(a, &o.Mask)
	case nftaBitwiseXor:
		return setData(a, &o.Xor)
	case nftaBitwiseOp:
		return set32(a, &o.Op)
	case nftaBitwiseData:
		return setData(a, &o.Data)
	case nftaBitwiseSreg2:
		return set32(a, &o.Src2)
	}
	return false
}

// Byteorder converts each Size bytes of Len bytes between host and network order (nft_byteorder.c).
type Byteorder struct {
	Src, Dst  Reg
	ToNetwork bool // NFT_BYTEORDER_HTON; else NTOH
	Len, Size uint32
}

// enum nft_byteorder_attributes.
const (
	nftaByteorderSreg = 1
	nftaByteorderDreg = 2
	nftaByteorderOp   = 3 // 0 NTOH, 1 HTON
	nftaByteorderLen  = 4
	nftaByteorderSize = 5
)

var byteorderNames = []string{"ntoh", "hton"}

func (o *Byteorder) Name() string { return "byteorder" }
func (o *Byteorder) String() string {
	return fmt.Sprintf("byteorder reg %d = %s(reg %d, %d, %d)", o.Dst, byteorderNames[bit(o.ToNetwork)], o.Src, o.Size, o.Len)
}

func (o *Byteorder) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaByteorderSreg, o.Src)
	b = appendReg(b, nftaByteorderDreg, o.Dst)
	b = AppendU32(b, nftaByteorderOp, bit(o.ToNetwork))
	b = AppendU32(b, nftaByteorderLen, o.Len)
	return AppendU32(b, nftaByteorderSize, o.Size)
}

func (o *Byteorder) take(a Attr) bool {
	switch a.Type {
	case nftaByteorderSreg:
		return set32(a, &o.Src)
	case nftaByteorderDreg:
		return set32(a, &o.Dst)
	case nftaByteorderOp:
		return setBit(a, &o.ToNetwork)
	case nftaByteorderLen:
		return set32(a, &o.Len)
	case nftaByteorderSize:
		return set32(a, &o.Size)
	}
	return false
}
