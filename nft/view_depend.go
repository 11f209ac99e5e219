package nft

import "rechain/nft/bytecode"

// nft adds the matches that a field needs ("tcp dport" needs "meta l4proto tcp") when it loads a rule, and does not list them. So a
// match is dropped when a later one implies it, unless a statement with an effect stands between. nft 1.0.6 drops some that it does
// not add again, and the rule it lists is another; here they stay.

// entry is a statement of the view.
type entry struct {
	node node
	dead bool // implied by a later one
	dep  dependency
	// under is a match on the network protocol that goes when this one does: an ICMP field implies both.
	under *entry
}

// dependency is what a match that tells a protocol compares: a field, metadata, or conntrack's.
type dependency struct {
	payload *payloadNode
	meta    *Meta
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
	e := d.by[base]
	if e == nil {
		return
	}
	e.dead = true
	d.by[base] = nil
	if u := e.under; u != nil && d.by[bytecode.NetworkHeader] == u {
		d.release(bytecode.NetworkHeader)
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

// mixed reports whether a family has more than one network protocol.
func mixed(f Family) bool { return f == Bridge || f == Netdev || f == Inet }

// payload drops the match that a named field implies.
func (d *dependencies) payload(n *payloadNode, c *protoContext) {
	c.seen(n)
	if n.proto == nil {
		return
	}
	if e := d.get(n.base); e != nil && d.impliedBy(n, e.dep, c) {
		d.release(n.base)
	}
}

func (d *dependencies) impliedBy(n *payloadNode, dep dependency, c *protoContext) bool {
	switch {
	case dep.meta != nil && (n.proto == protoARP || n.base == bytecode.LinkHeader):
		return c.family != Bridge // there, nft looks at the frame for ARP, and knows that it is Ethernet
	case dep.meta != nil:
		// nft has an ICMP field imply its version of IP too, where that is not known.
		return n.proto != protoICMP && n.proto != protoICMPv6 && n.proto != protoIGMP || !mixed(c.family) || c.knowsIP()
	case dep.payload == nil:
		return false // conntrack's protocol: there may be no conntrack
	}
	switch on := dep.payload.proto; on {
	case protoEther: // else nft looks at "meta protocol", which differs behind a VLAN header
		if n.base == bytecode.NetworkHeader {
			return c.typesFrame(n.proto)
		}
		return dep.single && dep.value == 0x8100 && !(n.isKey && mixed(c.family))
	case protoVLAN:
		return n.base == bytecode.NetworkHeader
	case protoIP: // elsewhere, "ip protocol" also says that the packet is IPv4; and "ip6 nexthdr" is not always the last header's
		return c.family == IPv4
	case protoICMP, protoICMPv6:
		return n.field != nil && n.field.icmp != icmpAny && on == n.proto && d.icmpType == icmpTypes[n.field.icmp]
	}
	return false
}

// exthdr drops the match that an extension header or option implies.
func (d *dependencies) exthdr(op uint32, c *protoContext) {
	switch op {
	case exthdrTCP:
		d.tcp(c)
	case exthdrIPv6:
		d.network(IPv6)
	case exthdrIPv4:
		d.network(IPv4)
	}
}

// tcp drops a match on TCP.
func (d *dependencies) tcp(c *protoContext) {
	const tcp = 6
	e := d.by[bytecode.TransportHeader]
	if e == nil || e.dep.value != tcp {
		return
	}
	if e.dep.meta != nil || e.dep.payload != nil && e.dep.payload.proto == protoIP && c.family == IPv4 {
		d.release(bytecode.TransportHeader)
	}
}

// network drops a match on a network protocol that is made by metadata.
func (d *dependencies) network(f Family) {
	if e := d.by[bytecode.NetworkHeader]; e != nil && e.dep.meta != nil && e.dep.networkProtocol() == f {
		d.release(bytecode.NetworkHeader)
	}
}

// below drops or ties the match on the network protocol that comes before a match on a transport protocol, or -1 for an address of a
// connection.
func (d *dependencies) below(e *entry, c *protoContext, l4 int) {
	under := d.by[bytecode.NetworkHeader]
	if under == nil {
		return
	}
	byMeta, nfproto := under.dep.meta != nil, under.dep.networkProtocol()
	icmp := l4 == 1 && nfproto == IPv4 || l4 == 58 && nfproto == IPv6
	switch {
	case byMeta && !mixed(c.family) && c.family == nfproto, byMeta && mixed(c.family) && l4 < 0:
		d.release(bytecode.NetworkHeader)
	case icmp && byMeta != c.typesFrame(protoICMP):
		e.under = under
	}
}

// networkProtocol is the network protocol that a match asks for; Unspec if it is none.
func (d dependency) networkProtocol() Family {
	switch {
	case d.meta != nil && d.meta.Key == bytecode.MetaNfproto:
		return Family(d.value)
	case d.meta != nil && d.meta.Key == bytecode.MetaProtocol, d.payload != nil && d.payload.proto == protoEther:
		return map[uint32]Family{0x0800: IPv4, 0x86dd: IPv6}[d.value]
	}
	return bytecode.Unspec
}
