package nft

import (
	"encoding/binary"

	"rechain/nft/bytecode"
)

// notes is what nft(8) itself stored with a set and the model has no field for ([Set.Extra]), or what is nested in that.
type notes []byte

func setNotes(s *Set) notes { return notes(s.Extra) }

// get finds a note.
func (n notes) get(typ uint8) []byte {
	for t, err := range bytecode.UserData(n) {
		if err == nil && t.Type == typ {
			return t.Data
		}
	}
	return nil
}

// number reads a note of 4 bytes in host order.
func (n notes) number(typ uint8) (uint32, bool) {
	if b := n.get(typ); len(b) == 4 {
		return binary.NativeEndian.Uint32(b), true
	}
	return 0, false
}

// order reads a byte order.
func (n notes) order(typ uint8) (byteOrder, bool) {
	v, ok := n.number(typ)
	if v == noteHostOrder {
		return hostOrder, ok
	}
	return netOrder, ok
}

func (n notes) keyOrder() (byteOrder, bool)  { return n.order(bytecode.UserDataSetKeyByteorder) }
func (n notes) dataOrder() (byteOrder, bool) { return n.order(bytecode.UserDataSetDataByteorder) }
