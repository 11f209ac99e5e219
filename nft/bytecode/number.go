package bytecode

import "fmt"

// Numgen makes numbers (nft_numgen.c): Offset and up to Modulus-1 more. Type 0 incremental, 1 random.
type Numgen struct {
	Dst             Reg
	Modulus, Offset uint32
	Type            uint32
}

// enum nft_ng_attributes.
const (
	nftaNgDreg    = 1
	nftaNgModulus = 2
	nftaNgType    = 3
	nftaNgOffset  = 4
)

var numgenNames = []string{"inc", "random"}

func (o *Numgen) Name() string { return "numgen" }
func (o *Numgen) String() string {
	return join(fmt.Sprintf("numgen reg %d = %s mod %d", o.Dst, nameOf(numgenNames, o.Type), o.Modulus),
		optional{"offset %d", o.Offset})
}

func (o *Numgen) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaNgDreg, o.Dst)
	b = AppendU32(b, nftaNgModulus, o.Modulus)
	b = AppendU32(b, nftaNgType, o.Type)
	return appendOptU32(b, nftaNgOffset, o.Offset)
}

func (o *Numgen) take(a Attr) bool {
	switch a.Type {
	case nftaNgDreg:
		return set32(a, &o.Dst)
	case nftaNgModulus:
		return set32(a, &o.Modulus)
	case nftaNgType:
		return set32(a, &o.Type)
	case nftaNgOffset:
		return set32(a, &o.Offset)
	}
	return false
}

// Hash hashes Len bytes of Src (nft_hash.c). Type 0 jhash, 1 symmetric, which takes the packet's addresses and ports instead.
// HasSeed false lets the kernel choose.
type Hash struct {
	Type            uint32
	Src, Dst        Reg
	Len             uint32
	Modulus, Offset uint32
	Seed            uint32
	HasSeed         bool
}

// enum nft_hash_attributes.
const (
	nftaHashSreg    = 1
	nftaHashDreg    = 2
	nftaHashLen     = 3
	nftaHashModulus = 4
	nftaHashSeed    = 5
	nftaHashOffset  = 6
	nftaHashType    = 7
)

const hashSymmetric = 1 // NFT_HASH_SYM

func (o *Hash) Name() string { return "hash" }
func (o *Hash) String() string {
	call := fmt.Sprintf("jhash(reg %d, %d, 0x%x)", o.Src, o.Len, o.Seed)
	if o.Type == hashSymmetric {
		call = "symhash()"
	}
	return join(fmt.Sprintf("hash reg %d = %s %% mod %d", o.Dst, call, o.Modulus), optional{"offset %d", o.Offset})
}

func (o *Hash) appendAttrs(b []byte) []byte {
	b = appendOptReg(b, nftaHashSreg, o.Src)
	b = appendReg(b, nftaHashDreg, o.Dst)
	b = appendOptU32(b, nftaHashLen, o.Len)
	b = AppendU32(b, nftaHashModulus, o.Modulus)
	if o.HasSeed {
		b = AppendU32(b, nftaHashSeed, o.Seed)
	}
	b = appendOptU32(b, nftaHashOffset, o.Offset)
	return AppendU32(b, nftaHashType, o.Type)
}

func (o *Hash) take(a Attr) bool {
	switch a.Type {
	case nftaHashSreg:
		return set32(a, &o.Src)
	case nftaHashDreg:
		return set32(a, &o.Dst)
	case nftaHashLen:
		return set32(a, &o.Len)
	case nftaHashModulus:
		return set32(a, &o.Modulus)
	case nftaHashSeed:
		o.HasSeed = true
		return set32(a, &o.Seed)
	case nftaHashOffset:
		return set32(a, &o.Offset)
	case nftaHashType:
		return set32(a, &o.Type)
	}
	return false
}
