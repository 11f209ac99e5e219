package meaning

import (
	"fmt"
	"strings"

	"rechain/nft"
	"rechain/nft/packet"
)

// name says what an expression is in the words that both sides have for it, for what a memory goes by: the bits of fields that it
// holds, whatever they went through. What is no such bits is named as it is written.
func (r *ruleReader) name(x nft.Expr) string {
	var names []string
	for _, bits := range r.partsOf(x, r.load(x)) {
		fields, ok := maskedFields(bits)
		if !ok {
			return key(x)
		}
		names = append(names, fields...)
	}
	return strings.Join(names, " . ")
}

// maskedFields are the fields whose bits are there, each with the mask of those; false where one is inverted, or a constant is not 0.
func maskedFields(bits []bit) (names []string, ok bool) {
	masks := map[packet.Field]packet.Value{}
	var order []packet.Field
	for _, b := range bits {
		switch {
		case b.flip:
			return nil, false
		case b.fixed:
			continue
		}
		if _, seen := masks[b.field]; !seen {
			order = append(order, b.field)
		}
		masks[b.field] = masks[b.field].Or(packet.Num(1).Shl(uint(b.n)))
	}
	for _, f := range order {
		names = append(names, packet.Bits(f, masks[f]))
	}
	return names, len(names) > 0
}

// memoryName is the name of a set that packets change, without how long its elements stay: a list of addresses may be several sets.
func memoryName(s *nft.Set) string {
	return packet.SetName(strings.TrimSuffix(s.Name, fmt.Sprintf("-%ds", s.Timeout/1000)))
}
