package nft

import "rechain/nft/bytecode"

// scope is what the meaning of a rule depends on beside the rule: the family of its table, and the table's sets.
type scope struct {
	family Family
	sets   map[string]*Set
	ids    map[uint32]*Set // by the identifiers of a batch
}

// newScope makes the scope of a table's rules; of none for nil.
func newScope(t *Table) *scope {
	if t == nil {
		return &scope{}
	}
	s := &scope{family: t.Family, sets: make(map[string]*Set, len(t.Sets))}
	for _, set := range t.Sets {
		s.sets[set.Name] = set
	}
	return s
}

// find returns the set that an operation refers to, by its identifier when it gives one; nil, whose sizes are unknown, when there
// is none.
func (s *scope) find(name string, id uint32) *Set {
	if set := s.ids[id]; set != nil {
		return set
	}
	return s.sets[name]
}

// The sizes in bytes of what the kernel's loads leave in a register; 0 when it is not known.

// unknownSize is what a value of unknown size is taken to fill when registers are given out: a whole 16-byte register.
const unknownSize = quarterBytes * wideQuarters

const (
	portSize = 2
	osfSize  = 16 // NFT_OSF_MAXGENRELEN
)

func bytesOf(bits uint32) uint32 { return (bits + 7) / 8 }

func metaSize(k bytecode.MetaKey) uint32 { return bytesOf(metaKeys[k].bits) }

func socketSize(k bytecode.SocketKey) uint32 { return bytesOf(socketKeys[k].bits) }

func rtSize(key uint32) uint32 { return bytesOf(rtKeys[key].bits) }

func xfrmSize(key uint32) uint32 { return bytesOf(xfrmKeys[key].bits) }

// ctSize: the old address keys are as long as the addresses of the table's family (nft_ct_get_init).
func (s *scope) ctSize(k bytecode.CtKey) uint32 {
	if k == bytecode.CtSrc || k == bytecode.CtDst {
		if s.family == IPv4 {
			return 4
		}
		return 16
	}
	return bytesOf(ctKeys[k].bits)
}

// addrSize is the size of a family's addresses.
func addrSize(f Family) uint32 {
	switch f {
	case IPv4:
		return 4
	case IPv6:
		return 16
	}
	return 0
}

// exthdrSize: a test for presence leaves a single byte (NFT_EXTHDR_F_PRESENT).
func exthdrSize(length, flags uint32) uint32 {
	if flags&1 != 0 {
		return 1
	}
	return length
}

// fibSize: an interface's name (NFT_FIB_RESULT_OIFNAME) is longer than the other results, its index and the address type.
func fibSize(result uint32) uint32 {
	if result == 2 {
		return 16
	}
	return 4
}

// tunnelSize: NFT_TUNNEL_PATH is a byte, NFT_TUNNEL_ID a number.
func tunnelSize(key uint32) uint32 {
	if key == 0 {
		return 1
	}
	return 4
}
