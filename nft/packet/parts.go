package packet

// Width is the number of bits of parts together.
func Width(parts []Part) (n uint) {
	for _, p := range parts {
		n += uint(p.Bits)
	}
	return n
}

// PartsTest says that the bits of parts, read as one number, are value wherever mask has a one.
func PartsTest(parts []Part, mask, value Value) Pred {
	rest := Width(parts)
	var all All
	for _, p := range parts {
		rest -= uint(p.Bits)
		ones := Ones(uint(p.Bits))
		m, v := mask.Shr(rest).And(ones), value.Shr(rest).And(ones)
		all = append(all, Test(p.Field, m.Shl(uint(p.Low)), v.Shl(uint(p.Low))))
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// PartsIn says that the bits of parts, read as one number, lie in one of the ranges.
func PartsIn(parts []Part, ranges []Range) Pred {
	if len(parts) == 1 && parts[0].Low == 0 && parts[0].Bits == parts[0].Field.Bits {
		return Within(parts[0].Field, ranges)
	}
	var any Any
	for _, r := range Merge(ranges) {
		any = append(any, partsBetween(parts, r.From, r.To))
	}
	if len(any) == 1 {
		return any[0]
	}
	return any
}

// partsBetween compares as words are compared: by the first part, and by the rest where that is equal to a bound's.
func partsBetween(parts []Part, from, to Value) Pred {
	all := Ones(Width(parts))
	if from.IsZero() && to == all {
		return All{}
	}
	p, rest := parts[0], parts[1:]
	low := Width(rest)
	ones := Ones(low)
	first, last := from.Shr(low), to.Shr(low)
	if len(rest) == 0 {
		return partBetween(p, first, last)
	}
	if first == last {
		return All{partBetween(p, first, first), partsBetween(rest, from.And(ones), to.And(ones))}
	}
	any := Any{
		All{partBetween(p, first, first), partsBetween(rest, from.And(ones), ones)},
		All{partBetween(p, last, last), partsBetween(rest, Value{}, to.And(ones))},
	}
	if inner := first.Next(); inner.Cmp(last) < 0 {
		any = append(any, partBetween(p, inner, last.Prev()))
	}
	return any
}

// partBetween compares one part. Where bits of the field lie above it, the range is cut into blocks that a mask can name.
func partBetween(p Part, from, to Value) Pred {
	low, above := uint(p.Low), uint(p.Field.Bits-p.Low-p.Bits)
	if above == 0 {
		return Between(p.Field, from.Shl(low), to.Shl(low).Or(Ones(low)))
	}
	var any Any
	full := Ones(uint(p.Bits))
	for _, b := range blocks(from, to, uint(p.Bits)) {
		any = append(any, Test(p.Field, full.AndNot(Ones(b.size)).Shl(low), b.first.Shl(low)))
	}
	return any
}

// block is the values whose bits above the size lowest ones are those of first.
type block struct {
	first Value
	size  uint
}

// blocks cuts a range of numbers of some bits into the fewest blocks.
func blocks(from, to Value, bits uint) []block {
	var out []block
	for {
		size := uint(0)
		for size < bits && from.And(Ones(size+1)).IsZero() && from.Or(Ones(size+1)).Cmp(to) <= 0 {
			size++
		}
		out = append(out, block{from, size})
		last := from.Or(Ones(size))
		if last.Cmp(to) >= 0 {
			return out
		}
		from = last.Next()
	}
}
