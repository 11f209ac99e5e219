package bytecode

import (
	"bytes"
	"slices"
)

// sameKind says whether two named sets are the same but for their elements, and whether the elements of a dynamic one may stay.
func sameKind(h, w *Set) bool {
	same := h.Flags == w.Flags && h.KeyType == w.KeyType && h.KeyLen == w.KeyLen && h.DataType == w.DataType &&
		h.ObjectType == w.ObjectType && h.Size == w.Size && h.Policy == w.Policy && h.Timeout == w.Timeout &&
		slices.Equal(h.Fields, w.Fields) && bytes.Equal(h.UserData, w.UserData) && Equal(h.Exprs, w.Exprs)
	if !same || h.Flags&SetEval == 0 {
		return same
	}
	there := elementKeys(h)
	return !slices.ContainsFunc(w.Elements, func(e Element) bool { return !there[elementKey(&e)] })
}

// diffSets changes the elements of named sets, and adds sets.
func diffSets(have, want *index) (edits []Edit) {
	for _, w := range want.table.Sets {
		h := have.sets[w.Name]
		switch {
		case w.Flags&SetAnonymous != 0:
		case h == nil:
			edits = append(edits, Edit{Kind: AddSet, Table: want.table, Set: w})
		case w.Flags&SetEval == 0:
			remove, gone, more := DeleteElements, missing(h, w), missing(w, h)
			if len(gone)+len(more) > 0 && w.Flags&SetInterval != 0 {
				// Intervals are made of elements that count only together, and the kernel finds them so.
				remove, gone, more = FlushSet, h.Elements, w.Elements
			}
			edits = appendElements(edits, remove, have.table, h, gone)
			edits = appendElements(edits, AddElements, want.table, w, more)
		}
	}
	return edits
}

// appendElements appends an edit of some elements, if there are any. The set is one that the kernel holds, so that its name says
// which it is.
func appendElements(edits []Edit, kind EditKind, t *Table, s *Set, elements []Element) []Edit {
	if len(elements) == 0 {
		return edits
	}
	some := *s
	some.ID, some.Elements = 0, elements
	return append(edits, Edit{Kind: kind, Table: t, Set: &some})
}

// missing are the elements of a that b does not have.
func missing(a, b *Set) (elements []Element) {
	there := elementKeys(b)
	for _, e := range a.Elements {
		if !there[elementKey(&e)] {
			elements = append(elements, e)
		}
	}
	return elements
}

func elementKeys(s *Set) map[string]bool {
	keys := make(map[string]bool, len(s.Elements))
	for i := range s.Elements {
		keys[elementKey(&s.Elements[i])] = true
	}
	return keys
}

// elementKey is the same for elements that are: the key, what it stands for, its user data, and how long it stays when it is put
// there. How long it is to stay from now on does not matter.
func elementKey(e *Element) string {
	b := appendElementKey(nil, e)
	b = AppendU64(b, 10, e.Timeout)
	return string(AppendBytes(b, 11, e.UserData))
}
