package ext

import (
	"errors"
	"fmt"
	"strings"

	"rechain/translate/iptables"
)

// u32Test is one comparison of xt_u32 (struct xt_u32_test): a place, what is done with the 4 bytes there, and the ranges that the
// result may be in.
type u32Test struct {
	at     uint32
	ops    []u32Op
	values []iptables.Range
}

// u32Op is an operator with its number: "&", "<<", ">>", or "@", which goes to the place that the result says.
type u32Op struct {
	name string
	n    uint32
}

// The most that the kernel takes (XT_U32_MAXSIZE).
const u32Max = 10

var u32Kind = iptables.NewKind(
	func(w string, _ iptables.Family) ([]u32Test, error) {
		var tests []u32Test
		for part := range strings.SplitSeq(strings.Map(dropBlank, w), "&&") {
			t, err := parseU32(part)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", iptables.Quote(part), err)
			}
			tests = append(tests, t)
		}
		if len(tests) > u32Max+1 {
			return nil, fmt.Errorf("has more than %d tests", u32Max+1)
		}
		return tests, nil
	},
	func(tests []u32Test) string {
		words := make([]string, len(tests))
		for i, t := range tests {
			words[i] = t.String()
		}
		return iptables.Quote(strings.Join(words, "&&"))
	})

func dropBlank(r rune) rune {
	if r == ' ' || r == '\t' || r == '\n' {
		return -1
	}
	return r
}

func parseU32(w string) (u32Test, error) {
	place, values, ok := strings.Cut(w, "=")
	if !ok {
		return u32Test{}, errors.New("has no =")
	}
	var t u32Test
	var err error
	if t.at, place, err = leadingNumber(place); err != nil {
		return t, err
	}
	for place != "" {
		op := u32Op{}
		for _, name := range []string{"&", "<<", ">>", "@"} {
			if rest, ok := strings.CutPrefix(place, name); ok {
				op.name, place = name, rest
				break
			}
		}
		if op.name == "" {
			return t, fmt.Errorf("%s is not an operator", iptables.Quote(place))
		}
		if op.n, place, err = leadingNumber(place); err != nil {
			return t, err
		}
		t.ops = append(t.ops, op)
	}
	for v := range strings.SplitSeq(values, ",") {
		lo, hi, two := strings.Cut(v, ":")
		if !two {
			hi = lo
		}
		from, err := iptables.ParseUint(lo, 0, 1<<32-1)
		if err != nil {
			return t, err
		}
		to, err := iptables.ParseUint(hi, 0, 1<<32-1)
		if err != nil {
			return t, err
		}
		t.values = append(t.values, iptables.Range{Lo: from, Hi: to})
	}
	if len(t.ops) > u32Max || len(t.values) > u32Max+1 {
		return t, errors.New("is longer than the kernel takes")
	}
	return t, nil
}

// leadingNumber reads the number at the head of w.
func leadingNumber(w string) (uint32, string, error) {
	end := strings.IndexAny(w, "&<>@")
	if end < 0 {
		end = len(w)
	}
	n, err := iptables.ParseUint(w[:end], 0, 1<<32-1)
	return uint32(n), w[end:], err
}

func (t u32Test) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "0x%x", t.at)
	for _, op := range t.ops {
		fmt.Fprintf(&b, "%s0x%x", op.name, op.n)
	}
	b.WriteByte('=')
	for i, v := range t.values {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "0x%x", v.Lo)
		if v.Hi != v.Lo {
			fmt.Fprintf(&b, ":0x%x", v.Hi)
		}
	}
	return b.String()
}
