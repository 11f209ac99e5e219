package ext

import (
	"encoding/binary"
	"math"
	"strings"

	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// segmentRouting is the type of a routing header for segment routing (IPV6_SRCRT_TYPE_4, RFC 8754).
const segmentRouting = 4

// srhFields are the fields of struct ipv6_sr_hdr that options compare, by what their names begin with.
var srhFields = map[string]uint32{"--srh-hdr-len": 1, "--srh-segs-left": 3, "--srh-last-entry": 4}

// ip6t_srh.c, srh1_mt6. The kernel compares the tag as it stands in the packet with the number as the host holds it, so that
// "--srh-tag 1" is 256 on a host of the usual byte order.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:     "srh",
		Families: []iptables.Family{iptables.IPv6},
		Options: []*iptables.OptionSpec{
			{Name: "--srh-next-hdr", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-hdr-len-eq", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-hdr-len-gt", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-hdr-len-lt", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-segs-left-eq", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-segs-left-gt", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-segs-left-lt", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-last-entry-eq", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-last-entry-gt", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-last-entry-lt", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--srh-tag", Kind: iptables.Uint(0, 65535), Neg: true},
			{Name: "--srh-psid", Kind: segmentKind, Neg: true},
			{Name: "--srh-nsid", Kind: segmentKind, Neg: true},
			{Name: "--srh-lsid", Kind: segmentKind, Neg: true},
		},
		Canonical: sharedValues,
		Listing: listed("srh", "next-hdr:!*", "--srh-next-hdr", "hdr-len-eq:!*", "--srh-hdr-len-eq", "hdr-len-gt:!*", "--srh-hdr-len-gt",
			"hdr-len-lt:!*", "--srh-hdr-len-lt", "segs-left-eq:!*", "--srh-segs-left-eq", "segs-left-gt:!*", "--srh-segs-left-gt",
			"segs-left-lt:!*", "--srh-segs-left-lt", "last-entry-eq:!*", "--srh-last-entry-eq", "last-entry-gt:!*", "--srh-last-entry-gt",
			"last-entry-lt:!*", "--srh-last-entry-lt", "tag:!*", "--srh-tag", "psid ! *", "--srh-psid",
			"nsid ! *", "--srh-nsid", "lsid ! *", "--srh-lsid"),
	},
	Limits:  Limits{Refused: "--srh-psid, --srh-nsid", Lossy: "without --srh-segs-left-eq or --srh-last-entry-eq"},
	Meaning: srhMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		all := All{present(routing(2), []byte{segmentRouting}), leftInList(c, m)}
		for _, o := range m.Options {
			all = append(all, negated(srhOption(c, o), o.Neg))
		}
		return all
	},
})

// sharedValues does as iptables does: eq, gt and lt of a field have one place for their number, so that the last given holds for all.
func sharedValues(_ *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
	last := map[uint32]any{}
	for _, o := range options {
		if at, ok := srhField(o); ok {
			last[at] = o.Value
		}
	}
	for i, o := range options {
		if at, ok := srhField(o); ok {
			options[i].Value = last[at]
		}
	}
	return options
}

// srhField is where the field stands that an option compares by eq, gt or lt.
func srhField(o iptables.Option) (at uint32, ok bool) {
	at, ok = srhFields[o.Spec.Name[:len(o.Spec.Name)-len("-eq")]]
	return at, ok
}

// leftInList is the kernel's condition that no more segments are left than the list has. Only where the rule says one of the numbers
// can nftables compare the other with it.
func leftInList(c *Context, m *iptables.Match) Cond {
	if o, ok := m.Get("--srh-segs-left-eq"); ok && !o.Neg {
		return byteIn(routing(4), iptables.Range{Lo: o.Value.(uint64), Hi: math.MaxUint8})
	}
	if o, ok := m.Get("--srh-last-entry-eq"); ok && !o.Neg {
		return byteIn(routing(3), iptables.Range{Hi: o.Value.(uint64)})
	}
	c.Lossy(m.Pos, "srh", "add --srh-segs-left-eq or --srh-last-entry-eq",
		"nftables cannot compare two fields, and so takes also a header that has more segments left than segments")
	return All{}
}

