package nft

import (
	"bytes"
	"slices"
	"strings"

	"rechain/nft/bytecode"
)

// anonymousPrefix begins the names that kernels give to anonymous sets.
const anonymousPrefix = "__"

// anonymousName is what to call an anonymous set: a template that the kernel puts a number into (nf_tables_set_alloc_name), or its
// own name if it has one, as meters do.
func (s *Set) anonymousName() string {
	switch {
	case s.Name != "" && !strings.HasPrefix(s.Name, anonymousPrefix):
		return s.Name
	case s.Object != 0:
		return "__objmap%d"
	case s.Data != nil:
		return "__map%d"
	}
	return "__set%d"
}

// verdictType is NFT_DATA_VERDICT, the datatype of verdict maps' data.
const verdictType = 0xffffff00

func (l *lowering) set(s *Set, name string, flags uint32) *bytecode.Set {
	*l.id++
	b := &bytecode.Set{
		Name: name, ID: *l.id, Flags: flags, Handle: s.Handle,
		KeyType: packTypes(s.Type), KeyLen: s.keySize(), ObjectType: s.Object,
		Size: s.Size, Policy: s.Policy, Timeout: s.Timeout, GCInterval: s.GC,
		Exprs: l.program(s.Stmts),
	}
	if s.Data != nil {
		b.DataType, b.DataLen = packTypes(s.Data), s.dataSize()
	}
	if s.holdsVerdicts() {
		b.DataType = verdictType
	}
	if flags&bytecode.SetConcat != 0 {
		b.Fields = parts(s.Type, s.KeyLen)
	}
	b.UserData = s.userData()
	b.Elements = l.elements(s, flags)
	if flags&bytecode.SetConstant != 0 && b.Size == 0 {
		b.Size = uint32(len(b.Elements)) // as nft does, it helps the kernel to choose how to keep the set
	}
	return b
}

// elements are the elements as the kernel takes them. In an interval set that is not a concatenation, each interval is an element
// for its start and one that marks the first value behind it.
func (l *lowering) elements(s *Set, flags uint32) []bytecode.Element {
	var es []bytecode.Element
	switch {
	case flags&bytecode.SetInterval == 0:
		for _, e := range s.Elements {
			es = append(es, l.element(e))
		}
	case flags&bytecode.SetConcat != 0:
		for _, e := range s.Elements {
			b := l.element(e)
			if b.KeyEnd == nil && !e.Catchall {
				b.KeyEnd = b.Key
			}
			es = append(es, b)
		}
	default:
		es = l.intervals(s.Elements, flags)
	}
	return es
}

func (l *lowering) intervals(elements []Element, flags uint32) []bytecode.Element {
	var es []bytecode.Element
	var end []byte // the first value behind the interval before, to be marked
	mark := func() {
		if end != nil {
			es = append(es, bytecode.Element{Key: end, Flags: bytecode.ElemIntervalEnd})
			end = nil
		}
	}
	for i, e := range sortElements(elements) {
		b := l.element(e)
		b.KeyEnd = nil
		if e.Catchall {
			mark()
			es = append(es, b)
			continue
		}
		switch {
		case i == 0 && !isZero(e.Key): // nft marks where the values before the first interval begin
			end = make([]byte, len(e.Key))
		case flags&bytecode.SetAnonymous != 0 && bytes.Equal(end, e.Key):
			end = nil // the next interval begins right there, and in a set that stays as it is that is mark enough
		}
		mark()
		last := e.KeyEnd
		if last == nil {
			last = e.Key
		}
		var more bool
		if end, more = successor(last); !more {
			end = nil
			b.UserData = bytecode.AppendTLV(b.UserData, bytecode.UserDataElemFlags, hostU32(elemOpen))
		}
		es = append(es, b)
	}
	mark()
	return es
}

// elemOpen is NFTNL_SET_ELEM_F_INTERVAL_OPEN: the interval ends where the values do, so nothing marks its end.
const elemOpen = 1

func (l *lowering) element(e Element) bytecode.Element {
	b := bytecode.Element{
		Key: e.Key, KeyEnd: e.KeyEnd, Data: e.Data, Object: e.Object, Verdict: lowerVerdict(e.Verdict),
		Timeout: e.Timeout, Expiration: e.Expires, UserData: withComment(e.Comment, e.Extra),
		Exprs: l.program(e.Stmts),
	}
	if e.Catchall {
		b.Flags = bytecode.ElemCatchall
	}
	return b
}

// sortElements returns the elements by key; the one that catches all others is the last.
func sortElements(es []Element) []Element {
	return slices.SortedStableFunc(slices.Values(es), func(a, b Element) int {
		if a.Catchall != b.Catchall {
			return map[bool]int{false: -1, true: 1}[a.Catchall]
		}
		if c := bytes.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return bytes.Compare(a.KeyEnd, b.KeyEnd)
	})
}

// successor is the number after a big-endian one of the same length; false after the last.
func successor(n []byte) ([]byte, bool) {
	n = bytes.Clone(n)
	for i := len(n) - 1; i >= 0; i-- {
		n[i]++
		if n[i] != 0 {
			return n, true
		}
	}
	return nil, false
}

// predecessor is the number before a big-endian one of the same length; false before zero.
func predecessor(n []byte) ([]byte, bool) {
	n = bytes.Clone(n)
	for i := len(n) - 1; i >= 0; i-- {
		n[i]--
		if n[i] != 0xff {
			return n, true
		}
	}
	return nil, false
}

func isZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
