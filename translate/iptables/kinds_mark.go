package iptables

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MarkMask is a mark and the bits of it that count. Mask is all ones when no mask was given, and HasMask says which.
type MarkMask struct {
	Value, Mask uint32
	HasMask     bool
}

// IDs is a range of user or group IDs, both ends included.
type IDs struct{ Lo, Hi uint32 }

var (
	// Mark is "value" or "value/mask", printed in hexadecimal, without the mask when that is all ones. Value: [MarkMask].
	Mark = NewKind(parseMark, func(m MarkMask) string {
		if m.Mask == math.MaxUint32 {
			return fmt.Sprintf("0x%x", m.Value)
		}
		return fmt.Sprintf("0x%x/0x%x", m.Value, m.Mask)
	})

	// MaskedMark is Mark, but printed always with its mask. Value: [MarkMask].
	MaskedMark = NewKind(parseMark, func(m MarkMask) string { return fmt.Sprintf("0x%x/0x%x", m.Value, m.Mask) })

	// IDRange is a user or group ID, or "a-b" or "a:b". Names are not resolved, but for root. Value: [IDs].
	IDRange = NewKind(parseIDs, func(r IDs) string {
		if r.Lo == r.Hi {
			return strconv.FormatUint(uint64(r.Lo), 10)
		}
		return fmt.Sprintf("%d-%d", r.Lo, r.Hi)
	})
)

func parseMark(w string, _ Family) (MarkMask, error) {
	value, mask, masked := strings.Cut(w, "/")
	v, err := ParseUint(value, 0, math.MaxUint32)
	if err != nil {
		return MarkMask{}, err
	}
	m := uint64(math.MaxUint32)
	if masked {
		if m, err = ParseUint(mask, 0, math.MaxUint32); err != nil {
			return MarkMask{}, err
		}
	}
	return MarkMask{uint32(v), uint32(m), masked}, nil
}

// maxID is the highest user or group ID: the one above, -1, is invalid (uid_valid in the kernel).
const maxID = math.MaxUint32 - 1

func parseIDs(w string, _ Family) (IDs, error) {
	if w == "root" { // is 0 on every host (Linux Standard Base, users and groups)
		return IDs{}, nil
	}
	if w == "" || w[0] < '0' || w[0] > '9' {
		return IDs{}, fmt.Errorf("%s is a name, which only the host that it was written on can resolve: give the number", Quote(w))
	}
	lo, hi := w, w
	if i := strings.IndexAny(w, "-:"); i >= 0 {
		lo, hi = w[:i], w[i+1:]
	}
	from, err := ParseUint(lo, 0, maxID)
	if err != nil {
		return IDs{}, err
	}
	to, err := ParseUint(hi, 0, maxID)
	if err == nil && from > to {
		err = fmt.Errorf("%s is an empty range: %d is above %d", w, from, to)
	}
	return IDs{uint32(from), uint32(to)}, err
}
