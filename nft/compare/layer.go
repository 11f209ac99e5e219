package compare

import "rechain/nft/packet"

// What people want to know first: packets that get through on one side only, then those that get through changed in another way, last those
// that are turned away in another way; and of each, first those that begin a connection.

// layers are these, the first first.
func (e *engine) layers(fa, fb node) []node {
	a, b := e.through(fa), e.through(fb)
	begins := e.pred(packet.Eq(packet.CTState, packet.Num(packet.StateNew)))
	access := e.ite(a, e.not(b), b)
	both := e.and(a, b)
	return []node{e.and(access, begins), access, e.and(both, begins), both, begins}
}

// through is the packets that a function lets through.
func (e *engine) through(f node) node {
	return e.replace(f, func(t node) node { return constant(e.outcomes[t.value()].kind == packet.Accept) })
}

// first is what n has of the first layer that it has any of, and all of n if there is none.
func (e *engine) first(n node, layers []node) node {
	for _, l := range layers {
		if m := e.and(n, l); m != no {
			return m
		}
	}
	return n
}
