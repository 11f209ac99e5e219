package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rechain/nft/packet"
)

// effect is what has been done to a packet so far, in a form in which equal effects are equal: fields are said by what they were
// before all of it.
type effect struct {
	changes map[packet.Field]change
	nat     map[bool]*packet.NAT // by whether the source is changed; the first one counts
	notes   []string             // in their order
	counts  map[string]int       // evaluations of predicates with state
	touched map[string]bool      // names of memories
	key     string
}

// change is a field's new value: one that is fixed, one that is known by a name only, or for a field whose own bits are variables, its
// bits, the least significant first.
type change struct {
	value  packet.Value
	symbol string
	bits   []bit
}

// bit is Flip, or the XOR of bits that fields had before, and Flip.
type bit struct {
	flip bool
	of   []source // sorted, none twice
}

// source is a bit of a field.
type source struct {
	field packet.Field
	bit   uint8
}

func (a source) compare(b source) int {
	if c := strings.Compare(a.field.Name, b.field.Name); c != 0 {
		return c
	}
	return int(a.bit) - int(b.bit)
}

// xor adds two bits.
func xor(a, b bit) bit {
	out := bit{flip: a.flip != b.flip}
	for _, s := range append(slices.Clone(a.of), b.of...) {
		if i := slices.Index(out.of, s); i >= 0 {
			out.of = slices.Delete(out.of, i, i+1) // twice is not at all
			continue
		}
		out.of = append(out.of, s)
	}
	slices.SortFunc(out.of, source.compare)
	return out
}

// bitsOf is what a field's bits are after the effect.
func (e *effect) bitsOf(f packet.Field) []bit {
	c, changed := e.changes[f]
	if c.bits != nil {
		return slices.Clone(c.bits)
	}
	out := make([]bit, f.Bits)
	for i := range out {
		if changed {
			out[i] = bit{flip: c.value.Bit(uint(i))}
		} else {
			out[i] = bit{of: []source{{f, uint8(i)}}}
		}
	}
	return out
}

// clone copies the effect, for a change of the copy.
func (e *effect) clone() *effect {
	c := &effect{changes: maps.Clone(e.changes), nat: maps.Clone(e.nat), notes: slices.Clip(e.notes), counts: maps.Clone(e.counts), touched: maps.Clone(e.touched)}
	if c.changes == nil {
		c.changes = map[packet.Field]change{}
	}
	return c
}

// name makes the key: equal effects have equal ones.
func (e *effect) name() string {
	var b strings.Builder
	for _, f := range slices.SortedFunc(maps.Keys(e.changes), func(a, b packet.Field) int { return strings.Compare(a.Name, b.Name) }) {
		c := e.changes[f]
		fmt.Fprintf(&b, "%s=%v %q %v;", f.Name, c.value, c.symbol, c.bits)
	}
	for _, src := range []bool{true, false} {
		if n := e.nat[src]; n != nil {
			fmt.Fprintf(&b, "nat %v;", n)
		}
	}
	for _, n := range e.notes {
		fmt.Fprintf(&b, "note %q;", n)
	}
	for _, k := range slices.Sorted(maps.Keys(e.counts)) {
		fmt.Fprintf(&b, "count %q %d;", k, e.counts[k])
	}
	for _, k := range slices.Sorted(maps.Keys(e.touched)) {
		fmt.Fprintf(&b, "touch %q;", k)
	}
	return b.String()
}

// intern returns the effect's number: 0 is none at all.
func (e *engine) intern(x *effect) int {
	x.key = x.name()
	if i, ok := e.effectOf[x.key]; ok {
		return i
	}
	e.effects = append(e.effects, x)
	e.effectOf[x.key] = len(e.effects) - 1
	return len(e.effects) - 1
}

// single is the number of one step's effect.
func (e *engine) single(s packet.Effect) int {
	x := (&effect{}).clone()
	switch v := s.(type) {
	case *packet.Write:
		if v.Keep.IsZero() && e.coding(v.Field).starts != nil {
			x.changes[v.Field] = change{value: v.Flip}
			break
		}
		bits := x.bitsOf(v.Field)
		for i := range bits {
			if !v.Keep.Bit(uint(i)) {
				bits[i] = bit{}
			}
			bits[i] = xor(bits[i], bit{flip: v.Flip.Bit(uint(i))})
		}
		x.changes[v.Field] = change{bits: bits}
	case *packet.Copy:
		bits, from := x.bitsOf(v.To), x.bitsOf(v.From)
		for i := range bits {
			if !v.Keep.Bit(uint(i)) {
				bits[i] = bit{}
			}
			if j := i - v.Shift; j >= 0 && j < len(from) && v.Bits.Bit(uint(j)) {
				bits[i] = xor(bits[i], from[j])
			}
			bits[i] = xor(bits[i], bit{flip: v.Flip.Bit(uint(i))})
		}
		x.changes[v.To] = change{bits: bits}
	case *packet.NAT:
		e.translate(x, v)
	case *packet.Note:
		x.notes = []string{v.Key}
	case *packet.Touch:
		x.touched = map[string]bool{v.Key: true}
	}
	return e.intern(x)
}

// translate adds an address translation to x.
func (e *engine) translate(x *effect, n *packet.NAT) {
	x.nat = map[bool]*packet.NAT{n.Source(): n}
	for _, w := range n.Writes(e.ipv6) {
		c := change{value: w.Value}
		if w.Unknown {
			c.symbol = w.Symbol.Name
		}
		x.changes[w.Field] = c
	}
}

// after is the effect of a and then b.
func (e *engine) after(a, b int) int {
	switch {
	case a == 0:
		return b
	case b == 0:
		return a
	}
	if r, ok := e.composed[[2]int{a, b}]; ok {
		return r
	}
	first, second := e.effects[a], e.effects[b]
	x := first.clone()
	for f, c := range second.changes {
		if c.bits != nil {
			bits := make([]bit, len(c.bits))
			for i, want := range c.bits {
				bits[i] = bit{flip: want.flip}
				for _, s := range want.of {
					bits[i] = xor(bits[i], first.bitsOf(s.field)[s.bit])
				}
			}
			c.bits = bits
		}
		x.changes[f] = c
	}
	for src, n := range second.nat {
		if first.nat[src] != nil { // what a connection has stays
			for _, w := range n.Writes(e.ipv6) {
				delete(x.changes, w.Field)
				if c, ok := first.changes[w.Field]; ok {
					x.changes[w.Field] = c
				}
			}
			continue
		}
		if x.nat == nil {
			x.nat = map[bool]*packet.NAT{}
		}
		x.nat[src] = n
	}
	x.notes = append(x.notes, second.notes...)
	for k, n := range second.counts {
		if x.counts == nil {
			x.counts = map[string]int{}
		}
		x.counts[k] += n
	}
	for k := range second.touched {
		if x.touched == nil {
			x.touched = map[string]bool{}
		}
		x.touched[k] = true
	}
	r := e.intern(x)
	e.composed[[2]int{a, b}] = r
	return r
}
