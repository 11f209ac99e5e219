package diff

import (
	"math/rand/v2"
	"testing"
)

// longest is the length of a longest common subsequence by the plain recurrence: the slow, obvious twin.
func longest(a, b []byte) int {
	t := make([][]int, len(a)+1)
	for i := range t {
		t[i] = make([]int, len(b)+1)
	}
	for i := range a {
		for j := range b {
			t[i+1][j+1] = max(t[i][j+1], t[i+1][j])
			if a[i] == b[j] {
				t[i+1][j+1] = t[i][j] + 1
			}
		}
	}
	return t[len(a)][len(b)]
}

func TestLists(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() []byte {
		b := make([]byte, r.IntN(14))
		for i := range b {
			b[i] = "abc"[r.IntN(3)]
		}
		return b
	}
	for range 20000 {
		a, b := word(), word()
		steps := Lists(a, b, func(x, y byte) bool { return x == y })
		i, j, kept := 0, 0, 0
		for _, s := range steps {
			if s.A >= 0 {
				if s.A != i {
					t.Fatalf("%q to %q: %v: index %d of the first list out of order", a, b, steps, s.A)
				}
				i++
			}
			if s.B >= 0 {
				if s.B != j {
					t.Fatalf("%q to %q: %v: index %d of the second list out of order", a, b, steps, s.B)
				}
				j++
			}
			if s.A >= 0 && s.B >= 0 {
				if a[s.A] != b[s.B] {
					t.Fatalf("%q to %q: %v pairs different items", a, b, steps)
				}
				kept++
			}
		}
		if i != len(a) || j != len(b) || kept != longest(a, b) {
			t.Fatalf("%q to %q: %v keeps %d, want %d", a, b, steps, kept, longest(a, b))
		}
	}
}

func TestListsBound(t *testing.T) {
	a, b := make([]int, 5000), make([]int, 5000)
	for i := range b {
		a[i], b[i] = i, -i-1
	}
	if n := len(Lists(a, b, func(x, y int) bool { return x == y })); n != 10000 {
		t.Errorf("two lists without a common item give %d steps, want 10000", n)
	}
}
