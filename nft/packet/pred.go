package packet

// Pred says which packets: [In], [Masked], [Opaque], or [Not], [All] and [Any] of predicates. All{} is every packet, Any{} none.
type Pred interface{ pred() }

// Range is the values From to To, both included.
type Range struct{ From, To Value }

// In says that a field's value lies in one of the ranges. They are sorted, apart from each other, and not empty each.
type In struct {
	Field  Field
	Ranges []Range
}

// Masked says that Field & Mask == Value, for masks that are no prefix: those are an [In].
type Masked struct {
	Field       Field
	Mask, Value Value
}

// Opaque is a predicate about which nothing is known but its name: equal keys are the same predicate, wherever they stand. A key
// names the module and all its options in one spelling.
//
// Stateful ones have a memory of their own (limit, quota, numgen …): a second evaluation for the same packet may say something else,
// and asking changes what later packets see. They stand only as a [Require], or in a [Not] there.
type Opaque struct {
	Key      string
	Stateful bool
}

// Not negates.
type Not struct{ P Pred }

// All holds when each holds, Any when one holds.
type (
	All []Pred
	Any []Pred
)

func (*In) pred()     {}
func (*Masked) pred() {}
func (*Opaque) pred() {}
func (Not) pred()     {}
func (All) pred()     {}
func (Any) pred()     {}

// Eq says that a field has one value.
func Eq(f Field, v Value) Pred { return &In{f, []Range{{v, v}}} }

// Between says that a field lies between two values, both included; never where from is above to.
func Between(f Field, from, to Value) Pred {
	if from.Cmp(to) > 0 {
		return Any{}
	}
	return &In{f, []Range{{from, to}}}
}

// OneOf says that a field has one of some values, in any order.
func OneOf(f Field, values ...Value) Pred {
	ranges := make([]Range, len(values))
	for i, v := range values {
		ranges[i] = Range{v, v}
	}
	return Within(f, ranges)
}

// Within says that a field lies in one of some ranges, in any order, which may overlap.
func Within(f Field, ranges []Range) Pred {
	ranges = Merge(ranges)
	if len(ranges) == 0 {
		return Any{}
	}
	return &In{f, ranges}
}

// Set says that a field of one bit is 1.
func Set(f Field) Pred { return Eq(f, Num(1)) }

// Test says that f & mask == value, in the form that fits: an interval where the mask is a prefix.
func Test(f Field, mask, value Value) Pred {
	full := Ones(uint(f.Bits))
	mask = mask.And(full)
	if !value.AndNot(mask).IsZero() {
		return Any{} // a bit that is wanted but not looked at
	}
	if mask.IsZero() {
		return All{}
	}
	free := full.AndNot(mask)
	if free.And(free.Next()).IsZero() { // the mask is all ones, then all zeros
		return &In{f, []Range{{value, value.Or(free)}}}
	}
	return &Masked{f, mask, value}
}

// Negate is p, or Not{p} where neg.
func Negate(p Pred, neg bool) Pred {
	if neg {
		return Not{p}
	}
	return p
}
