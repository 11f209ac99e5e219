package bytecode

import "fmt"

// Lookup looks Src up in a set; with HasDst the map's data goes to Dst (0: a verdict map). It breaks the rule off when the
// element is missing, or present when Invert (nft_lookup.c).
type Lookup struct {
	Set    string
	SetID  uint32 // NFTA_LOOKUP_SET_ID, for sets of the same batch
	Src    Reg
	Dst    Reg
	HasDst bool
	Invert bool
}

// enum nft_lookup_attributes.
const (
	nftaLookupSet   = 1
	nftaLookupSreg  = 2
	nftaLookupDreg  = 3
	nftaLookupSetID = 4
	nftaLookupFlags = 5 // 1: NFT_LOOKUP_F_INV
)

func (o *Lookup) Name() string { return "lookup" }
func (o *Lookup) String() string {
	s := fmt.Sprintf("lookup reg %d set %s", o.Src, o.Set)
	if o.HasDst {
		s += fmt.Sprintf(" dreg %d", o.Dst)
	}
	if o.Invert {
		s += " 0x1"
	}
	return s
}

func (o *Lookup) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaLookupSreg, o.Src)
	if o.HasDst {
		b = appendReg(b, nftaLookupDreg, o.Dst)
	}
	b = AppendString(b, nftaLookupSet, o.Set)
	b = appendOptU32(b, nftaLookupSetID, o.SetID)
	return appendOptU32(b, nftaLookupFlags, bit(o.Invert))
}

func (o *Lookup) take(a Attr) bool {
	switch a.Type {
	case nftaLookupSet:
		return setString(a, &o.Set)
	case nftaLookupSreg:
		return set32(a, &o.Src)
	case nftaLookupDreg:
		o.HasDst = true
		return set32(a, &o.Dst)
	case nftaLookupSetID:
		return set32(a, &o.SetID)
	case nftaLookupFlags:
		return setBit(a, &o.Invert)
	}
	return false
}

func (o *Lookup) canonical() Op {
	c := *o
	c.SetID = 0
	return &c
}

// Objref uses a named object, either by Obj or, when Set is given, through a map looked up with Src (nft_objref.c).
type Objref struct {
	Type  ObjectType
	Obj   string
	Src   Reg
	Set   string
	SetID uint32
}

// enum nft_objref_attributes.
const (
	nftaObjrefImmType = 1
	nftaObjrefImmName = 2
	nftaObjrefSetSreg = 3
	nftaObjrefSetName = 4
	nftaObjrefSetID   = 5
)

func (o *Objref) Name() string { return "objref" }
func (o *Objref) String() string {
	if o.Set != "" {
		return fmt.Sprintf("objref sreg %d set %s", o.Src, o.Set)
	}
	return fmt.Sprintf("objref type %d name %s", o.Type, o.Obj)
}

func (o *Objref) appendAttrs(b []byte) []byte {
	if o.Set == "" {
		b = AppendU32(b, nftaObjrefImmType, uint32(o.Type))
		return AppendString(b, nftaObjrefImmName, o.Obj)
	}
	b = appendReg(b, nftaObjrefSetSreg, o.Src)
	b = AppendString(b, nftaObjrefSetName, o.Set)
	return appendOptU32(b, nftaObjrefSetID, o.SetID)
}

func (o *Objref) take(a Attr) bool {
	switch a.Type {
	case nftaObjrefImmType:
		return set32(a, &o.Type)
	case nftaObjrefImmName:
		return setString(a, &o.Obj)
	case nftaObjrefSetSreg:
		return set32(a, &o.Src)
	case nftaObjrefSetName:
		return setString(a, &o.Set)
	case nftaObjrefSetID:
		return set32(a, &o.SetID)
	}
	return false
}

func (o *Objref) canonical() Op {
	c := *o
	c.SetID = 0
	return &c
}
