package nft

import (
	"bytes"
	"slices"

	"rechain/nft/bytecode"
)

func raiseSet(b *bytecode.Set) *Set {
	s := &Set{
		Name: b.Name, Type: unpackTypes(b.KeyType), Flags: b.Flags, Object: b.ObjectType, Size: b.Size, Policy: b.Policy,
		Timeout: b.Timeout, GC: b.GCInterval, Stmts: raiseStateful(b.Exprs), Handle: b.Handle,
	}
	switch {
	case b.Flags&bytecode.SetMap == 0:
	case b.DataType == verdictType:
		s.Data = []Datatype{TypeVerdict}
	default:
		s.Data = unpackTypes(b.DataType)
	}
	s.setUserData(b.UserData)
	s.KeyLen = givenLengths(s.Type, b.Fields, b.KeyLen)
	if n := b.DataLen; s.Data != nil && !s.holdsVerdicts() {
		if s.DataInterval {
			n /= 2
		}
		s.DataLen = givenLengths(s.Data, nil, n)
	}
	if b.Flags&bytecode.SetConstant != 0 && b.Size == uint32(len(b.Elements)) {
		s.Size = 0 // it only says how many elements there are
	}
	s.Elements = raiseElements(b)
	return s
}

// givenLengths are the lengths that a set must remember: nil when the datatypes say the same, else the ones of the parts as far
// as they can be told, and the whole as the last resort.
func givenLengths(types []Datatype, fields []uint32, total uint32) []uint32 {
	lens := parts(types, nil)
	if slices.Equal(lens, fields) || fields == nil && length(lens) == total && total != 0 {
		return nil
	}
	if fields != nil {
		return fields
	}
	missing := slices.Index(lens, 0)
	if missing >= 0 && len(lens) > 1 {
		rest := total
		for _, n := range lens {
			rest -= pad(n)
		}
		lens[missing] = rest
		if length(lens) == total {
			return lens
		}
	}
	return []uint32{total}
}

// raiseElements sorts the elements of a hash, which come in any order. Concatenations of intervals stay in the order in which they
// were added, as nft lists them.
func raiseElements(b *bytecode.Set) []Element {
	if b.Flags&(bytecode.SetInterval|bytecode.SetConcat) == bytecode.SetInterval {
		return raiseIntervals(b.Elements)
	}
	var es []Element
	for _, e := range b.Elements {
		es = append(es, raiseElement(e))
	}
	if b.Flags&bytecode.SetConcat == 0 {
		es = sortElements(es)
	}
	return es
}

// raiseIntervals puts the starts and ends of intervals together. An interval ends before the next mark or start, or where the
// values end.
func raiseIntervals(elements []bytecode.Element) []Element {
	var es []Element
	open := false // the last of es has no end yet
	end := func(last []byte) {
		if e := &es[len(es)-1]; !bytes.Equal(e.Key, last) {
			e.KeyEnd = last
		}
		open = false
	}
	for _, b := range ordered(elements) {
		if b.Flags&bytecode.ElemCatchall != 0 {
			continue
		}
		if open {
			if last, ok := predecessor(b.Key); ok {
				end(last)
			}
		}
		if b.Flags&bytecode.ElemIntervalEnd != 0 {
			continue
		}
		es = append(es, raiseElement(b))
		open = true
	}
	if open {
		end(bytes.Repeat([]byte{0xff}, len(es[len(es)-1].Key)))
	}
	for _, b := range elements {
		if b.Flags&bytecode.ElemCatchall != 0 {
			es = append(es, raiseElement(b))
		}
	}
	return es
}

func raiseElement(b bytecode.Element) Element {
	e := Element{
		Key: b.Key, KeyEnd: b.KeyEnd, Catchall: b.Flags&bytecode.ElemCatchall != 0,
		Data: b.Data, Object: b.Object, Verdict: raiseVerdict(b.Verdict),
		Timeout: b.Timeout, Expires: b.Expiration, Stmts: raiseStateful(b.Exprs),
	}
	if bytes.Equal(e.Key, e.KeyEnd) {
		e.KeyEnd = nil
	}
	userdata := without(b.UserData, func(t bytecode.TLV) bool {
		return t.Type == bytecode.UserDataElemFlags && bytes.Equal(t.Data, hostU32(elemOpen))
	})
	e.Comment, e.Extra = splitComment(userdata)
	return e
}
