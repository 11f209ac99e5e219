package kernel

import (
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// valued names the expression that has the attributes of an object's value.
var valued = map[bytecode.ObjectType]string{
	bytecode.ObjectCounter:   "counter",
	bytecode.ObjectQuota:     "quota",
	bytecode.ObjectLimit:     "limit",
	bytecode.ObjectConnlimit: "connlimit",
	bytecode.ObjectSynproxy:  "synproxy",
}

func (r *reader) object(f bytecode.Family, attrs []byte) error {
	t := r.find(f, attrs, unix.NFTA_OBJ_TABLE)
	if t == nil {
		return nil
	}
	o := &bytecode.Object{}
	var data bytecode.Attr
	for a, err := range bytecode.Attrs(attrs) {
		if err != nil {
			return err
		}
		switch a.Type {
		case unix.NFTA_OBJ_NAME:
			o.Name = a.String()
		case unix.NFTA_OBJ_TYPE:
			o.Type = bytecode.ObjectType(a.U32())
		case unix.NFTA_OBJ_DATA:
			data = a
		case nftaObjHandle:
			o.Handle = a.U64()
		case nftaObjUserdata:
			o.UserData = a.Bytes()
		}
	}
	switch kind := valued[o.Type]; {
	case kind != "":
		o.Value = bytecode.Decode(kind, data.Data)
	case o.Type == bytecode.ObjectCtHelper:
		helper, err := readCtHelper(data.Data)
		if err != nil {
			return err
		}
		o.CtHelper = helper
	default:
		o.Raw = data.Bytes()
	}
	t.Objects = append(t.Objects, o)
	return nil
}

func readCtHelper(attrs []byte) (*bytecode.CtHelper, error) {
	h := new(bytecode.CtHelper)
	for a, err := range bytecode.Attrs(attrs) {
		switch {
		case err != nil:
			return nil, err
		case a.Type == unix.NFTA_CT_HELPER_NAME:
			h.Helper = a.String()
		case a.Type == unix.NFTA_CT_HELPER_L3PROTO:
			h.L3 = a.U16()
		case a.Type == unix.NFTA_CT_HELPER_L4PROTO:
			h.L4 = a.U8()
		}
	}
	return h, nil
}

func (r *reader) flowtable(f bytecode.Family, attrs []byte) error {
	t := r.find(f, attrs, nftaFlowtableTable)
	if t == nil {
		return nil
	}
	ft := &bytecode.Flowtable{}
	for a, err := range bytecode.Attrs(attrs) {
		switch {
		case err != nil:
			return err
		case a.Type == nftaFlowtableName:
			ft.Name = a.String()
		case a.Type == nftaFlowtableHandle:
			ft.Handle = a.U64()
		case a.Type == nftaFlowtableFlags:
			ft.Flags = a.U32()
		case a.Type == nftaFlowtableHook:
			if err := readFlowtableHook(ft, a.Data); err != nil {
				return err
			}
		}
	}
	t.Flowtables = append(t.Flowtables, ft)
	return nil
}

func readFlowtableHook(ft *bytecode.Flowtable, attrs []byte) error {
	for a, err := range bytecode.Attrs(attrs) {
		if err != nil {
			return err
		}
		switch a.Type {
		case nftaFlowtableHookNum:
			ft.Hook = a.U32()
		case nftaFlowtableHookPriority:
			ft.Priority = int32(a.U32())
		case nftaFlowtableHookDevs:
			if ft.Devices, err = readDevices(a.Data); err != nil {
				return err
			}
		}
	}
	return nil
}
