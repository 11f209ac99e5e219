package packet

import (
	"math/rand"
	"testing"
)

// TestParts holds predicates over parts of fields against the numbers that they are about.
func TestParts(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 4000 {
		parts := At(r.Intn(2) == 0, []uint8{0, 1, 6, 17, 51}[r.Intn(5)], Header(r.Intn(3)), uint32(r.Intn(40)), uint32(1+r.Intn(32)))
		width := Width(parts)
		num := func() Value { return Num(r.Uint64()).And(Ones(width)) }
		from, to, mask, value := num(), num(), num(), num()
		if r.Intn(2) == 0 {
			value = value.And(mask)
		}
		in, masked := PartsIn(parts, []Range{{from, to}}), PartsTest(parts, mask, value)
		for range 20 {
			p := &Packet{}
			whole := Value{}
			for _, part := range parts {
				if _, ok := p.Fields[part.Field]; !ok {
					p.Set(part.Field, Value{r.Uint64(), r.Uint64()}.And(Ones(uint(part.Field.Bits))))
				}
				whole = whole.Shl(uint(part.Bits)).Or(p.Get(part.Field).Shr(uint(part.Low)).And(Ones(uint(part.Bits))))
			}
			if got, want := Holds(in, p), from.Cmp(whole) <= 0 && whole.Cmp(to) <= 0; got != want {
				t.Fatalf("%v: %v in %v to %v: %v, want %v", parts, whole, from, to, got, want)
			}
			if got, want := Holds(masked, p), whole.And(mask) == value; got != want {
				t.Fatalf("%v: %v & %v == %v: %v, want %v", parts, whole, mask, value, got, want)
			}
		}
	}
}

// TestMerge holds merged ranges against the ranges that they were made of.
func TestMerge(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for range 2000 {
		var ranges []Range
		for range r.Intn(6) {
			from := uint64(r.Intn(40))
			ranges = append(ranges, Range{Num(from), Num(from + uint64(r.Intn(8)))})
		}
		merged := Merge(ranges)
		for v := range uint64(60) {
			want := false
			for _, x := range ranges {
				want = want || x.From.Lo <= v && v <= x.To.Lo
			}
			if Contains(merged, Num(v)) != want {
				t.Fatalf("%v merged to %v: %d", ranges, merged, v)
			}
		}
	}
}
