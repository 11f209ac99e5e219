package packet

import "slices"

// Merge sorts ranges and joins those that overlap or touch. Empty ones are left out.
func Merge(ranges []Range) []Range {
	sorted := slices.DeleteFunc(slices.Clone(ranges), func(r Range) bool { return r.From.Cmp(r.To) > 0 })
	slices.SortFunc(sorted, func(a, b Range) int { return a.From.Cmp(b.From) })
	var out []Range
	for _, r := range sorted {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if r.From.Cmp(last.To) <= 0 || r.From == last.To.Next() && last.To != Ones(128) {
				if r.To.Cmp(last.To) > 0 {
					last.To = r.To
				}
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

// Contains says whether one of the ranges, which are sorted, holds v.
func Contains(ranges []Range, v Value) bool {
	i, found := slices.BinarySearchFunc(ranges, v, func(r Range, v Value) int { return r.From.Cmp(v) })
	return found || i > 0 && v.Cmp(ranges[i-1].To) <= 0
}
