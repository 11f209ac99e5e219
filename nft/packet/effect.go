package packet

// Effect is what a step changes: [Write], [Copy], [NAT], [Note] or [Touch].
type Effect interface{ effect() }

// Write makes a field (old & Keep) ^ Flip. A value that is fixed has Keep 0.
type Write struct {
	Field      Field
	Keep, Flip Value
}

// Copy makes To (To & Keep) ^ (From >> or << …): bit i of From ^ Flip, where Bits has it, is XORed into bit i+Shift of To. It is
// CONNMARK's save and restore, and nft's "meta mark set ct mark".
type Copy struct {
	To, From Field
	Keep     Value // of To
	Bits     Value // of From
	Shift    int   // to the left; negative: to the right
	Flip     Value // of the result
}

// NATKind is what an address translation changes.
type NATKind uint8

// The kinds. Redirect is a destination of the device that the packet came in by, or of loopback where it began here; Masquerade is a
// source of the device that it goes out by.
const (
	SNAT NATKind = iota
	DNAT
	Redirect
	Masquerade
)

// NAT sets a connection's translation, for which the first one that a packet meets counts. The packet is accepted with it.
type NAT struct {
	Kind NATKind
	// Addr is the range of new addresses, and Port that of new ports; nil: they stay. With Net, bits of the address that Net has
	// are new, the others stay (NETMAP); Addr is then the whole net.
	Addr, Port *Range
	Net        bool
	// PortBase is the port that becomes Port.From, the others accordingly, where Shift is set.
	Shift    bool
	PortBase uint16
	// Random, FullyRandom and Persistent are the flags of the same names.
	Random, FullyRandom, Persistent bool
}

// Note is something done with the packet that no later rule can see: a log line, a copy, an option changed. Equal keys are the same.
// Log says that it only tells others about the packet.
type Note struct {
	Key string
	Log bool
}

// Touch says that the rule changed what other packets will see, in the memory of that name: a set that it adds to, the list of
// "recent".
type Touch struct{ Key string }

func (*Write) effect() {}
func (*Copy) effect()  {}
func (*NAT) effect()   {}
func (*Note) effect()  {}
func (*Touch) effect() {}

// Assign is a Write of a fixed value.
func Assign(f Field, v Value) *Write { return &Write{Field: f, Flip: v} }

// AssignMasked is a Write of the bits in mask.
func AssignMasked(f Field, mask, v Value) *Write {
	return &Write{Field: f, Keep: Ones(uint(f.Bits)).AndNot(mask), Flip: v.And(mask)}
}
