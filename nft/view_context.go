package nft

import (
	"math/bits"

	"rechain/nft/bytecode"
)

// protoContext is what the matches of a rule have said about the packet's headers so far.
type protoContext struct {
	family Family
	layers [4]*protocol // by payload base; nil or protoUnknown when not known
	// under are the link headers below the present one, bottom first.
	under    []*protocol
	icmpType uint8 // 0 not known; an echo reply counts as a request
	// framed says that a field of the Ethernet header other than its type was named. nft then knows the frame, and makes matches
	// on its type.
	framed bool
}

// familyLayer is the lowest header of a family's packets and what is known of it.
func familyLayer(f Family) (bytecode.PayloadBase, *protocol) {
	switch f {
	case Bridge:
		return bytecode.LinkHeader, protoEther
	case Netdev:
		return bytecode.LinkHeader, protoNetdev
	case Inet:
		return bytecode.LinkHeader, protoInet
	case IPv6:
		return bytecode.NetworkHeader, protoIP6
	case Arp:
		return bytecode.NetworkHeader, protoARP
	}
	return bytecode.NetworkHeader, protoIP
}

func newProtoContext(f Family) protoContext {
	c := protoContext{family: f}
	base, p := familyLayer(f)
	c.layers[base] = p
	return c
}

// learnPayload notes that a header field has a value.
func (c *protoContext) learnPayload(n *payloadNode, value uint32) {
	if !n.isKey {
		return
	}
	below := c.layers[n.base]
	if below == nil {
		return
	}
	above := below.upper(value)
	if above == nil {
		c.learnICMP(below, uint8(value))
		return
	}
	if above.base == bytecode.LinkHeader && below.base == bytecode.LinkHeader {
		c.under = append(c.under, below)
	}
	c.layers[above.base] = above
}

// learnICMP takes an echo reply for a request, whose fields it shares; so 0 is free to mean that the type is not known.
func (c *protoContext) learnICMP(p *protocol, typ uint8) {
	switch {
	case p == protoICMP && typ == 0:
		typ = icmpTypes[icmpEcho]
	case p == protoICMPv6 && typ == 129:
		typ = icmpTypes[icmp6Echo]
	case p != protoICMP && p != protoICMPv6:
		return
	}
	c.icmpType = typ
}

// learnMeta notes that metadata has a value.
func (c *protoContext) learnMeta(key bytecode.MetaKey, value uint32) {
	base, hook := familyLayer(c.family)
	known := func(p *protocol) *protocol {
		if p == nil {
			return protoUnknown
		}
		return p
	}
	switch key {
	case bytecode.MetaIiftype:
		if c.family == Bridge {
			return
		}
		if value == 1 { // ARPHRD_ETHER
			c.layers[bytecode.LinkHeader] = protoEther
		} else {
			c.layers[bytecode.LinkHeader] = protoUnknown
		}
	case bytecode.MetaNfproto:
		p := hook.upper(value)
		if p == nil && value == uint32(c.family) && base == bytecode.NetworkHeader {
			p = hook
		}
		c.layers[bytecode.NetworkHeader] = known(p)
	case bytecode.MetaL4proto:
		c.layers[bytecode.TransportHeader] = known(protoInetService.upper(value))
	case bytecode.MetaProtocol:
		if c.family == Netdev || c.family == Bridge {
			c.layers[bytecode.NetworkHeader] = known(hook.upper(value))
		}
	}
}

// learnCT notes that conntrack's protocol has a value.
func (c *protoContext) learnCT(key bytecode.CtKey, value uint32) {
	base, ok := ctLayer(key)
	if !ok || c.layers[base] == nil {
		return
	}
	if p := c.layers[base].upper(value); p != nil {
		c.layers[base+1] = p
	}
}

// ctLayer is the header whose protocol a conntrack key tells.
func ctLayer(key bytecode.CtKey) (bytecode.PayloadBase, bool) {
	switch key {
	case bytecode.CtL3proto:
		return bytecode.LinkHeader, true
	case bytecode.CtProtocol:
		return bytecode.NetworkHeader, true
	}
	return 0, false
}

// header is the protocol that holds a payload, and how many bits of lower link headers its offset counts.
func (c *protoContext) header(n *payloadNode) (p *protocol, skip uint32) {
	top := c.layers[n.base]
	if top == nil || top == protoInet || top == protoUnknown {
		return nil, 0
	}
	if n.base != bytecode.LinkHeader || n.off < top.length {
		return top, 0
	}
	off := n.off
	for _, p := range c.under {
		if off < p.length {
			return p, skip
		}
		off -= p.length
		skip += p.length
	}
	return top, skip
}

