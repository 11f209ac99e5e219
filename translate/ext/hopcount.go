package ext

import "fmt"

// hopCount counts a byte up or down by a number from 1 to 255, and stops at the ends (ttl_tg and hl_tg6 in xt_HL.c).
type hopCount struct {
	up bool
	by int
}

// String names it in the names of sets and chains.
func (n hopCount) String() string {
	if n.up {
		return fmt.Sprintf("inc-%d", n.by)
	}
	return fmt.Sprintf("dec-%d", n.by)
}

// of is what a byte becomes.
func (n hopCount) of(v int) byte {
	if n.up {
		return byte(min(v+n.by, 255))
	}
	return byte(max(v-n.by, 0))
}

// stops are the bytes from first to last, which all become the end that they come to; the end itself is not among them.
func (n hopCount) stops() (end byte, first, last byte) {
	if n.up {
		return 255, byte(255 - n.by), 254
	}
	return 0, 1, byte(n.by)
}

// moves are the bytes from first on, and below behind, each of which becomes another.
func (n hopCount) moves() (first, behind int) {
	if n.up {
		return 0, 255 - n.by
	}
	return n.by + 1, 256
}
