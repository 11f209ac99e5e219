package bytecode

import "fmt"

// XtMatch is an xtables match in the compat layer (nft_compat.c). Info is the match's C structure, padded to 8 bytes (XT_ALIGN).
type XtMatch struct {
	Ext      string
	Revision uint32
	Info     []byte
}

// XtTarget is an xtables target in the compat layer (nft_compat.c). Info is the target's C structure, padded to 8 bytes (XT_ALIGN).
type XtTarget struct {
	Ext      string
	Revision uint32
	Info     []byte
}

// enum nft_match_attributes and nft_target_attributes (include/uapi/linux/netfilter/nf_tables_compat.h).
const (
	nftaXtName = 1
	nftaXtRev  = 2
	nftaXtInfo = 3
)

func (o *XtMatch) Name() string   { return "match" }
func (o *XtMatch) String() string { return fmt.Sprintf("match name %s rev %d", o.Ext, o.Revision) }
func (o *XtMatch) appendAttrs(b []byte) []byte {
	return appendXt(b, o.Ext, o.Revision, o.Info)
}
func (o *XtMatch) take(a Attr) bool { return takeXt(a, &o.Ext, &o.Revision, &o.Info) }

func (o *XtTarget) Name() string   { return "target" }
func (o *XtTarget) String() string { return fmt.Sprintf("target name %s rev %d", o.Ext, o.Revision) }
func (o *XtTarget) appendAttrs(b []byte) []byte {
	return appendXt(b, o.Ext, o.Revision, o.Info)
}
func (o *XtTarget) take(a Attr) bool { return takeXt(a, &o.Ext, &o.Revision, &o.Info) }

func appendXt(b []byte, ext string, revision uint32, info []byte) []byte {
	b = AppendString(b, nftaXtName, ext)
	b = AppendU32(b, nftaXtRev, revision)
	return AppendBytes(b, nftaXtInfo, info)
}

func takeXt(a Attr, ext *string, revision *uint32, info *[]byte) bool {
	switch a.Type {
	case nftaXtName:
		return setString(a, ext)
	case nftaXtRev:
		return set32(a, revision)
	case nftaXtInfo:
		*info = a.Bytes()
		return true
	}
	return false
}
