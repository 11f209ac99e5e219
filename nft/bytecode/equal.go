package bytecode

import "bytes"

// Equal reports whether two programs do the same: they are alike but for what only counts or remembers (the values of [Counter]
// and [Last], [Quota].Consumed), for the numbers of sets within a batch, and for what the kernel fills in by itself, so that a
// program equals what is read back after it was written.
func Equal(a, b Program) bool {
	return len(a) == len(b) && bytes.Equal(AppendIdentity(nil, a), AppendIdentity(nil, b))
}

// AppendIdentity appends bytes that are the same for two programs if and only if they are [Equal]. They may serve as a map key or
// be hashed; they have no other meaning.
func AppendIdentity(b []byte, p Program) []byte {
	for _, op := range p {
		b = AppendExpr(b, nftaListElem, canonical(op))
	}
	return b
}

// canonical brings the many forms of the same operation into one.
func canonical(op Op) Op {
	if c, ok := op.(interface{ canonical() Op }); ok {
		return c.canonical()
	}
	return op
}
