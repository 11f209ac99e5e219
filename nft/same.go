package nft

import (
	"bytes"
	"reflect"
	"slices"

	"rechain/nft/bytecode"
)

// Same reports whether two rules do the same and say the same: they lower to the same program, whatever it has counted, over
// anonymous sets with the same contents, whatever these are called, and have the same comment. Both are taken to be rules of the
// same table.
func Same(a, b *Rule) bool {
	x, xs := LowerRule(nil, a)
	y, ys := LowerRule(nil, b)
	return a.Comment == b.Comment && bytecode.Equal(x.Program, y.Program) && reflect.DeepEqual(x.Compat, y.Compat) &&
		slices.EqualFunc(xs, ys, sameSet)
}

// sameSet compares anonymous sets by what the kernel looks at, and the datatypes.
func sameSet(a, b *bytecode.Set) bool {
	return a.Flags == b.Flags && a.KeyType == b.KeyType && a.KeyLen == b.KeyLen && a.DataType == b.DataType &&
		a.DataLen == b.DataLen && a.ObjectType == b.ObjectType && a.Timeout == b.Timeout &&
		bytecode.Equal(a.Exprs, b.Exprs) && slices.EqualFunc(ordered(a.Elements), ordered(b.Elements), sameElement)
}

func sameElement(a, b bytecode.Element) bool {
	return bytes.Equal(a.Key, b.Key) && bytes.Equal(a.KeyEnd, b.KeyEnd) && a.Flags == b.Flags && bytes.Equal(a.Data, b.Data) &&
		reflect.DeepEqual(a.Verdict, b.Verdict) && a.Object == b.Object && a.Timeout == b.Timeout && bytecode.Equal(a.Exprs, b.Exprs)
}

// ordered returns elements by key, the marks of an interval's end before the start of the next.
func ordered(es []bytecode.Element) []bytecode.Element {
	return slices.SortedStableFunc(slices.Values(es), func(a, b bytecode.Element) int {
		if c := bytes.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return int(b.Flags&bytecode.ElemIntervalEnd) - int(a.Flags&bytecode.ElemIntervalEnd)
	})
}
