package compare

import "rechain/nft/packet"

// What people want to know first: packets that get through on one side only, then those that get through changed in another way, last those
// that are turned away in another way; and of each, first those that begin a connection.

// layers are these, the first first.
func (e *engine) layers(fa, fb node) []node {
	begins := e.pred(packet.Eq(packet.CTState, packet.Num(packet.StateNew)))
	access, both := e.differ(opAccess, fa, fb), e.differ(opThrough, fa, fb)
	return []node{e.and(access, begins), access, e.and(both, begins), both, begins}
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
