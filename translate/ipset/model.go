package ipset

import (
	"net/netip"

	"rechain/translate/iptables"
)

// Sets are sets in the order in which they were created.
type Sets []*Set

// Get returns the set of that name, or nil.
func (s Sets) Get(name string) *Set {
	for _, set := range s {
		if set.Name == name {
			return set
		}
	}
	return nil
}

// Set is a set.
type Set struct {
	Name string
	Type *Type
	// Family is that of the addresses; 0 for types that have none (bitmap:port, hash:mac, list:set).
	Family iptables.Family
	// HashSize, MaxElem and BucketSize are those of hashes.
	HashSize, MaxElem, BucketSize uint32
	InitVal                       *uint32 // the hash's random seed, if the source gives it
	// Netmask is how many bits of an address count; 0: all.
	Netmask  int
	MarkMask uint32 // of hash:ip,mark
	// First and Last are a bitmap's range of addresses, FirstPort and LastPort that of ports.
	First, Last         netip.Addr
	FirstPort, LastPort uint16
	Size                uint32 // of list:set
	// Timeout is how many seconds an element lives that says nothing else, 0 for ever. nil: elements have no timeouts.
	Timeout                              *uint32
	Counters, Comment, SKBInfo, ForceAdd bool
	Entries                              []*Entry
	Pos                                  iptables.Pos
	index                                map[string]*Entry
}

// Entry is one element.
type Entry struct {
	// Values are the element's dimensions, one for each of the set's type.
	Values []Value
	// NoMatch says that what it matches is not in the set, although a wider element would match.
	NoMatch bool
	// Timeout is how many seconds it has to live, 0 for ever; the set says whether there are timeouts.
	Timeout        uint32
	Packets, Bytes uint64
	Comment        string
	SKB            []string // words of skbmark, skbprio and skbqueue, as given
	Pos            iptables.Pos
}

// Value is one dimension of an element. Which fields count is said by the [Dim].
type Value struct {
	Net      netip.Prefix // IP and Net
	Proto    uint8        // Port, but in bitmap:port
	Port     uint16       // Port; the type and code of an ICMP message, of a byte each
	MAC      [6]byte
	AnyMAC   bool   // bitmap:ip,mac: the address of the first packet fills it in
	Name     string // Iface and SetName
	Physdev  bool   // Iface: a port of a bridge
	Wildcard bool   // Iface: the beginning of the name
	Mark     uint32
}

// Dim is the kind of a dimension.
type Dim int

// The kinds of dimensions.
const (
	IP Dim = iota
	Net
	Port
	MAC
	Iface
	Mark
	SetName
)

// Type is a type of sets.
type Type struct {
	Name string
	Dims []Dim
	// Zero says that a network may be /0.
	Zero bool
	// NoFamily says that the type knows no address family.
	NoFamily bool
}

// Types are all types of sets (net/netfilter/ipset in Linux), by name.
var Types = byName(
	&Type{Name: "bitmap:ip", Dims: []Dim{IP}},
	&Type{Name: "bitmap:ip,mac", Dims: []Dim{IP, MAC}},
	&Type{Name: "bitmap:port", Dims: []Dim{Port}, NoFamily: true},
	&Type{Name: "hash:ip", Dims: []Dim{IP}},
	&Type{Name: "hash:net", Dims: []Dim{Net}},
	&Type{Name: "hash:ip,port", Dims: []Dim{IP, Port}},
	&Type{Name: "hash:net,port", Dims: []Dim{Net, Port}},
	&Type{Name: "hash:ip,port,ip", Dims: []Dim{IP, Port, IP}},
	&Type{Name: "hash:ip,port,net", Dims: []Dim{IP, Port, Net}},
	&Type{Name: "hash:net,net", Dims: []Dim{Net, Net}, Zero: true},
	&Type{Name: "hash:net,port,net", Dims: []Dim{Net, Port, Net}, Zero: true},
	&Type{Name: "hash:mac", Dims: []Dim{MAC}, NoFamily: true},
	&Type{Name: "hash:ip,mac", Dims: []Dim{IP, MAC}},
	&Type{Name: "hash:net,iface", Dims: []Dim{Net, Iface}, Zero: true},
	&Type{Name: "hash:ip,mark", Dims: []Dim{IP, Mark}},
	&Type{Name: "list:set", Dims: []Dim{SetName}, NoFamily: true},
)

// typeNames are other names of types (the alias of their struct ipset_type in ipset 7).
var typeNames = map[string]string{
	"ipmap": "bitmap:ip", "macipmap": "bitmap:ip,mac", "portmap": "bitmap:port", "iphash": "hash:ip", "nethash": "hash:net",
	"ipporthash": "hash:ip,port", "ipportiphash": "hash:ip,port,ip", "ipportnethash": "hash:ip,port,net", "setlist": "list:set",
}

func byName(types ...*Type) map[string]*Type {
	m := map[string]*Type{}
	for _, t := range types {
		m[t.Name] = t
	}
	return m
}

// bitmap says whether the type keeps a bit for each value of a range.
func (t *Type) bitmap() bool { return t.Name[0] == 'b' }

func (t *Type) hash() bool { return t.Name[0] == 'h' }
