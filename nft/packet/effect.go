package packet

import "fmt"

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

// String says all of a translation: equal ones are the same.
func (n *NAT) String() string {
	s := [...]string{"snat", "dnat", "redirect", "masquerade"}[n.Kind]
	for _, r := range []*Range{n.Addr, n.Port} {
		switch {
		case r == nil:
			s += " -"
		case r.From == r.To:
			s += fmt.Sprintf(" %x.%x", r.From.Hi, r.From.Lo)
		default:
			s += fmt.Sprintf(" %x.%x-%x.%x", r.From.Hi, r.From.Lo, r.To.Hi, r.To.Lo)
		}
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{n.Net, " net"}, {n.Random, " random"}, {n.FullyRandom, " fully-random"}, {n.Persistent, " persistent"}} {
		if flag.set {
			s += flag.name
		}
	}
	if n.Shift {
		s += fmt.Sprintf(" base %d", n.PortBase)
	}
	return s
}

// Source says whether the translation changes the source.
func (n *NAT) Source() bool { return n.Kind == SNAT || n.Kind == Masquerade }

// Writes are the fields that the translation changes, with their new values; a field that only the machine can know the value of
// becomes what the other field says, whose name is that of the translation.
func (n *NAT) Writes(ipv6 bool) []NATWrite {
	addr, port := IPv4Dst, DstPort
	switch {
	case n.Source() && ipv6:
		addr, port = IPv6Src, SrcPort
	case n.Source():
		addr, port = IPv4Src, SrcPort
	case ipv6:
		addr = IPv6Dst
	}
	var out []NATWrite
	if n.Addr != nil || n.Kind == Redirect || n.Kind == Masquerade {
		out = append(out, n.write(addr, n.Addr, n.Net))
	}
	if n.Port != nil {
		out = append(out, n.write(port, n.Port, n.Shift))
	}
	return out
}

// NATWrite is one field's new value: Value, or where Unknown is set that of Symbol.
type NATWrite struct {
	Field   Field
	Value   Value
	Unknown bool
	Symbol  Field
}

func (n *NAT) write(f Field, r *Range, vague bool) NATWrite {
	if r != nil && r.From == r.To && !vague {
		return NATWrite{Field: f, Value: r.From}
	}
	return NATWrite{Field: f, Unknown: true, Symbol: Named(f.Name+" of "+n.String(), f.Bits, f.Show)}
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