func srhOption(c *Context, o iptables.Option) Cond {
	switch name := o.Spec.Name; name {
	case "--srh-next-hdr":
		return present(routing(0), []byte{uint8(o.Value.(uint64))})
	case "--srh-tag":
		return present(header(ipRouting, 6, 2), hostU16(uint16(o.Value.(uint64))))
	case "--srh-lsid": // the last segment is the first in the list
		n := o.Value.(hostMask)
		return maskedIs(header(ipRouting, 8, 16), n.Mask, n.Addr.AsSlice())
	case "--srh-psid", "--srh-nsid":
		c.Refuse(o.Pos, "srh", "match the last segment, or -d", "nftables reads segments only at fixed places, and not that which the header points at")
		return All{}
	default:
		n := o.Value.(uint64)
		at, _ := srhField(o)
		field := routing(at)
		switch name[len(name)-2:] {
		case "gt":
			return byteIn(field, iptables.Range{Lo: n + 1, Hi: math.MaxUint8})
		case "lt":
			return Not{byteIn(field, iptables.Range{Lo: n, Hi: math.MaxUint8})}
		}
		return byteIn(field, iptables.Range{Lo: n, Hi: n})
	}
}

// maskedIs tests bytes of a packet under a mask.
func maskedIs(field nft.Expr, mask, want []byte) Cond {
	some, all := byte(0), byte(0xff)
	for _, b := range mask {
		some |= b
		all &= b
	}
	switch {
	case some == 0:
		return All{}
	case all == 0xff:
		return present(field, want)
	}
	return present(&nft.MaskXor{Of: field, Mask: mask, Xor: make([]byte, len(mask))}, want)
}

// segmentKind is a network of segments, printed always with the length of its prefix.
var segmentKind = hostMaskKind(iptables.Net.String)

// srhMeaning is srh1_mt6. That no more segments are left than the list has is a comparison of two fields.
func srhMeaning(_ *Context, m *iptables.Match) packet.Pred {
	at := func(n uint32) packet.Field { return packet.ExtensionByte(ipRouting, n) }
	const nextAt, lengthAt, typeAt, leftAt, lastAt = 0, 1, 2, 3, 4
	var left packet.Any
	for last := range uint64(math.MaxUint8 + 1) {
		left = append(left, packet.All{packet.Eq(at(lastAt), packet.Num(last)), packet.Between(at(leftAt), packet.Value{}, packet.Num(last))})
	}
	all := packet.All{packet.Extended(ipRouting), packet.Eq(at(typeAt), packet.Num(segmentRouting)), left}
	fields := map[string]uint32{"--srh-next-hdr": nextAt, "--srh-hdr-len": lengthAt, "--srh-segs-left": leftAt, "--srh-last-entry": lastAt}
	return append(all, optionsMeaning(m, func(o iptables.Option) packet.Pred {
		name := o.Spec.Name
		switch v := o.Value.(type) {
		case hostMask:
			if name != "--srh-lsid" {
				return opaqueMatch(&iptables.Match{Ext: m.Ext, Options: []iptables.Option{o}}, false)
			}
			return packet.PartsTest(packet.Extension(ipRouting, 8, 16), packet.FromBytes(v.Mask), packet.FromBytes(v.Addr.AsSlice()))
		case uint64:
			if name == "--srh-tag" { // compared as it lies in memory
				return extensionIs(ipRouting, 6, binary.LittleEndian.AppendUint16(nil, uint16(v)))
			}
			op := name[len(name)-3:]
			field := at(fields[strings.TrimSuffix(name, op)])
			switch op {
			case "-gt":
				return packet.Between(field, packet.Num(v+1), packet.Ones(8))
			case "-lt":
				return packet.Not{P: packet.Between(field, packet.Num(v), packet.Ones(8))}
			case "-eq":
				return packet.Eq(field, packet.Num(v))
			}
			return packet.Eq(at(nextAt), packet.Num(v))
		}
		return nil
	})...)
}
