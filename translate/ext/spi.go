package ext

import (
	"math"

	"rechain/translate/iptables"
)

// IP protocol numbers (IANA).
const (
	protoESP    = 50
	protoAH     = 51
	protoIPComp = 108
)

// spiRange is a range of security parameter indexes. All of them are no condition, unless inverted.
var spiRange = iptables.UintRange(0, math.MaxUint32, ":")

// spiKind leaves out what says nothing.
type spiKind struct{ iptables.Kind }

func (spiKind) Vacuous(v any) bool {
	return v.(iptables.Range) == iptables.Range{Lo: 0, Hi: math.MaxUint32}
}

// spiIn tests an index of 2 or 4 bytes in the transport header, and by that the header's presence.
func spiIn(o iptables.Option, offset, size uint32) Cond {
	most := uint64(1)<<(8*size) - 1
	r := o.Value.(iptables.Range)
	encode := func(v uint64) []byte { return net32(uint32(v))[4-size:] }
	if r.Lo > most { // none is so high
		return negated(Any{}, o.Neg)
	}
	r.Hi = min(r.Hi, most)
	t := numberIn(transport(offset, size), r, most, encode)
	if t == nil {
		return negated(All{}, o.Neg)
	}
	return negated(t, o.Neg)
}
