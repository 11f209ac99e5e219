package nft

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/big"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// valueType is what a constant needs to be printed.
type valueType struct {
	typ   Datatype
	order byteOrder
	bits  uint32
	raw   bool        // integers of raw payload print in hexadecimal
	parts []valueType // of a concatenation
}

func (k keyInfo) value() valueType { return valueType{typ: k.typ, order: k.order, bits: k.bits} }

// flags reports whether values are sets of named flags.
func (t valueType) flags() bool { return t.typ.info().kind == bitmaskKind && t.typ != TypeBitmask }

// number reads register bytes in the order of a type.
func (t valueType) number(data []byte) *big.Int { return new(big.Int).SetBytes(t.bigEndian(data)) }

// small is [valueType.number] of at most 8 bytes.
func (t valueType) small(data []byte) (n uint64) {
	for i := range data {
		if t.order == hostOrder {
			i = len(data) - 1 - i
		}
		n = n<<8 | uint64(data[i])
	}
	return n
}

// low are the lowest 32 bits of [valueType.number].
func (t valueType) low(data []byte) uint32 {
	if t.order == hostOrder {
		return uint32(t.small(data[:min(len(data), 4)]))
	}
	return uint32(t.small(data[max(0, len(data)-4):]))
}

// bigEndian are register bytes of a type, the highest first.
func (t valueType) bigEndian(data []byte) []byte {
	if t.order == hostOrder {
		return reversed(data)
	}
	return data
}

func reversed(b []byte) []byte {
	r := slices.Clone(b)
	slices.Reverse(r)
	return r
}

// constant prints register bytes of a type. Flags become "a | b".
func (v *viewer) constant(data []byte, t valueType) node {
	if t.parts != nil {
		return v.concatConstant(data, t)
	}
	if t.flags() {
		return v.flagNode(flagBits(t.number(data)), data, t, "|")
	}
	return v.literal(data, t, false)
}

// flagBits splits a number into its single bits.
func flagBits(n *big.Int) (bits []*big.Int) {
	for i := 0; i < n.BitLen(); i++ {
		if n.Bit(i) == 1 {
			bits = append(bits, new(big.Int).Lsh(big.NewInt(1), uint(i)))
		}
	}
	return bits
}

// flagNode joins flags with an operator; no flag or one prints as the value that it is.
func (v *viewer) flagNode(flags []*big.Int, data []byte, t valueType, op string) node {
	if len(flags) < 2 {
		return v.literal(data, t, false)
	}
	var n node = v.numeral(flags[0], t, false)
	for _, f := range flags[1:] {
		n = &binaryNode{op: op, l: n, r: v.numeral(f, t, false)}
	}
	return n
}

func (v *viewer) concatConstant(data []byte, t valueType) node {
	c := &concatNode{}
	for _, part := range t.parts {
		size := min(int(part.bits+7)/8, len(data))
		c.parts = append(c.parts, v.constant(data[:size], part))
		data = data[min(int(pad(uint32(size))), len(data)):]
	}
	return c
}

// literal prints one constant. Inside a range, text shows numbers for symbols, as nft does; JSON only for protocols.
func (v *viewer) literal(data []byte, t valueType, inRange bool) literal {
	switch t.typ {
	case TypeIPAddr, TypeIP6Addr:
		if a, ok := netip.AddrFromSlice(data); ok {
			return plainLiteral(addressText(a))
		}
	case TypeEtherAddr, TypeLLAddr:
		var parts []string
		for _, b := range data {
			parts = append(parts, hex.EncodeToString([]byte{b}))
		}
		return plainLiteral(strings.Join(parts, ":"))
	case TypeInvalid:
		s := "0x" + new(big.Int).SetBytes(data).Text(16) + " [invalid type]"
		return literal{s, s}
	}
	if t.typ.info().kind == stringKind {
		s, _, _ := bytes.Cut(data, []byte{0})
		return quotedLiteral(string(s))
	}
	if len(data) <= 8 {
		return v.small(t.small(data), t, inRange)
	}
	return v.numeral(t.number(data), t, inRange)
}

// addressText is inet_ntop(3)'s spelling, in which an IPv4-compatible or -mapped address ends in dots.
func addressText(a netip.Addr) string {
	if !a.Is6() {
		return a.String()
	}
	b := a.As16()
	zeros, mapped := true, true
	for i := 0; i < 10; i++ {
		zeros = zeros && b[i] == 0
	}
	mapped = zeros && b[10] == 0xff && b[11] == 0xff
	compat := zeros && b[10] == 0 && b[11] == 0 && (b[12] != 0 || b[13] != 0)
	v4 := netip.AddrFrom4([4]byte(b[12:])).String()
	switch {
	case mapped:
		return "::ffff:" + v4
	case compat:
		return "::" + v4
	}
	return a.String()
}

