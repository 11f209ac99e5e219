package compare

import "rechain/nft/packet"

// What people want to know first: packets that get through on one side only, then those that get through changed in another way, last those
// that are turned away in another way; and of each, first those that begin a connection.

// layer is packets of one of these kinds, and of them those that begin a connection.
type layer struct{ all, begin node }

// layers are the kinds, the first first.
func (e *engine) layers(fa, fb node) []layer {
	a, b := e.through(fa), e.through(fb)
	begin := e.pred(packet.Eq(packet.CTState, packet.Num(packet.StateNew)))
	var out []layer
	for _, kind := range []node{e.and(e.not(a), b), e.and(a, e.not(b)), e.and(a, b), yes} {
		out = append(out, layer{kind, e.and(kind, begin)})
	}
	return out
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
