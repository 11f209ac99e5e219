package nft

// room gives out things that are needed only until the next rule is named. A viewer names many rules, one after the other.
type room[T any] struct {
	items []T
	used  int
}

// put keeps v.
func (r *room[T]) put(v T) *T {
	if r.used == len(r.items) {
		r.items, r.used = make([]T, max(8, 2*len(r.items))), 0 // what was given out stays as long as it is needed
	}
	p := &r.items[r.used]
	r.used++
	*p = v
	return p
}

func (r *room[T]) reset() { r.used = 0 }