// plainLiteral is a word in text and a string in JSON.
func plainLiteral(s string) literal { return literal{s, s} }

// quotedLiteral is a string in both.
func quotedLiteral(s string) literal { return literal{quoted(s), s} }

// numeral prints a number of a datatype.
func (v *viewer) numeral(n *big.Int, t valueType, inRange bool) literal {
	switch {
	case n.IsUint64():
		return v.small(n.Uint64(), t, inRange)
	case t.typ == TypeCtLabel:
		bit := n.TrailingZeroBits()
		return literal{strconv.Itoa(int(bit)), uint64(bit)}
	}
	text := n.Text(10)
	if info := t.typ.info(); info.hex != 0 || t.raw {
		text = "0x" + n.Text(16)
	}
	return literal{text, "0x" + n.Text(16)} // in JSON, numbers have 64 bits
}

// small prints a number of a datatype.
func (v *viewer) small(small uint64, t valueType, inRange bool) literal {
	switch t.typ {
	case TypeIfindex:
		if name := v.ifname(uint32(small)); name != "" {
			return quotedLiteral(name)
		}
		return plainLiteral(strconv.FormatUint(small, 10))
	case TypeTime:
		return timeLiteral(small, inRange)
	case TypeClassid:
		return plainLiteral(classid(uint32(small)))
	case TypeTimeDate:
		s := time.Unix(0, int64(small)).In(v.location()).Format("2006-01-02 15:04:05")
		return quotedLiteral(s)
	case TypeTimeHour:
		s := v.hour(int(small))
		return quotedLiteral(s)
	case TypeCgroupV2:
		if v.names.Cgroup != nil {
			if path := v.names.Cgroup(small); path != "" {
				return quotedLiteral(path)
			}
		}
		return plainLiteral(strconv.FormatUint(small, 10))
	case TypeCtLabel:
		bit := bits.TrailingZeros64(small)
		if small == 0 {
			bit = 0
		}
		return literal{strconv.Itoa(bit), uint64(bit)}
	}
	return symbolLiteral(small, t, inRange)
}

// symbolLiteral prints a number by name if it has one.
func symbolLiteral(n uint64, t valueType, inRange bool) literal {
	info := t.typ.info()
	l := literal{numberText(n, info, t.raw), n}
	if t.typ == TypeRealm {
		l.js = l.txt
	}
	name, ok := info.symbol(n)
	if !ok {
		return l
	}
	if t.typ == TypeBoolean {
		l.js = n != 0
	} else if !inRange || t.typ != TypeInetProto {
		l.js = name
	}
	if !inRange {
		l.txt = name
		if info.quoted {
			l.txt = quoted(name)
		}
	}
	return l
}

func numberText(n uint64, info *typeInfo, raw bool) string {
	switch {
	case info.hex > 0:
		return fmt.Sprintf("0x%0*x", info.hex, n)
	case info.hex < 0 || raw:
		return "0x" + strconv.FormatUint(n, 16)
	}
	return strconv.FormatUint(n, 10)
}

func (v *viewer) ifname(index uint32) string {
	if v.names.Ifname == nil {
		return ""
	}
	return v.names.Ifname(index)
}

func (v *viewer) location() *time.Location {
	if v.names.Location == nil {
		return time.UTC
	}
	return v.names.Location
}

// hour prints seconds since midnight UTC in the zone's present offset, as nft reads it.
func (v *viewer) hour(seconds int) string {
	const day = 24 * 60 * 60
	_, offset := time.Now().In(v.location()).Zone()
	seconds = ((seconds+offset)%day + day) % day
	s := fmt.Sprintf("%02d:%02d", seconds/3600, seconds/60%60)
	if seconds%60 != 0 {
		s += fmt.Sprintf(":%02d", seconds%60)
	}
	return s
}

// classid prints a traffic control handle (linux/pkt_sched.h, TC_H_*).
func classid(h uint32) string {
	switch h {
	case 0xffffffff:
		return "root"
	case 0:
		return "none"
	}
	return fmt.Sprintf("%x:%x", h>>16, h&0xffff)
}

// timeLiteral is a duration in milliseconds. A range and JSON have seconds; what is not a whole one is spelled out, which nft reads
// there too.
func timeLiteral(ms uint64, inRange bool) literal {
	switch {
	case ms%1000 != 0:
		return plainLiteral(durationText(ms))
	case inRange:
		return literal{strconv.FormatUint(ms/1000, 10) + "s", ms / 1000}
	}
	return literal{durationText(ms), ms / 1000}
}

// durationText spells milliseconds as nft does: "1d2h3m4s5ms".
func durationText(ms uint64) string {
	var b strings.Builder
	for _, u := range []struct {
		size uint64
		unit string
	}{{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}} {
		if ms >= u.size {
			fmt.Fprintf(&b, "%d%s", ms/u.size, u.unit)
			ms %= u.size
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}
