package kernel

import (
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// AddSet adds a set or map without its elements. An anonymous set, whose name is usually "__set%d" for the kernel to number, must
// be used by a rule further on in the batch, which finds it by name and ID; IDs are unique in a batch. One that is 0 is chosen
// here.
func (b *Batch) AddSet(family bytecode.Family, table string, s *bytecode.Set) {
	b.begin(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, family)
	b.str(unix.NFTA_SET_TABLE, table)
	b.str(unix.NFTA_SET_NAME, s.Name)
	b.u32(unix.NFTA_SET_ID, b.setID(s))
	b.u32(unix.NFTA_SET_FLAGS, s.Flags)
	b.u32(unix.NFTA_SET_KEY_TYPE, s.KeyType)
	b.u32(unix.NFTA_SET_KEY_LEN, s.KeyLen)
	if s.Flags&bytecode.SetMap != 0 {
		b.u32(unix.NFTA_SET_DATA_TYPE, s.DataType)
		b.u32(unix.NFTA_SET_DATA_LEN, s.DataLen)
	}
	if s.Flags&bytecode.SetObject != 0 {
		b.u32(unix.NFTA_SET_OBJ_TYPE, uint32(s.ObjectType))
	}
	if s.Policy != 0 {
		b.u32(unix.NFTA_SET_POLICY, s.Policy)
	}
	b.setDescription(s)
	if s.Timeout != 0 {
		b.u64(unix.NFTA_SET_TIMEOUT, s.Timeout)
	}
	if s.GCInterval != 0 {
		b.u32(unix.NFTA_SET_GC_INTERVAL, s.GCInterval)
	}
	b.userData(unix.NFTA_SET_USERDATA, s.UserData)
	b.buf = appendStateful(b.buf, nftaSetExpr, nftaSetExpressions, s.Exprs)
	b.end()
}

// setID is the id that a set goes by in the batch. The ids chosen here are far from those of anyone who counts from 1.
func (b *Batch) setID(s *bytecode.Set) uint32 {
	if s.ID != 0 {
		return s.ID
	}
	return 1<<31 | uint32(len(b.notes))
}

// setDescription appends the size and the lengths of a concatenation's parts. The header file says that these are in bits; the
// kernel takes and gives bytes (nft_set_desc_concat_parse).
func (b *Batch) setDescription(s *bytecode.Set) {
	if s.Size == 0 && len(s.Fields) == 0 {
		return
	}
	desc := b.nest(unix.NFTA_SET_DESC)
	if s.Size != 0 {
		b.u32(unix.NFTA_SET_DESC_SIZE, s.Size)
	}
	if len(s.Fields) > 0 {
		concat := b.nest(nftaSetDescConcat)
		for _, length := range s.Fields {
			field := b.nest(unix.NFTA_LIST_ELEM)
			b.u32(nftaSetFieldLen, length)
			b.endNest(field)
		}
		b.endNest(concat)
	}
	b.endNest(desc)
}

// appendStateful appends the stateful expressions of a set or an element: there is one attribute for a single one, another for
// more.
func appendStateful(b []byte, one, many uint16, exprs []bytecode.Op) []byte {
	switch len(exprs) {
	case 0:
		return b
	case 1:
		return bytecode.AppendExpr(b, one, exprs[0])
	}
	b, list := bytecode.Nest(b, many)
	return bytecode.EndNest(bytecode.AppendExpressions(b, exprs), list)
}

// DeleteSet deletes a set. No rule may use it any more.
func (b *Batch) DeleteSet(family bytecode.Family, table, set string) {
	b.begin(unix.NFT_MSG_DELSET, 0, family)
	b.str(unix.NFTA_SET_TABLE, table)
	b.str(unix.NFTA_SET_NAME, set)
	b.end()
}

// AddElements adds the elements of s to the set of that name, in as many messages as it takes.
func (b *Batch) AddElements(family bytecode.Family, table string, s *bytecode.Set) {
	b.elements(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, family, table, s)
}

// DeleteElements deletes the elements of s from the set of that name.
func (b *Batch) DeleteElements(family bytecode.Family, table string, s *bytecode.Set) {
	b.elements(unix.NFT_MSG_DELSETELEM, 0, family, table, s)
}

// FlushSet deletes all elements of a set (nf_tables_delsetelem, which is not told of any).
func (b *Batch) FlushSet(family bytecode.Family, table, set string) {
	b.begin(unix.NFT_MSG_DELSETELEM, 0, family)
	b.str(unix.NFTA_SET_ELEM_LIST_TABLE, table)
	b.str(unix.NFTA_SET_ELEM_LIST_SET, set)
	b.end()
}

func (b *Batch) elements(typ, flags uint16, family bytecode.Family, table string, s *bytecode.Set) {
	var next []byte // one element, ahead of the message that it goes into
	list := 0
	for i := range s.Elements {
		next = appendElement(next[:0], &s.Elements[i])
		if list != 0 && len(b.buf)-list+len(next) > maxAttr {
			b.endNest(list)
			b.end()
			list = 0
		}
		if list == 0 {
			b.begin(typ, flags, family)
			b.str(unix.NFTA_SET_ELEM_LIST_TABLE, table)
			b.str(unix.NFTA_SET_ELEM_LIST_SET, s.Name)
			if s.ID != 0 {
				b.u32(unix.NFTA_SET_ELEM_LIST_SET_ID, s.ID)
			}
			list = b.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS)
		}
		b.buf = append(b.buf, next...)
	}
	if list != 0 {
		b.endNest(list)
		b.end()
	}
}

func appendElement(b []byte, e *bytecode.Element) []byte {
	b, elem := bytecode.Nest(b, unix.NFTA_LIST_ELEM)
	if e.Flags&bytecode.ElemCatchall == 0 {
		b = bytecode.AppendData(b, unix.NFTA_SET_ELEM_KEY, e.Key)
	}
	if e.KeyEnd != nil {
		b = bytecode.AppendData(b, nftaSetElemKeyEnd, e.KeyEnd)
	}
	if e.Flags != 0 {
		b = bytecode.AppendU32(b, unix.NFTA_SET_ELEM_FLAGS, e.Flags)
	}
	switch {
	case e.Verdict != nil:
		b = bytecode.AppendVerdict(b, unix.NFTA_SET_ELEM_DATA, e.Verdict)
	case e.Data != nil:
		b = bytecode.AppendData(b, unix.NFTA_SET_ELEM_DATA, e.Data)
	}
	if e.Object != "" {
		b = bytecode.AppendString(b, unix.NFTA_SET_ELEM_OBJREF, e.Object)
	}
	if e.Timeout != 0 {
		b = bytecode.AppendU64(b, unix.NFTA_SET_ELEM_TIMEOUT, e.Timeout)
	}
	if e.Expiration != 0 {
		b = bytecode.AppendU64(b, unix.NFTA_SET_ELEM_EXPIRATION, e.Expiration)
	}
	if len(e.UserData) > 0 {
		b = bytecode.AppendBytes(b, unix.NFTA_SET_ELEM_USERDATA, e.UserData)
	}
	b = appendStateful(b, unix.NFTA_SET_ELEM_EXPR, nftaSetElemExpressions, e.Exprs)
	return bytecode.EndNest(b, elem)
}
