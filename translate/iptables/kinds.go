package iptables

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// NewKind makes the kind of options that take one word. The option's value has type T. format is given a value that parse made,
// or one like it, and quotes where iptables-save quotes (see [Quote]).
func NewKind[T any](parse func(word string, family Family) (T, error), format func(T) string) Kind {
	return oneWord[T]{parse, format}
}

type oneWord[T any] struct {
	parse  func(string, Family) (T, error)
	format func(T) string
}

func (oneWord[T]) Args() int { return 1 }

func (k oneWord[T]) Parse(words []string, family Family) (any, error) {
	v, err := k.parse(words[0], family)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func (k oneWord[T]) Format(value any) string { return k.format(value.(T)) }

// Flag is the kind of options without a value. Their value is nil.
var Flag Kind = flag{}

type flag struct{}

func (flag) Args() int                           { return 0 }
func (flag) Parse([]string, Family) (any, error) { return nil, nil }
func (flag) Format(any) string                   { return "" }

// Uint is a number from min to max, printed in decimal. Value: uint64.
func Uint(min, max uint64) Kind {
	return NewKind(
		func(w string, _ Family) (uint64, error) { return ParseUint(w, min, max) },
		func(v uint64) string { return strconv.FormatUint(v, 10) })
}

// Hex is a number from min to max, printed with 0x and at least digits digits. Value: uint64.
func Hex(min, max uint64, digits int) Kind {
	return NewKind(
		func(w string, _ Family) (uint64, error) { return ParseUint(w, min, max) },
		func(v uint64) string { return fmt.Sprintf("0x%0*x", digits, v) })
}

// Range is both ends of a range of numbers, included.
type Range struct{ Lo, Hi uint64 }

// UintRange is "a" or "a:b" with another separator for the colon, if so wanted, and with "a:" and ":b" reaching to the ends.
// The second is not below the first. It prints one number when both ends are equal. Value: [Range].
func UintRange(min, max uint64, sep string) Kind {
	return NewKind(
		func(w string, _ Family) (Range, error) { return parseRange(w, min, max, sep) },
		func(v Range) string {
			if v.Lo == v.Hi {
				return strconv.FormatUint(v.Lo, 10)
			}
			return strconv.FormatUint(v.Lo, 10) + sep + strconv.FormatUint(v.Hi, 10)
		})
}

func parseRange(w string, min, max uint64, sep string) (Range, error) {
	lo, hi, two := strings.Cut(w, sep)
	r := Range{min, max}
	var err error
	if lo != "" || !two {
		if r.Lo, err = ParseUint(lo, min, max); err != nil {
			return r, err
		}
	}
	if !two {
		r.Hi = r.Lo
		return r, nil
	}
	if hi != "" {
		if r.Hi, err = ParseUint(hi, min, max); err != nil {
			return r, err
		}
	}
	if r.Lo > r.Hi {
		return r, fmt.Errorf("%s is an empty range: %d is above %d", Quote(w), r.Lo, r.Hi)
	}
	return r, nil
}

// ParseUint reads a number from min to max as C's strtoul does with base 0: decimal, 0x hexadecimal, or octal with a leading 0.
func ParseUint(w string, min, max uint64) (uint64, error) {
	digits, base := w, 10
	switch {
	case strings.HasPrefix(w, "0x"), strings.HasPrefix(w, "0X"):
		digits, base = w[2:], 16
	case len(w) > 1 && w[0] == '0':
		digits, base = w[1:], 8
	}
	v, err := strconv.ParseUint(digits, base, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return 0, fmt.Errorf("%s is not a number", Quote(w))
	}
	if err != nil || v < min || v > max {
		return 0, fmt.Errorf("%s is out of range: %d to %d", w, min, max)
	}
	return v, nil
}
