// Package diff lines two lists up: which items of one stand for which of the other, in order.
package diff

// Step is one item of the result. A is the index in the first list, B in the second; -1 where that list has no such item. A step
// with both is a pair that is the same.
type Step struct{ A, B int }

// maxEdits bounds the search. Lists that differ in more items than that are not similar in a way that a shortest script would
// show, and the search costs the square of it in memory; what is left unaligned then counts as removed and added.
const maxEdits = 1500

// Lists returns a shortest script from a to b (Myers, "An O(ND) Difference Algorithm and Its Variations", 1986): each item of
// either list once, in order, removals before additions.
func Lists[T any](a, b []T, same func(x, y T) bool) []Step {
	prefix := 0
	for prefix < len(a) && prefix < len(b) && same(a[prefix], b[prefix]) {
		prefix++
	}
	suffix := 0
	for suffix < len(a)-prefix && suffix < len(b)-prefix && same(a[len(a)-1-suffix], b[len(b)-1-suffix]) {
		suffix++
	}
	steps := make([]Step, 0, max(len(a), len(b)))
	for i := range prefix {
		steps = append(steps, Step{i, i})
	}
	for _, s := range search(a[prefix:len(a)-suffix], b[prefix:len(b)-suffix], same) {
		if s.A >= 0 {
			s.A += prefix
		}
		if s.B >= 0 {
			s.B += prefix
		}
		steps = append(steps, s)
	}
	for i := suffix; i > 0; i-- {
		steps = append(steps, Step{len(a) - i, len(b) - i})
	}
	return steps
}

// search runs the greedy algorithm: reach[k] is how far into a one gets on diagonal k (index in a minus index in b) with d edits.
func search[T any](a, b []T, same func(x, y T) bool) []Step {
	n, m := len(a), len(b)
	limit := min(n+m, maxEdits)
	reach := make([]int, 2*limit+3)
	mid := limit + 1
	var history [][]int
	for d := 0; d <= limit; d++ {
		history = append(history, append([]int(nil), reach[mid-d-1:mid+d+2]...))
		for k := -d; k <= d; k += 2 {
			var x int
			if k == -d || k != d && reach[mid+k-1] < reach[mid+k+1] {
				x = reach[mid+k+1]
			} else {
				x = reach[mid+k-1] + 1
			}
			y := x - k
			for x < n && y < m && y >= 0 && same(a[x], b[y]) {
				x, y = x+1, y+1
			}
			reach[mid+k] = x
			if x >= n && y >= m {
				return backtrack(history, n, m)
			}
		}
	}
	return replaced(n, m)
}

// backtrack walks from the end to the start along the furthest points of each round.
func backtrack(history [][]int, x, y int) []Step {
	var rev []Step
	for d := len(history) - 1; d > 0; d-- {
		// history[d] holds diagonals -d-1 to d+1 as they were before round d.
		at := func(k int) int { return history[d][k+d+1] }
		k := x - y
		prev := k - 1
		if k == -d || k != d && at(k-1) < at(k+1) {
			prev = k + 1
		}
		// The round made one edit from diagonal prev, then followed equal items: undo these first.
		startX := at(prev)
		if prev == k-1 {
			startX++
		}
		for x > startX {
			x, y = x-1, y-1
			rev = append(rev, Step{x, y})
		}
		if prev == k+1 {
			y--
			rev = append(rev, Step{-1, y})
		} else {
			x--
			rev = append(rev, Step{x, -1})
		}
	}
	for x > 0 && y > 0 {
		x, y = x-1, y-1
		rev = append(rev, Step{x, y})
	}
	steps := make([]Step, len(rev))
	for i, s := range rev {
		steps[len(rev)-1-i] = s
	}
	return steps
}

func replaced(n, m int) []Step {
	steps := make([]Step, 0, n+m)
	for i := range n {
		steps = append(steps, Step{i, -1})
	}
	for i := range m {
		steps = append(steps, Step{-1, i})
	}
	return steps
}
