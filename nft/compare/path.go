package compare

import (
	"slices"

	"rechain/nft/packet"
	"rechain/nft/trace"
)

// Path is how a packet came to the hop that decided about it: the rules that led there, and the hop itself.
func Path(t *trace.Trace) []trace.Hop { return pathTo(t, len(t.Hops)-1) }

// pathTo is the path to a hop, by its number.
func pathTo(t *trace.Trace, i int) []trace.Hop {
	if i < 0 {
		return nil
	}
	path := []trace.Hop{t.Hops[i]}
	depth := t.Hops[i].Depth
	for i--; i >= 0 && depth > 0; i-- {
		h := t.Hops[i]
		if h.Depth == depth-1 && h.Verdict != nil && h.Verdict.Chain != nil {
			path = append(path, h)
			depth--
		}
	}
	slices.Reverse(path)
	return path
}

// Against is the path to what is decisive about a packet beside what the other side does with it. Where only the other side turned it
// away, that is what this one decided in the base chain of the same place; where both let it through, the last rule that did something
// with it.
func Against(t, other *trace.Trace) []trace.Hop {
	switch {
	case t.Outcome.Kind != packet.Accept:
	case other.Outcome.Kind != packet.Accept:
		place := baseOf(other, len(other.Hops)-1)
		for i := len(t.Hops) - 1; i >= 0; i-- {
			if b := baseOf(t, i); b != nil && place != nil && b.Base.Priority == place.Base.Priority && b.Base.NAT == place.Base.NAT {
				return pathTo(t, i)
			}
		}
	default:
		for i := len(t.Hops) - 1; i >= 0; i-- {
			if acts(t.Hops[i].Did) {
				return pathTo(t, i)
			}
		}
	}
	return Path(t)
}

// baseOf is the base chain that a hop belongs to.
func baseOf(t *trace.Trace, i int) *packet.Chain {
	for ; i >= 0; i-- {
		if t.Hops[i].Depth == 0 {
			return t.Hops[i].Chain
		}
	}
	return nil
}
