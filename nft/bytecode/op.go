package bytecode

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Op is one expression of a rule's program. The types of this package that implement it do so with pointer receivers.
type Op interface {
	// Name is the kernel's name of the expression (struct nft_expr_type.name).
	Name() string
	// String prints the operation as "nft --debug=netlink" does, without the surrounding brackets.
	String() string

	// appendAttrs appends the payload of NFTA_EXPR_DATA.
	appendAttrs(b []byte) []byte
	// take reads one attribute of NFTA_EXPR_DATA; false when it does not understand it.
	take(a Attr) bool
}

// Program is what a rule does: its operations in order. A comparison that fails, or a load without a datum, ends it
// (NFT_BREAK).
type Program []Op

// String prints one operation a line, each in brackets, as "nft --debug=netlink" prints a rule's expressions.
func (p Program) String() string {
	var s strings.Builder
	for i, op := range p {
		if i > 0 {
			s.WriteByte('\n')
		}
		s.WriteString("[ ")
		s.WriteString(op.String())
		s.WriteString(" ]")
	}
	return s.String()
}

// Reg is a register. 0 is the verdict register, 1 to 4 are the 16-byte registers, 8 to 23 the same memory in quarters of
// 4 bytes (NFT_REG32_00 to NFT_REG32_15): 8 is where 1 begins, 12 where 2 does, and so on.
type Reg uint32

// VerdictReg is NFT_REG_VERDICT.
const VerdictReg Reg = 0

const (
	firstQuarter = 8  // NFT_REG32_00
	lastQuarter  = 23 // NFT_REG32_15
)

// appendReg writes a register the way the kernel reports it back (nft_dump_register): a quarter that begins a 16-byte register
// goes by that register's number, so that one register has one encoding.
func appendReg(b []byte, typ uint16, r Reg) []byte {
	if r >= firstQuarter && r <= lastQuarter && r%4 == 0 {
		r = r/4 - 1
	}
	return AppendU32(b, typ, uint32(r))
}

// appendOptReg leaves out the attribute when the register is 0, which stands for none.
func appendOptReg(b []byte, typ uint16, r Reg) []byte {
	if r == 0 {
		return b
	}
	return appendReg(b, typ, r)
}

// appendOptU32 leaves out the attribute when it is 0, the kernel's default.
func appendOptU32(b []byte, typ uint16, v uint32) []byte {
	if v == 0 {
		return b
	}
	return AppendU32(b, typ, v)
}

// The set functions read an attribute's payload into a field; they refuse a payload of another length.

func set8(a Attr, to *uint8) bool {
	*to = a.U8()
	return len(a.Data) == 1
}

func set16(a Attr, to *uint16) bool {
	*to = a.U16()
	return len(a.Data) == 2
}

func set32[T ~uint32](a Attr, to *T) bool {
	*to = T(a.U32())
	return len(a.Data) == 4
}

func set64(a Attr, to *uint64) bool {
	*to = a.U64()
	return len(a.Data) == 8
}

// setBit reads a 32-bit attribute of which only the bit 1 has a meaning.
func setBit(a Attr, to *bool) bool {
	*to = a.U32() == 1
	return len(a.Data) == 4 && a.U32() <= 1
}

// setString refuses a string that goes on behind its NUL, because that rest would be lost.
func setString(a Attr, to *string) bool {
	*to = a.String()
	return len(a.Data) <= len(*to)+1
}

func setFamily(a Attr, to *Family) bool {
	*to = Family(a.U32())
	return len(a.Data) == 4 && a.U32() <= 0xff
}

// isPad says whether an attribute is the empty one that kernels put before 64-bit numbers where the processor wants them
// aligned (nla_align_64bit).
func isPad(a Attr) bool { return len(a.Data) == 0 }

// words prints register contents as libnftnl does: as 32-bit words in host order, the last one filled up with zeros.
func words(data []byte) string {
	var s strings.Builder
	for len(data) > 0 {
		var w [4]byte
		n := copy(w[:], data)
		data = data[n:]
		fmt.Fprintf(&s, "0x%08x ", binary.NativeEndian.Uint32(w[:]))
	}
	return strings.TrimSuffix(s.String(), " ")
}

// nameOf looks up a number's name, "unknown" when it has none.
func nameOf[T ~uint8 | ~uint32](names []string, n T) string {
	if int(n) < len(names) && names[n] != "" {
		return names[n]
	}
	return "unknown"
}

// optional prints parts of an operation, each only if its number is not 0.
type optional struct {
	format string
	value  uint32
}

func join(head string, parts ...optional) string {
	for _, p := range parts {
		if p.value != 0 {
			head += " " + fmt.Sprintf(p.format, p.value)
		}
	}
	return head
}
