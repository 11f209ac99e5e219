package iptables

// room gives out parts of rules. They are made many at a time, since rules have many and keep them all.
type room[T any] struct {
	free []T
	made int // how many the last time
}

// roomMax is how many are made at a time: tens of kilobytes at most.
const roomMax = 128

func (r *room[T]) take(n int) []T {
	if len(r.free) < n {
		r.made = max(n, min(max(4, 2*r.made), roomMax))
		r.free = make([]T, r.made)
	}
	out := r.free[:n:n]
	r.free = r.free[n:]
	return out
}

// put keeps v.
func (r *room[T]) put(v T) *T {
	p := &r.take(1)[0]
	*p = v
	return p
}

// rooms are for the rules of one parser.
type rooms struct {
	rules      room[Rule]
	lists      room[*Rule]
	addrs      room[AddrMatch]
	ifaces     room[IfaceMatch]
	protocols  room[ProtoMatch]
	matches    room[Match]
	matchLists room[*Match]
	options    room[Option]
	targets    room[Target]
}
