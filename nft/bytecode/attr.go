package bytecode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
)

// Attributes are laid out as struct nlattr (include/uapi/linux/netlink.h): a 16-bit length that counts the header, a 16-bit
// type, both in host order, the payload, and padding to 4 bytes that the length does not count.
const (
	attrHeader = 4      // NLA_HDRLEN
	nested     = 0x8000 // NLA_F_NESTED
	typeMask   = 0x3fff // NLA_TYPE_MASK: without NLA_F_NESTED and NLA_F_NET_BYTEORDER
)

// Attr is one netlink attribute. Type comes without its flags (NLA_F_NESTED, NLA_F_NET_BYTEORDER). Data is the payload without
// padding; it points into the buffer that was read.
type Attr struct {
	Type uint16
	Data []byte
}

// ErrAttr says that a stream of attributes is broken: a length that is too small or runs past the end.
var ErrAttr = errors.New("broken netlink attribute")

// Attrs yields the attributes of a stream in order. A broken one ends it with [ErrAttr]; the last padding may be missing.
func Attrs(b []byte) iter.Seq2[Attr, error] {
	return func(yield func(Attr, error) bool) {
		for len(b) > 0 {
			if len(b) < attrHeader {
				yield(Attr{}, ErrAttr)
				return
			}
			n := int(binary.NativeEndian.Uint16(b))
			if n < attrHeader || n > len(b) {
				yield(Attr{}, ErrAttr)
				return
			}
			a := Attr{Type: binary.NativeEndian.Uint16(b[2:]) & typeMask, Data: b[attrHeader:n:n]}
			b = b[min(align(n), len(b)):]
			if !yield(a, nil) {
				return
			}
		}
	}
}

// FindAttr returns the payload of the first attribute of that type, or nil, false.
func FindAttr(b []byte, typ uint16) ([]byte, bool) {
	for a, err := range Attrs(b) {
		if err == nil && a.Type == typ {
			return a.Data, true
		}
	}
	return nil, false
}

// U8 reads an 8-bit number, 0 when the payload has another length.
func (a Attr) U8() uint8 {
	if len(a.Data) != 1 {
		return 0
	}
	return a.Data[0]
}

// U16 reads a big-endian 16-bit number, 0 when the payload has another length.
func (a Attr) U16() uint16 {
	if len(a.Data) != 2 {
		return 0
	}
	return binary.BigEndian.Uint16(a.Data)
}

// U32 reads a big-endian 32-bit number, 0 when the payload has another length.
func (a Attr) U32() uint32 {
	if len(a.Data) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(a.Data)
}

// U64 reads a big-endian 64-bit number, 0 when the payload has another length.
func (a Attr) U64() uint64 {
	if len(a.Data) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(a.Data)
}

// String reads a string up to its first NUL, or whole.
func (a Attr) String() string {
	s, _, _ := bytes.Cut(a.Data, []byte{0})
	return string(s)
}

// Bytes returns a copy of the payload.
func (a Attr) Bytes() []byte { return append([]byte{}, a.Data...) }

// AppendU8 appends an 8-bit attribute.
func AppendU8(b []byte, typ uint16, v uint8) []byte {
	return append(header(b, typ, 1), v, 0, 0, 0)
}

// AppendU16 appends a 16-bit attribute in network order.
func AppendU16(b []byte, typ uint16, v uint16) []byte {
	return append(binary.BigEndian.AppendUint16(header(b, typ, 2), v), 0, 0)
}

// AppendU32 appends a 32-bit attribute in network order.
func AppendU32(b []byte, typ uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(header(b, typ, 4), v)
}

// AppendU64 appends a 64-bit attribute in network order. Nothing aligns it to 8 bytes; the kernel does not ask for it.
func AppendU64(b []byte, typ uint16, v uint64) []byte {
	return binary.BigEndian.AppendUint64(header(b, typ, 8), v)
}

// AppendBytes appends an attribute with data as its payload. An attribute holds at most 65531 bytes.
func AppendBytes(b []byte, typ uint16, data []byte) []byte {
	return pad(append(header(b, typ, len(data)), data...), len(data))
}

// AppendString appends a string with the NUL that ends it.
func AppendString(b []byte, typ uint16, s string) []byte {
	return pad(append(append(header(b, typ, len(s)+1), s...), 0), len(s)+1)
}

// Nest opens an attribute whose payload is made of attributes: append them, then give start to [EndNest].
func Nest(b []byte, typ uint16) (_ []byte, start int) {
	return header(b, typ|nested, 0), len(b)
}

// EndNest closes the attribute that [Nest] opened at start: it fills in the length and pads what follows to 4 bytes. Nested
// attributes that are longer than the 16-bit length can say (65535 bytes with the header) are the caller's to avoid.
func EndNest(b []byte, start int) []byte {
	n := len(b) - start
	binary.NativeEndian.PutUint16(b[start:], uint16(n))
	return pad(b, n)
}

func header(b []byte, typ uint16, payload int) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(attrHeader+payload))
	return binary.NativeEndian.AppendUint16(b, typ)
}

func pad(b []byte, n int) []byte {
	for ; n%4 != 0; n++ {
		b = append(b, 0)
	}
	return b
}

func align(n int) int { return (n + 3) &^ 3 }
