package compare

import (
	"math/bits"
	"slices"

	"rechain/nft/packet"
)

// How a field becomes variables. Where rules only ask whether its value lies in intervals, values that no rule tells apart are one
// class, and the variables are the bits of the class's number: a port that 30 rules ask for needs six variables instead of 16, an
// IPv6 address perhaps twelve instead of 128. Where rules mask a field or write a part of it, the variables are its own bits.
type coding struct {
	field packet.Field
	level uint32 // of the most significant bit
	width uint
	// starts are the first values of the classes, sorted; nil: the bits are the value's own. Numbers behind the last class are that
	// class too.
	starts []packet.Value
}

// classOf is the number of the class that holds v.
func (c *coding) classOf(v packet.Value) uint64 {
	i, found := slices.BinarySearchFunc(c.starts, v, packet.Value.Cmp)
	if !found {
		i--
	}
	return uint64(i)
}

// code is what the variables are for a value.
func (c *coding) code(v packet.Value) packet.Value {
	if c.starts == nil {
		return v
	}
	return packet.Num(c.classOf(v))
}

// values are those that a code stands for.
func (c *coding) values(code packet.Value) packet.Range {
	if c.starts == nil {
		return packet.Range{From: code, To: code}
	}
	i := min(int(code.Lo), len(c.starts)-1)
	to := packet.Ones(uint(c.field.Bits))
	if i+1 < len(c.starts) {
		to = c.starts[i+1].Prev()
	}
	return packet.Range{From: c.starts[i], To: to}
}

// survey collects what rules ask of a field.
type survey struct {
	field  packet.Field
	starts []packet.Value // where an interval begins, or the values behind one do
	bits   bool           // masked, or written in part
}

// coding makes variables, the first of them at level.
func (s *survey) coding(level uint32) *coding {
	c := &coding{field: s.field, level: level, width: uint(s.field.Bits)}
	if s.bits {
		return c
	}
	c.starts = append(s.starts, packet.Value{})
	slices.SortFunc(c.starts, packet.Value.Cmp)
	c.starts = slices.Compact(c.starts)
	c.width = uint(bits.Len(uint(len(c.starts) - 1)))
	return c
}

// cut notes that rules tell a range from the rest.
func (s *survey) cut(r packet.Range) {
	s.starts = append(s.starts, r.From)
	if r.To != packet.Ones(uint(s.field.Bits)) {
		s.starts = append(s.starts, r.To.Next())
	}
}
