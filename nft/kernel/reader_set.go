package kernel

import (
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

func (r *reader) set(f bytecode.Family, attrs []byte) error {
	t := r.find(f, attrs, unix.NFTA_SET_TABLE)
	if t == nil {
		return nil
	}
	s := &bytecode.Set{}
	for a, err := range bytecode.Attrs(attrs) {
		if err != nil {
			return err
		}
		switch a.Type {
		case unix.NFTA_SET_NAME:
			s.Name = a.String()
		case nftaSetHandle:
			s.Handle = a.U64()
		case unix.NFTA_SET_FLAGS:
			s.Flags = a.U32()
		case unix.NFTA_SET_KEY_TYPE:
			s.KeyType = a.U32()
		case unix.NFTA_SET_KEY_LEN:
			s.KeyLen = a.U32()
		case unix.NFTA_SET_DATA_TYPE:
			s.DataType = a.U32()
		case unix.NFTA_SET_DATA_LEN:
			s.DataLen = a.U32()
		case unix.NFTA_SET_OBJ_TYPE:
			s.ObjectType = bytecode.ObjectType(a.U32())
		case unix.NFTA_SET_POLICY:
			s.Policy = a.U32()
		case unix.NFTA_SET_DESC:
			err = readDescription(s, a.Data)
		case unix.NFTA_SET_TIMEOUT:
			s.Timeout = a.U64()
		case unix.NFTA_SET_GC_INTERVAL:
			s.GCInterval = a.U32()
		case unix.NFTA_SET_USERDATA:
			s.UserData = a.Bytes()
		case nftaSetExpr, nftaSetExpressions:
			s.Exprs, err = readStateful(a, nftaSetExpr)
		}
		if err != nil {
			return err
		}
	}
	t.Sets = append(t.Sets, s)
	return nil
}

func readDescription(s *bytecode.Set, attrs []byte) error {
	for a, err := range bytecode.Attrs(attrs) {
		switch {
		case err != nil:
			return err
		case a.Type == unix.NFTA_SET_DESC_SIZE:
			s.Size = a.U32()
		case a.Type == nftaSetDescConcat:
			for field, err := range bytecode.Attrs(a.Data) {
				if err != nil {
					return err
				}
				length, _ := bytecode.FindAttr(field.Data, nftaSetFieldLen)
				s.Fields = append(s.Fields, bytecode.Attr{Data: length}.U32())
			}
		}
	}
	return nil
}

// readStateful reads what appendStateful writes.
func readStateful(a bytecode.Attr, one uint16) ([]bytecode.Op, error) {
	if a.Type != one {
		return bytecode.DecodeExpressions(a.Data)
	}
	op, err := bytecode.DecodeExpr(a.Data)
	return []bytecode.Op{op}, err
}

// elements reads a message of a dump of the current set.
func (r *reader) elements(_ bytecode.Family, attrs []byte) error {
	list, _ := bytecode.FindAttr(attrs, unix.NFTA_SET_ELEM_LIST_ELEMENTS)
	for a, err := range bytecode.Attrs(list) {
		if err != nil {
			return err
		}
		e, err := readElement(a.Data)
		if err != nil {
			return err
		}
		r.current.Elements = append(r.current.Elements, e)
	}
	return nil
}

func readElement(attrs []byte) (e bytecode.Element, err error) {
	for a, err := range bytecode.Attrs(attrs) {
		if err != nil {
			return e, err
		}
		switch a.Type {
		case unix.NFTA_SET_ELEM_KEY:
			e.Key, _, _ = bytecode.DecodeData(a.Data)
		case nftaSetElemKeyEnd:
			e.KeyEnd, _, _ = bytecode.DecodeData(a.Data)
		case unix.NFTA_SET_ELEM_FLAGS:
			e.Flags = a.U32()
		case unix.NFTA_SET_ELEM_DATA:
			e.Data, e.Verdict, _ = bytecode.DecodeData(a.Data)
		case unix.NFTA_SET_ELEM_OBJREF:
			e.Object = a.String()
		case unix.NFTA_SET_ELEM_TIMEOUT:
			e.Timeout = a.U64()
		case unix.NFTA_SET_ELEM_EXPIRATION:
			e.Expiration = a.U64()
		case unix.NFTA_SET_ELEM_USERDATA:
			e.UserData = a.Bytes()
		case unix.NFTA_SET_ELEM_EXPR, nftaSetElemExpressions:
			e.Exprs, err = readStateful(a, unix.NFTA_SET_ELEM_EXPR)
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}
