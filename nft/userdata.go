package nft

import (
	"bytes"
	"encoding/binary"
	"slices"

	"rechain/nft/bytecode"
)

func hostU32(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

// withComment is the user data of all but sets: the comment, if there is one, and what else there is.
func withComment(comment string, extra []byte) []byte {
	var b []byte
	if comment != "" {
		b = bytecode.AppendComment(nil, comment)
	}
	return append(b, extra...)
}

// splitComment undoes [withComment].
func splitComment(userdata []byte) (comment string, extra []byte) {
	if _, err := bytecode.ParseUserData(userdata); err != nil {
		return "", userdata
	}
	comment = bytecode.Comment(userdata)
	return comment, without(userdata, func(t bytecode.TLV) bool { return t.Type == bytecode.UserDataComment })
}

// without returns user data without some of its entries; broken user data as they are.
func without(userdata []byte, drop func(bytecode.TLV) bool) []byte {
	all, err := bytecode.ParseUserData(userdata)
	if err != nil {
		return userdata
	}
	var rest []byte
	for _, t := range all {
		if !drop(t) {
			rest = bytecode.AppendTLV(rest, t.Type, t.Data)
		}
	}
	return rest
}

// The byte orders as nft notes them (enum byteorder).
const (
	noteNoOrder   = 0 // of concatenations and verdicts
	noteHostOrder = 1
	noteNetOrder  = 2
)

func noteOrder(types []Datatype) []byte {
	switch {
	case len(types) != 1 || types[0] == TypeVerdict:
		return hostU32(noteNoOrder)
	case types[0].info().order == hostOrder:
		return hostU32(noteHostOrder)
	}
	return hostU32(noteNetOrder)
}

// derivedUserData are the notes that follow from the set's fields. nft needs them to print the values right.
func (s *Set) derivedUserData() []bytecode.TLV {
	t := []bytecode.TLV{{Type: bytecode.UserDataSetKeyByteorder, Data: noteOrder(s.Type)}}
	if s.Data != nil {
		t = append(t, bytecode.TLV{Type: bytecode.UserDataSetDataByteorder, Data: noteOrder(s.Data)})
	}
	if s.AutoMerge {
		t = append(t, bytecode.TLV{Type: bytecode.UserDataSetMergeElements, Data: hostU32(1)})
	}
	if s.Data != nil || s.Object != 0 {
		interval := hostU32(0)
		if s.DataInterval {
			interval = hostU32(1)
		}
		t = append(t, bytecode.TLV{Type: bytecode.UserDataSetDataInterval, Data: interval})
	}
	if s.Comment != "" {
		note := bytecode.AppendSetComment(nil, s.Comment)
		t = append(t, bytecode.TLV{Type: bytecode.UserDataSetComment, Data: note[2:]})
	}
	return t
}

// userData are the derived notes, but for those that Extra gives otherwise, and Extra, in the order of their types as nft writes
// them.
func (s *Set) userData() []byte {
	extra, err := bytecode.ParseUserData(s.Extra)
	if err != nil {
		return s.Extra
	}
	all := extra
	for _, d := range s.derivedUserData() {
		if !slices.ContainsFunc(extra, func(t bytecode.TLV) bool { return t.Type == d.Type }) {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b bytecode.TLV) int { return int(a.Type) - int(b.Type) })
	var b []byte
	for _, t := range all {
		b = bytecode.AppendTLV(b, t.Type, t.Data)
	}
	return b
}

// setUserData reads the notes: what is not derived from the set's other fields goes to Extra.
func (s *Set) setUserData(userdata []byte) {
	s.Comment = bytecode.SetComment(userdata)
	for t, err := range bytecode.UserData(userdata) {
		if err != nil {
			break
		}
		yes := bytes.Equal(t.Data, hostU32(1))
		switch t.Type {
		case bytecode.UserDataSetMergeElements:
			s.AutoMerge = yes
		case bytecode.UserDataSetDataInterval:
			s.DataInterval = yes
		}
	}
	derived := s.derivedUserData()
	s.Extra = without(userdata, func(t bytecode.TLV) bool {
		return slices.ContainsFunc(derived, func(d bytecode.TLV) bool { return t.Type == d.Type && bytes.Equal(t.Data, d.Data) })
	})
}
