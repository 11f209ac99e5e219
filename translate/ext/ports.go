package ext

import (
	"cmp"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// Where the port numbers of TCP, UDP, UDP-Lite, SCTP and DCCP stand in their headers.
const (
	sourcePort      = 0
	destinationPort = 2
)

// IP protocol numbers (IANA), for Protocols and tests.
const (
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoSCTP    = 132
	protoUDPLite = 136
)

// portIn tests a port against one range. The xt_* matches fail on a packet without the header before they invert, and so does
// the load, so that the inverse is exact.
func portIn(offset uint32, p iptables.Ports) Cond {
	field := transport(offset, 2)
	switch {
	case p.Lo == p.Hi:
		return present(field, net16(p.Lo))
	case p.Lo == 0 && p.Hi == 65535:
		return All{}
	}
	return within(field, net16(p.Lo), net16(p.Hi))
}

// portsIn tests a port against a list. Several become a set, since nft has no other "one of".
func (c *Context) portsIn(offset uint32, ports []iptables.Ports) Cond {
	ports = mergePorts(ports)
	if len(ports) == 1 {
		return portIn(offset, ports[0])
	}
	s := c.Shared.portSet(ports)
	return &Test{
		Stmts:   []nft.Stmt{&nft.InSet{Key: transport(offset, 2), Set: s}},
		Inverse: []nft.Stmt{&nft.InSet{Key: transport(offset, 2), Set: s, Not: true}},
	}
}

// portSet is an anonymous set of ports. Rules with the same ports hold the same one: such lists come again and again.
func (s *Shared) portSet(ports []iptables.Ports) *nft.Set {
	var key strings.Builder
	for _, p := range ports {
		key.Write([]byte{byte(p.Lo >> 8), byte(p.Lo), byte(p.Hi >> 8), byte(p.Hi)})
	}
	if set := s.ports[key.String()]; set != nil {
		return set
	}
	if s.ports == nil {
		s.ports = map[string]*nft.Set{}
	}
	set := &nft.Set{Type: []nft.Datatype{nft.TypeInetService}, Flags: bytecode.SetAnonymous | bytecode.SetConstant}
	for _, p := range ports {
		e := nft.Element{Key: net16(p.Lo)}
		if p.Lo != p.Hi {
			e.KeyEnd = net16(p.Hi)
			set.Flags |= bytecode.SetInterval
		}
		set.Elements = append(set.Elements, e)
	}
	s.ports[key.String()] = set
	return set
}

// mergePorts sorts ranges and joins those that overlap, which the kernel refuses in a set. Where there is a range at all it joins
// neighbours too, since nft lists them so.
func mergePorts(ports []iptables.Ports) []iptables.Ports {
	sorted := slices.Clone(ports)
	slices.SortFunc(sorted, func(a, b iptables.Ports) int { return cmp.Compare(a.Lo, b.Lo) })
	gap := uint32(0)
	if slices.ContainsFunc(sorted, func(p iptables.Ports) bool { return p.Lo != p.Hi }) {
		gap = 1
	}
	out := sorted[:1]
	for _, p := range sorted[1:] {
		last := &out[len(out)-1]
		if uint32(p.Lo) <= uint32(last.Hi)+gap {
			last.Hi = max(last.Hi, p.Hi)
			continue
		}
		out = append(out, p)
	}
	return out
}
