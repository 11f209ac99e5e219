package nft

import (
	"rechain/nft/bytecode"
)

// The flags of address translation (linux/netfilter/nf_nat.h, NF_NAT_RANGE_*).
const (
	natRandom      uint32 = 1 << 2
	natPersistent  uint32 = 1 << 3
	natFullyRandom uint32 = 1 << 4
	natNetmap      uint32 = 1 << 6
)

type (
	natNode struct {
		kind       string
		family     string // "ip", "ip6" or "" when the table's family says it
		addr, port node
		addr6      bool // an address beside a port needs brackets
		flags      uint32
	}

	tproxyNode struct {
		family     string
		addr, port node
		addr6      bool
	}

	dupNode struct{ to, dev node }

	fwdNode struct {
		dev, addr node
		family    string
	}
)

var natKinds = map[NATKind]string{SNAT: "snat", DNAT: "dnat", Masquerade: "masquerade", Redirect: "redirect"}

// ipName is nft's word for an address family.
func ipName(f Family) string {
	switch f {
	case IPv4:
		return "ip"
	case IPv6:
		return "ip6"
	}
	return ""
}

// addrType is the type of an address of a family.
func addrType(f Family) valueType {
	if f == IPv6 {
		return valueType{typ: TypeIP6Addr, bits: 128}
	}
	return valueType{typ: TypeIPAddr, bits: 32}
}

var portType = valueType{typ: TypeInetService, bits: 16}

func (r *ruleView) nat(s *NAT) node {
	n := &natNode{kind: natKinds[s.Kind], flags: s.Flags}
	if r.family == Inet {
		n.family = ipName(s.Family)
	}
	if s.Addr != nil {
		n.addr = r.span(s.Addr, s.AddrMax, addrType(s.Family), true)
		n.addr6 = s.Family == IPv6
	}
	if m, ok := s.Addr.(*MapLookup); ok && r.mapsPair(m) {
		n.family = ipName(s.Family) // the map holds a range, or a port too
	} else if s.Port != nil {
		r.deps.reset()
		n.port = r.span(s.Port, s.PortMax, portType, false)
	}
	return n
}

// mapsPair reports whether a map holds more than an address: both ends of a range, or a port.
func (r *ruleView) mapsPair(m *MapLookup) bool {
	set := r.lookup(m.Name, m.Set)
	return set != nil && (len(set.Data) > 1 || set.DataInterval)
}

// span names a value or the range that two make; a range of addresses that is a prefix is named so.
func (r *ruleView) span(from, to Expr, t valueType, prefixes bool) node {
	if to == nil || to == from {
		return r.assigned(from, t)
	}
	a, ok1 := from.(*Value)
	b, ok2 := to.(*Value)
	if !ok1 || !ok2 {
		return &rangeNode{r.assigned(from, t), r.assigned(to, t)}
	}
	if bits, ok := commonPrefix(a.Data, b.Data); ok && prefixes {
		return &prefixNode{r.literal(a.Data, t, false), bits}
	}
	return r.rangeOf(a.Data, b.Data, t)
}

func (r *ruleView) tproxy(s *TProxy) node {
	n := &tproxyNode{}
	if r.family == Inet {
		n.family = ipName(s.Family)
	}
	if s.Addr != nil {
		n.addr = r.assigned(s.Addr, addrType(s.Family))
		n.addr6 = s.Family == IPv6
	}
	if s.Port != nil {
		r.deps.reset()
		n.port = r.assigned(s.Port, portType)
	}
	return n
}

var ifindexType = valueType{typ: TypeIfindex, order: hostOrder, bits: 32}

func (r *ruleView) dup(s *Dup) node {
	n := &dupNode{}
	if s.Addr != nil {
		n.to = r.assigned(s.Addr, addrType(r.family))
	}
	if s.Dev != nil {
		n.dev = r.assigned(s.Dev, ifindexType)
	}
	if n.to == nil { // netdev tables have only a device
		n.to, n.dev = n.dev, nil
	}
	return n
}

func (r *ruleView) fwd(s *Fwd) node {
	n := &fwdNode{dev: r.assigned(s.Dev, ifindexType)}
	if s.Addr != nil {
		n.family = ipName(bytecode.Family(s.NFProto))
		n.addr = r.assigned(s.Addr, addrType(bytecode.Family(s.NFProto)))
	}
	return n
}
