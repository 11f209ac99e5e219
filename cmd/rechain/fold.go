package main

import (
	"fmt"
	"slices"
	"strings"

	"rechain/translate/iptables"
)

// What is printed of one and the same message, and in all: a dump may have a rule that cannot be translated thousands of times.
const (
	foldAfter  = 10   // places of the same message that are listed one by one
	foldRanges = 20   // ranges of lines in which the others are
	foldLines  = 1000 // messages in all
)

// remark is a message and its place.
type remark struct {
	pos  iptables.Pos
	text string
}

// remarks are problems as messages.
func remarks(ps iptables.Problems) []remark {
	out := make([]remark, len(ps))
	for i, p := range ps {
		bare := *p
		bare.Pos = iptables.Pos{}
		out[i] = remark{p.Pos, bare.Error()}
	}
	return out
}

// fold prints messages a line each. One that comes very often is printed some times, and then once more with all the lines in which
// it is true as well. A line that is read for both families is told once.
func fold(list []remark) string {
	list = slices.Compact(list)
	type key struct{ file, text string }
	places := map[key][]int{}
	for _, r := range list {
		k := key{r.pos.File(), r.text}
		places[k] = append(places[k], int(r.pos.Line))
	}
	seen := map[key]int{}
	var lines []string
	for i, r := range list {
		k := key{r.pos.File(), r.text}
		seen[k]++
		n := len(places[k])
		switch {
		case len(lines) >= foldLines:
			lines = append(lines, fmt.Sprintf("and %d problems more, which are not listed", len(list)-i))
			return strings.Join(lines, "\n")
		case seen[k] <= foldAfter || n <= foldAfter+2 || r.pos.Line == 0:
			lines = append(lines, strings.TrimPrefix(r.pos.String()+": "+r.text, ": "))
		case seen[k] == foldAfter+1:
			lines = append(lines, fmt.Sprintf("%s: the same %d times more, in lines %s: %s", r.pos.File(), n-foldAfter, ranges(places[k][foldAfter:]), r.text))
		}
	}
	return strings.Join(lines, "\n")
}

// ranges says which lines these are, "5, 7-9".
func ranges(lines []int) string {
	var parts []string
	for i := 0; i < len(lines); {
		j := i
		for j+1 < len(lines) && lines[j+1] <= lines[j]+1 {
			j++
		}
		switch {
		case len(parts) == foldRanges:
			return fmt.Sprintf("%s … %d", strings.Join(parts, ", "), lines[len(lines)-1])
		case lines[i] == lines[j]:
			parts = append(parts, fmt.Sprint(lines[i]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", lines[i], lines[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}
