package kernel

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"rechain/nft/bytecode"
)

// kinds says what each message of a batch does, and which attribute holds the name of what it does it to. The table's name is in
// attribute 1 of all of them.
var kinds = map[uint16]struct {
	op     string
	name   uint16
	handle uint16
}{
	unix.NFT_MSG_NEWTABLE:     {op: "add table"},
	unix.NFT_MSG_DELTABLE:     {op: "delete table"},
	unix.NFT_MSG_NEWCHAIN:     {op: "add chain", name: unix.NFTA_CHAIN_NAME},
	unix.NFT_MSG_DELCHAIN:     {op: "delete chain", name: unix.NFTA_CHAIN_NAME},
	unix.NFT_MSG_NEWRULE:      {op: "add rule", name: unix.NFTA_RULE_CHAIN, handle: unix.NFTA_RULE_POSITION},
	unix.NFT_MSG_DELRULE:      {op: "delete rule", name: unix.NFTA_RULE_CHAIN, handle: unix.NFTA_RULE_HANDLE},
	unix.NFT_MSG_NEWSET:       {op: "add set", name: unix.NFTA_SET_NAME},
	unix.NFT_MSG_DELSET:       {op: "delete set", name: unix.NFTA_SET_NAME},
	unix.NFT_MSG_NEWSETELEM:   {op: "add element", name: unix.NFTA_SET_ELEM_LIST_SET},
	unix.NFT_MSG_DELSETELEM:   {op: "delete element", name: unix.NFTA_SET_ELEM_LIST_SET},
	unix.NFT_MSG_NEWOBJ:       {op: "add object", name: unix.NFTA_OBJ_NAME},
	unix.NFT_MSG_DELOBJ:       {op: "delete object", name: unix.NFTA_OBJ_NAME},
	unix.NFT_MSG_NEWFLOWTABLE: {op: "add flowtable", name: nftaFlowtableName},
}

// failure describes what the kernel refused: message i of the batch, counted from 0, or for -1 the whole.
func (b *Batch) failure(i int, err error) Failure {
	if i < 0 || i >= len(b.notes) {
		return Failure{Origin: b.Origin, Op: "commit", Err: err}
	}
	m := b.message(i)
	kind := kinds[binary.NativeEndian.Uint16(m[4:])&0xff]
	family, attrs := bytecode.Family(m[nlHeader]), m[msgHeader:]
	object := []string{familyName(family)}
	const tableAttr = 1
	for _, attr := range []uint16{tableAttr, kind.name} {
		if name, ok := bytecode.FindAttr(attrs, attr); ok {
			object = append(object, bytecode.Attr{Data: name}.String())
		}
	}
	if handle, ok := bytecode.FindAttr(attrs, kind.handle); ok {
		object = append(object, fmt.Sprintf("handle %d", bytecode.Attr{Data: handle}.U64()))
	}
	return Failure{Origin: b.originOf(i), Op: kind.op, Object: strings.Join(object, " "), Err: err}
}

// locate adds what an extended acknowledgement says.
func (b *Batch) locate(f *Failure, i int, text string, offset uint32) {
	f.Message, f.Offset = text, offset
	if i >= 0 && i < len(b.notes) {
		f.Expr = exprAt(b.message(i), int(offset))
	}
}

// exprAt prints the expression of a rule that the byte at offset of its message belongs to, "" for none.
func exprAt(m []byte, offset int) string {
	if binary.NativeEndian.Uint16(m[4:])&0xff != unix.NFT_MSG_NEWRULE {
		return ""
	}
	list, at := attrAt(m[msgHeader:], offset-msgHeader)
	if list.Type != unix.NFTA_RULE_EXPRESSIONS {
		return ""
	}
	elem, _ := attrAt(list.Data, at)
	if op, err := bytecode.DecodeExpr(elem.Data); err == nil {
		return op.String()
	}
	return ""
}

// attrAt finds the attribute that covers offset, and where in its payload that is.
func attrAt(b []byte, offset int) (bytecode.Attr, int) {
	const header = unix.SizeofNlAttr
	begin := 0
	for a, err := range bytecode.Attrs(b) {
		if err != nil {
			break
		}
		end := begin + header + len(a.Data)
		if begin <= offset && offset < end {
			return a, offset - begin - header
		}
		begin = (end + 3) &^ 3
	}
	return bytecode.Attr{}, 0
}

var familyNames = map[bytecode.Family]string{
	bytecode.Inet: "inet", bytecode.IPv4: "ip", bytecode.Arp: "arp", bytecode.Netdev: "netdev", bytecode.Bridge: "bridge",
	bytecode.IPv6: "ip6",
}

func familyName(f bytecode.Family) string {
	if name, ok := familyNames[f]; ok {
		return name
	}
	return fmt.Sprintf("family %d", uint8(f))
}
