package packet

// Packet is one packet: what its fields are, and which opaque predicates hold for it. Fields that it does not name are 0.
type Packet struct {
	Fields map[Field]Value
	// Opaque are the opaque predicates that hold, by key. Of stateful ones, the n-th evaluation of a key is "KEY#n", the first
	// "KEY#1".
	Opaque map[string]bool
}

// Get returns a field's value.
func (p *Packet) Get(f Field) Value { return p.Fields[f] }

// Set changes a field.
func (p *Packet) Set(f Field, v Value) {
	if p.Fields == nil {
		p.Fields = map[Field]Value{}
	}
	p.Fields[f] = v
}

// Clone copies the packet.
func (p *Packet) Clone() *Packet {
	c := &Packet{Fields: make(map[Field]Value, len(p.Fields)), Opaque: p.Opaque}
	for f, v := range p.Fields {
		c.Fields[f] = v
	}
	return c
}

// Holds says whether a predicate without state holds for the packet.
func Holds(pred Pred, p *Packet) bool {
	switch v := pred.(type) {
	case *In:
		return Contains(v.Ranges, p.Get(v.Field))
	case *Masked:
		return p.Get(v.Field).And(v.Mask) == v.Value
	case *Opaque:
		return p.Opaque[v.Key]
	case Not:
		return !Holds(v.P, p)
	case All:
		for _, q := range v {
			if !Holds(q, p) {
				return false
			}
		}
		return true
	case Any:
		for _, q := range v {
			if Holds(q, p) {
				return true
			}
		}
		return false
	}
	panic("packet: unknown predicate")
}

// Write changes the packet as the effect says.
func (e *Write) Write(p *Packet) { p.Set(e.Field, p.Get(e.Field).And(e.Keep).Xor(e.Flip)) }

// Write changes the packet as the effect says.
func (e *Copy) Write(p *Packet) {
	from := p.Get(e.From).And(e.Bits)
	if e.Shift >= 0 {
		from = from.Shl(uint(e.Shift))
	} else {
		from = from.Shr(uint(-e.Shift))
	}
	p.Set(e.To, p.Get(e.To).And(e.Keep).Xor(from).Xor(e.Flip).And(Ones(uint(e.To.Bits))))
}
