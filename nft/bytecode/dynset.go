package bytecode

import "fmt"

// DynsetOp is the update of [Dynset] (enum nft_dynset_ops).
type DynsetOp uint32

// The updates.
const (
	DynsetAdd    DynsetOp = 0
	DynsetUpdate DynsetOp = 1
	DynsetDelete DynsetOp = 2
)

var dynsetNames = []string{"add", "update", "delete"}

func (d DynsetOp) String() string { return nameOf(dynsetNames, d) }

// Dynset changes a set from the packet path (nft_dynset.c). Timeout is in milliseconds, 0 the set's own. Data is the register of
// a map's value, 0 in a set.
type Dynset struct {
	Set     string
	SetID   uint32
	Op      DynsetOp
	Key     Reg
	Data    Reg
	Timeout uint64
	Flags   uint32 // 1 invert; 2 says that Exprs may be several, and is set by itself when they are
	Exprs   []Op
}

// enum nft_dynset_attributes.
const (
	nftaDynsetSetName     = 1
	nftaDynsetSetID       = 2
	nftaDynsetOp          = 3
	nftaDynsetSregKey     = 4
	nftaDynsetSregData    = 5
	nftaDynsetTimeout     = 6
	nftaDynsetExpr        = 7
	nftaDynsetPad         = 8
	nftaDynsetFlags       = 9
	nftaDynsetExpressions = 10
)

const (
	dynsetInvert      = 1 // NFT_DYNSET_F_INV
	dynsetExpressions = 2 // NFT_DYNSET_F_EXPR
)

func (o *Dynset) Name() string { return "dynset" }
func (o *Dynset) String() string {
	s := fmt.Sprintf("dynset %s reg_key %d set %s", o.Op, o.Key, o.Set)
	if o.Data != 0 {
		s += fmt.Sprintf(" sreg_data %d", o.Data)
	}
	if o.Timeout != 0 {
		s += fmt.Sprintf(" timeout %dms", o.Timeout)
	}
	for _, e := range o.Exprs {
		s += " expr [ " + e.String() + " ]"
	}
	return s
}

func (o *Dynset) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaDynsetSregKey, o.Key)
	b = appendOptReg(b, nftaDynsetSregData, o.Data)
	b = AppendU32(b, nftaDynsetOp, uint32(o.Op))
	if o.Timeout != 0 { // it may not be given at all for a set without NFT_SET_TIMEOUT (nft_dynset_init)
		b = AppendU64(b, nftaDynsetTimeout, o.Timeout)
	}
	b = AppendString(b, nftaDynsetSetName, o.Set)
	b = appendOptU32(b, nftaDynsetSetID, o.SetID)
	flags := o.Flags
	if len(o.Exprs) == 1 {
		b = AppendExpr(b, nftaDynsetExpr, o.Exprs[0])
	} else if len(o.Exprs) > 1 {
		var start int
		b, start = Nest(b, nftaDynsetExpressions)
		b = EndNest(AppendExpressions(b, o.Exprs), start)
		flags |= dynsetExpressions
	}
	return appendOptU32(b, nftaDynsetFlags, flags)
}

func (o *Dynset) take(a Attr) bool {
	switch a.Type {
	case nftaDynsetSetName:
		return setString(a, &o.Set)
	case nftaDynsetSetID:
		return set32(a, &o.SetID)
	case nftaDynsetOp:
		return set32(a, &o.Op)
	case nftaDynsetSregKey:
		return set32(a, &o.Key)
	case nftaDynsetSregData:
		return set32(a, &o.Data)
	case nftaDynsetTimeout:
		return set64(a, &o.Timeout)
	case nftaDynsetPad:
		return isPad(a)
	case nftaDynsetFlags:
		return set32(a, &o.Flags)
	case nftaDynsetExpr:
		op, err := DecodeExpr(a.Data)
		o.Exprs = []Op{op}
		return err == nil
	case nftaDynsetExpressions:
		var err error
		o.Exprs, err = DecodeExpressions(a.Data)
		return err == nil
	}
	return false
}

// canonical drops what the kernel does not report back: the set's number and the mark for several expressions.
func (o *Dynset) canonical() Op {
	c := *o
	c.SetID = 0
	c.Flags &= dynsetInvert
	c.Exprs = make([]Op, len(o.Exprs))
	for i, e := range o.Exprs {
		c.Exprs[i] = canonical(e)
	}
	return &c
}
