package bytecode

import "fmt"

// Meta reads packet metadata into Dst, or writes it from Src when Set is true (nft_meta.c).
type Meta struct {
	Key      MetaKey
	Dst, Src Reg
	Set      bool
}

// enum nft_meta_attributes.
const (
	nftaMetaDreg = 1
	nftaMetaKey  = 2
	nftaMetaSreg = 3
)

func (o *Meta) Name() string { return "meta" }
func (o *Meta) String() string {
	if o.Set {
		return fmt.Sprintf("meta set %s with reg %d", o.Key, o.Src)
	}
	return fmt.Sprintf("meta load %s => reg %d", o.Key, o.Dst)
}

func (o *Meta) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaMetaKey, uint32(o.Key))
	if o.Set {
		return appendReg(b, nftaMetaSreg, o.Src)
	}
	return appendReg(b, nftaMetaDreg, o.Dst)
}

func (o *Meta) take(a Attr) bool {
	switch a.Type {
	case nftaMetaKey:
		return set32(a, &o.Key)
	case nftaMetaDreg:
		return set32(a, &o.Dst)
	case nftaMetaSreg:
		o.Set = true
		return set32(a, &o.Src)
	}
	return false
}