// newPayload is a load that nothing is known of. Sixteen bits where ports are may always be called "th sport" and "th dport".
func newPayload(base bytecode.PayloadBase, off, bits uint32) *payloadNode {
	n := payloadAt(base, off, bits)
	return &n
}

func payloadAt(base bytecode.PayloadBase, off, bits uint32) payloadNode {
	n := payloadNode{base: base, off: off, bits: bits}
	if base == bytecode.TransportHeader {
		if f := protoTH.find(off, bits, 0); f != nil {
			n.proto, n.field = protoTH, f
		}
	}
	return n
}

// complete names a payload that is exactly one field. Where a header is known to have no ports, they are raw bits.
func (c *protoContext) complete(n *payloadNode) {
	if c.layers[n.base] == protoUnknown {
		n.proto, n.field = nil, nil
	}
	p, skip := c.header(n)
	if p == nil {
		return
	}
	n.proto, n.field = nil, nil
	if f := p.find(n.off-skip, n.bits, c.icmpType); f != nil {
		n.proto, n.field = p, f
	}
}

// seen notes that a payload was named.
func (c *protoContext) seen(n *payloadNode) {
	if n.proto == protoEther && !n.isKey {
		c.framed = true
	}
}

// typesFrame reports whether nft makes a match on the frame's type for a header above: for ARP and ICMP in bridge tables, and in inet
// and netdev tables behind a match on the frame.
func (c *protoContext) typesFrame(above *protocol) bool {
	switch c.family {
	case Bridge:
		return above == protoARP || above == protoICMP || above == protoICMPv6
	case Inet, Netdev:
		return c.framed
	}
	return false
}

// knowsIP reports whether it is known which IP a packet is.
func (c *protoContext) knowsIP() bool {
	p := c.layers[bytecode.NetworkHeader]
	return p == protoIP || p == protoIP6
}

// trim narrows a payload to the fields that a mask of adjacent ones selects, and says by how much values move to the right.
func (c *protoContext) trim(n *payloadNode, mask []byte) (shift uint, ok bool) {
	p, skip := c.header(n)
	if p == nil {
		return 0, false
	}
	low, high, ok := maskRun(mask)
	if !ok {
		return 0, false
	}
	start := n.bits - high
	at, left, taken := n.off-skip+start, n.bits, uint32(0)
	for _, f := range p.fields {
		if f.off != at {
			continue
		}
		if f.bits >= left {
			return 0, false
		}
		left -= f.bits
		at += f.bits
		taken += f.bits
		if low+taken == high {
			n.off, n.bits = n.off+start, taken
			n.proto, n.field = nil, nil
			return uint(low), true
		}
	}
	return 0, false
}

// maskRun is the lowest one of a big-endian mask and the zero above it, if the ones are one run.
func maskRun(mask []byte) (low, high uint32, ok bool) {
	size, ones := len(mask)*8, 0
	first, last := size, -1
	for i, b := range mask {
		if b == 0 {
			continue
		}
		first = min(first, i*8+bits.LeadingZeros8(b))
		last = i*8 + 7 - bits.TrailingZeros8(b)
		ones += bits.OnesCount8(b)
	}
	return uint32(size - 1 - last), uint32(size - first), ones > 0 && ones == last-first+1
}

// expand splits a payload into the adjacent fields that it covers; nft compares them at once. The last may be the start of a field,
// or raw bits. They are appended to parts; where it is one field, that is n.
func (c *protoContext) expand(parts []*payloadNode, n *payloadNode) []*payloadNode {
	off, left := n.off, n.bits
	p, skip := c.header(n)
	if p != nil {
		for i := range p.fields {
			f := &p.fields[i]
			if f.off != off-skip || !f.fits(c.icmpType) {
				continue
			}
			bits := min(f.bits, left)
			if bits == n.bits {
				n.proto, n.field, n.isKey = p, f, p.isKey(f)
				return append(parts, n)
			}
			parts = append(parts, &payloadNode{base: n.base, off: off, bits: bits, proto: p, field: f, isKey: p.isKey(f)})
			off, left = off+bits, left-bits
			if left == 0 {
				return parts
			}
		}
	}
	rest := newPayload(n.base, off, left)
	if p != nil || c.layers[n.base] == protoUnknown {
		rest = &payloadNode{base: n.base, off: off, bits: left}
	}
	return append(parts, rest)
}
