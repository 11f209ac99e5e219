package compare

import "rechain/nft/packet"

// What people want to know first: packets that get through on one side only, then those that get through changed in another way, last those
// that are turned away in another way; and of each, first those that begin a connection.

// layer is packets of one of these kinds, and of them those that begin a connection.
type layer struct{ all, begin node }

// layers are the kinds, the first first.
func (e *engine) layers(fa, fb node) []layer {
	a, b := e.through(fa), e.through(fb)
	access, both := e.ite(a, e.not(b), b), e.and(a, b)
	begin := e.pred(packet.Eq(packet.CTState, packet.Num(packet.StateNew)))
	return []layer{{access, e.and(access, begin)}, {both, e.and(both, begin)}, {yes, begin}}
}

// through is the packets that a function lets through.
func (e *engine) through(f node) node {
	return e.replace(f, func(t node) node { return constant(e.outcomes[t.value()].kind == packet.Accept) })
}

// first is what n has of the first layer that it has any of: all, and if possible only those packets that begin a connection.
func (e *engine) first(n node, layers []layer) (all, some node) {
	for _, l := range layers {
		if all = e.and(n, l.all); all == no {
			continue
		}
		if some = e.and(n, l.begin); some == no {
			some = all
		}
		return all, some
	}
	return n, n
}
