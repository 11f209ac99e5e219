package nft

import "rechain/nft/bytecode"

// nft adds matches that a field needs ("tcp dport" needs "meta l4proto tcp") and does not list them again. A match is dropped
// when a later one implies it, unless a statement with an effect stands between, or dropping it would lose what it says.

// entry is a statement of the view.
type entry struct {
	node node
	dead bool // implied by a later one
	dep  dependency
}

// dependency is what a match that tells a protocol compares.
type dependency struct {
	payload *payloadNode
	meta    *Meta
	isCT    bool
	value   uint32
	bits    uint32
	single  bool // the right side is one value
}

// dependencies are the protocol matches that a later one may imply.
type dependencies struct {
	// by is indexed by the header whose fields imply the match: one above the header that the match looks at.
	by       [5]*entry
	icmpType uint8
}

// aboveTransport is where an ICMP type match waits; fields of the transport header imply it too.
const aboveTransport = bytecode.TransportHeader + 1

func (d *dependencies) get(base bytecode.PayloadBase) *entry {
	if d.by[base] == nil && base == bytecode.TransportHeader {
		return d.by[aboveTransport]
	}
	return d.by[base]
}

// release drops the match that fields of base imply.
func (d *dependencies) release(base bytecode.PayloadBase) {
	if d.by[base] == nil && base == bytecode.TransportHeader {
		base = aboveTransport
	}
	if e := d.by[base]; e != nil {
		e.dead = true
		d.by[base] = nil
	}
}

// store remembers a match that fields of base imply.
func (d *dependencies) store(e *entry, base bytecode.PayloadBase) {
	if d.isEcho(e) {
		return
	}
	d.by[base] = e
}

// isEcho notes the type that an ICMP match asks for. nft makes echo fields depend on both echo messages, so a match on one of them
// is never implied.
func (d *dependencies) isEcho(e *entry) bool {
	p := e.dep.payload
	if p == nil || !e.dep.single || e.dep.bits != 8 {
		return false
	}
	typ := uint8(e.dep.value)
	switch p.proto {
	case protoICMP:
		if typ == 0 {
			typ = icmpTypes[icmpEcho]
		}
		d.icmpType = typ
		return typ == icmpTypes[icmpEcho]
	case protoICMPv6:
		d.icmpType = typ
		return typ == 128 || typ == 129
	}
	return false
}

func (d *dependencies) reset() { *d = dependencies{} }

// restore takes back what happened since a copy was made.
func (d *dependencies) restore(saved dependencies) {
	*d = saved
	for _, e := range d.by {
		if e != nil {
			e.dead = false
		}
	}
}

// payload drops the match that a named field implies.
func (d *dependencies) payload(n *payloadNode, f Family) {
	if n.proto == nil {
		return
	}
	if e := d.get(n.base); e != nil && d.impliedBy(n, e.dep, f) {
		d.release(n.base)
	}
}

func (d *dependencies) impliedBy(n *payloadNode, dep dependency, f Family) bool {
	on := dep.payload
	if f == Bridge || f == Netdev || f == Inet {
		// "ip protocol tcp" also says that the packet is IPv4.
		if on != nil && (on.proto == protoIP || on.proto == protoIP6) && n.base == bytecode.TransportHeader {
			return false
		}
		// Of stacked headers, each type match counts.
		if on != nil && n.base == on.base {
			if n.isKey {
				return false
			}
			if n.base == bytecode.LinkHeader {
				return on.proto != protoVLAN &&
					(on.proto != protoEther || !dep.single || dep.bits != 16 || dep.value == 0x8100)
			}
		}
	}
	if n.base != bytecode.TransportHeader || on == nil || on.base != bytecode.TransportHeader {
		return true
	}
	if on.proto == protoICMP || on.proto == protoICMPv6 {
		return n.field != nil && n.field.icmp != icmpAny && on.proto == n.proto && d.icmpType == icmpTypes[n.field.icmp]
	}
	return true
}

// exthdr drops the match that an extension header or option implies.
func (d *dependencies) exthdr(op uint32) {
	switch op {
	case exthdrTCP:
		d.release(bytecode.TransportHeader)
	case exthdrIPv6, exthdrIPv4:
		d.release(bytecode.NetworkHeader)
	}
}

// below drops the match that a match on metadata or conntrack implies, which looks at the protocol of base. What is known of the
// network protocol stays in the mixed families, unless ICMP tells it. L4 is the transport protocol that is asked for, -1 if none is.
func (d *dependencies) below(base bytecode.PayloadBase, f Family, l4 int) {
	if d.get(base) != nil && d.mayDrop(f, l4) {
		d.release(base)
	}
}

func (d *dependencies) mayDrop(f Family, l4 int) bool {
	e := d.get(bytecode.NetworkHeader)
	if e == nil {
		return true
	}
	nfproto, ok := e.dep.networkProtocol()
	if !ok {
		return true
	}
	switch f {
	case IPv4, IPv6:
		return f == nfproto
	case Inet, Netdev, Bridge:
		return l4 < 0 || l4 == 1 && nfproto != IPv6 || l4 == 58 && nfproto != IPv4
	}
	return true
}

// networkProtocol is the protocol that a match asks for; not ok when it is of another kind.
func (d dependency) networkProtocol() (Family, bool) {
	byEtherType := map[uint32]Family{0x0800: IPv4, 0x86dd: IPv6}
	switch {
	case d.meta != nil && d.meta.Key == bytecode.MetaNfproto:
		return Family(d.value), true
	case d.meta != nil && d.meta.Key == bytecode.MetaProtocol,
		d.payload != nil && d.payload.base == bytecode.LinkHeader && d.payload.field != nil && d.payload.field.typ == TypeEtherType:
		return byEtherType[d.value], true
	}
	return 0, false
}
