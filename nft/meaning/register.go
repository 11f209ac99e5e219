package meaning

import "rechain/nft/packet"

// register is what a register holds: bits, the most significant of the first byte first.
type register struct {
	bits []bit
	// needs must hold, or the load broke the rule off.
	needs packet.All
	// memory is the key of what has a memory and made the value: each evaluation gives another. "": nothing did.
	memory string
	// bit is when a register of one byte is 1 and not 0, where more than a field says so; nil: the bits say it all.
	bit packet.Pred
	// cases are the values of a map lookup, when they are not all the same.
	cases []mapped
}

// mapped is what a map has for some packets.
type mapped struct {
	when packet.Pred
	data []byte
}

// bit is a bit of a field, inverted where flip is set, or with fixed the constant flip.
type bit struct {
	field packet.Field
	n     uint8 // 0 is the least significant
	flip  bool
	fixed bool
}

// network is a field in network byte order, in so many bytes.
func network(f packet.Field, bytes int) []bit {
	out := make([]bit, 8*bytes)
	for i := range out {
		n := len(out) - 1 - i
		if n < int(f.Bits) {
			out[i] = bit{field: f, n: uint8(n)}
		} else {
			out[i] = bit{fixed: true}
		}
	}
	return out
}

// host is a field in host byte order. Programs are those of a little-endian machine, as the rest of the project has them.
func host(f packet.Field, bytes int) []bit { return swapped(network(f, bytes), bytes) }

// swapped turns the bytes of each group of size bytes around.
func swapped(bits []bit, size int) []bit {
	out := make([]bit, len(bits))
	for start := 0; start < len(bits); start += 8 * size {
		group := min(size, (len(bits)-start)/8)
		for i := range group {
			copy(out[start+8*i:start+8*i+8], bits[start+8*(group-1-i):])
		}
	}
	return out
}

// constant is data as bits.
func constant(data []byte) []bit {
	out := make([]bit, 8*len(data))
	for i := range out {
		out[i] = bit{fixed: true, flip: data[i/8]>>(7-i%8)&1 != 0}
	}
	return out
}

// of are parts of fields as bits.
func ofParts(parts []packet.Part) []bit {
	var out []bit
	for _, p := range parts {
		for i := range p.Bits {
			out = append(out, bit{field: p.Field, n: p.Low + p.Bits - 1 - i})
		}
	}
	return out
}

// fixedBytes are the register's bytes, if all its bits are constants.
func fixedBytes(bits []bit) ([]byte, bool) {
	out := make([]byte, len(bits)/8)
	for i, b := range bits {
		if !b.fixed {
			return nil, false
		}
		if b.flip {
			out[i/8] |= 0x80 >> (i % 8)
		}
	}
	return out, true
}

// is says when the register is data.
func (r register) is(data []byte) packet.Pred {
	switch {
	case r.bit == nil:
		return equal(r.bits, data)
	case data[0] > 1:
		return packet.Any{}
	}
	return packet.Negate(r.bit, data[0] == 0)
}

// equal says when the bits are data.
func equal(bits []bit, data []byte) packet.Pred {
	type test struct{ mask, value packet.Value }
	tests := map[packet.Field]*test{}
	var order []packet.Field
	for i, b := range bits {
		want := i/8 < len(data) && data[i/8]>>(7-i%8)&1 != 0
		if i/8 >= len(data) {
			break // comparisons are of as many bytes as they name
		}
		if b.fixed {
			if b.flip != want {
				return packet.Any{}
			}
			continue
		}
		t := tests[b.field]
		if t == nil {
			t = &test{}
			tests[b.field] = t
			order = append(order, b.field)
		}
		one := packet.Num(1).Shl(uint(b.n))
		if t.mask.Bit(uint(b.n)) && t.value.Bit(uint(b.n)) != (want != b.flip) {
			return packet.Any{} // one bit twice, and not the same
		}
		t.mask = t.mask.Or(one)
		if want != b.flip {
			t.value = t.value.Or(one)
		}
	}
	var all packet.All
	for _, f := range order {
		all = append(all, packet.Test(f, tests[f].mask, tests[f].value))
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// clean are the bits as parts of fields, if they are whole runs of them behind constants and before zeros; skip counts the bits before, and zeros
// those behind.
func clean(bits []bit) (parts []packet.Part, skip, zeros int, ok bool) {
	end := len(bits)
	for end > 0 && bits[end-1].fixed && !bits[end-1].flip {
		end--
	}
	zeros = len(bits) - end
	for skip < end && bits[skip].fixed {
		skip++
	}
	for i := skip; i < end; i++ {
		b := bits[i]
		if b.fixed || b.flip {
			return nil, 0, 0, false
		}
		if n := len(parts); n > 0 && parts[n-1].Field == b.field && parts[n-1].Low == b.n+1 {
			parts[n-1].Low--
			parts[n-1].Bits++
			continue
		}
		parts = append(parts, packet.Part{Field: b.field, Low: b.n, Bits: 1})
	}
	return parts, skip, zeros, true
}

// between says when the bits, compared byte by byte, lie in one of some ranges of data; false when that cannot be said.
func between(bits []bit, ranges []packet.Range) (packet.Pred, bool) {
	parts, skip, zeros, ok := clean(bits)
	if !ok || len(bits) > 128 {
		return nil, false
	}
	width := uint(len(bits) - skip)
	var prefix packet.Value
	for _, b := range bits[:skip] {
		prefix = prefix.Shl(1)
		if b.flip {
			prefix = prefix.Or(packet.Num(1))
		}
	}
	low := prefix.Shl(width)
	high := low.Or(packet.Ones(width))
	var inner []packet.Range
	for _, r := range ranges {
		if r.To.Cmp(low) < 0 || r.From.Cmp(high) > 0 {
			continue
		}
		if r.From.Cmp(low) < 0 {
			r.From = low
		}
		if r.To.Cmp(high) > 0 {
			r.To = high
		}
		from, to := r.From.And(packet.Ones(width)), r.To.And(packet.Ones(width))
		rest := from.And(packet.Ones(uint(zeros)))
		from, to = from.Shr(uint(zeros)), to.Shr(uint(zeros))
		if !rest.IsZero() {
			if from == packet.Ones(width-uint(zeros)) {
				continue
			}
			from = from.Next()
		}
		if from.Cmp(to) <= 0 {
			inner = append(inner, packet.Range{From: from, To: to})
		}
	}
	if len(inner) == 0 {
		return packet.Any{}, true
	}
	if len(parts) == 0 {
		return packet.All{}, true
	}
	return packet.PartsIn(parts, inner), true
}
