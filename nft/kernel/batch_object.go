package kernel

import (
	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// AddObject adds a named object with its value.
func (b *Batch) AddObject(family bytecode.Family, table string, o *bytecode.Object) {
	b.begin(unix.NFT_MSG_NEWOBJ, unix.NLM_F_CREATE, family)
	b.str(unix.NFTA_OBJ_TABLE, table)
	b.str(unix.NFTA_OBJ_NAME, o.Name)
	b.u32(unix.NFTA_OBJ_TYPE, uint32(o.Type))
	data := b.nest(unix.NFTA_OBJ_DATA)
	switch {
	case o.CtHelper != nil:
		b.str(unix.NFTA_CT_HELPER_NAME, o.CtHelper.Helper)
		b.buf = bytecode.AppendU16(b.buf, unix.NFTA_CT_HELPER_L3PROTO, o.CtHelper.L3)
		b.buf = bytecode.AppendU8(b.buf, unix.NFTA_CT_HELPER_L4PROTO, o.CtHelper.L4)
	case o.Value != nil:
		b.buf = bytecode.AppendAttrs(b.buf, o.Value)
	default:
		b.buf = append(b.buf, o.Raw...)
	}
	b.endNest(data)
	b.userData(nftaObjUserdata, o.UserData)
	b.end()
}

// DeleteObject deletes a named object. Nothing may use it any more.
func (b *Batch) DeleteObject(family bytecode.Family, table string, typ bytecode.ObjectType, name string) {
	b.begin(unix.NFT_MSG_DELOBJ, 0, family)
	b.str(unix.NFTA_OBJ_TABLE, table)
	b.str(unix.NFTA_OBJ_NAME, name)
	b.u32(unix.NFTA_OBJ_TYPE, uint32(typ))
	b.end()
}

// AddFlowtable adds a flowtable.
func (b *Batch) AddFlowtable(family bytecode.Family, table string, f *bytecode.Flowtable) {
	b.begin(unix.NFT_MSG_NEWFLOWTABLE, unix.NLM_F_CREATE, family)
	b.str(nftaFlowtableTable, table)
	b.str(nftaFlowtableName, f.Name)
	hook := b.nest(nftaFlowtableHook)
	b.u32(nftaFlowtableHookNum, f.Hook)
	b.u32(nftaFlowtableHookPriority, uint32(f.Priority))
	if len(f.Devices) > 0 {
		b.devices(nftaFlowtableHookDevs, f.Devices)
	}
	b.endNest(hook)
	if f.Flags != 0 {
		b.u32(nftaFlowtableFlags, f.Flags)
	}
	b.end()
}
