package nft

import (
	"fmt"
	"strings"

	"rechain/nft/bytecode"
)

// TypeofMap is an empty map from one field of a header to another, each given by the names of header and field, as in "ip6 hoplimit".
// nft(8) declares it by "typeof", with notes in the user data (nftables' src/payload.c, expr_payload_build_udata): a number like
// that has no datatype which says how long it is. It panics on a name that nft does not know.
func TypeofMap(key, data string) *Set {
	k, d := typeofNote(key), typeofNote(data)
	return &Set{
		Type: []Datatype{k.field.typ}, KeyLen: k.field.parts(),
		Data: []Datatype{d.field.typ}, DataLen: d.field.parts(),
		Flags: bytecode.SetMap,
		Extra: bytecode.AppendTLV(bytecode.AppendTLV(nil, bytecode.UserDataSetKeyTypeof, k.note), bytecode.UserDataSetDataTypeof, d.note),
	}
}

// noted is a field and its note.
type noted struct {
	field *field
	note  []byte
}

// parts are the lengths of a set's parts where its datatype does not say them; see [Set].
func (f *field) parts() []uint32 {
	if f.typ == TypeInteger {
		return []uint32{bytesOf(f.bits)}
	}
	return nil
}

// typeofNote undoes [typeofPayloadExpr].
func typeofNote(name string) noted {
	header, fieldName, _ := strings.Cut(name, " ")
	for _, p := range notedProtocols {
		for i := range p.fields {
			if f := &p.fields[i]; p.name == header && f.name == fieldName {
				which := bytecode.AppendTLV(bytecode.AppendTLV(nil, 0, hostU32(p.id)), 1, hostU32(uint32(i+1)))
				return noted{f, bytecode.AppendTLV(bytecode.AppendTLV(nil, 0, hostU32(typeofPayload)), 1, which)}
			}
		}
	}
	panic(fmt.Sprintf("nft: %q is not the name of a field", name))
}
