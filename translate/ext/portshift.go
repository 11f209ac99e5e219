package ext

import (
	"fmt"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// shiftedPort is the port that a DNAT with a base port translates to (nf_nat_l4proto_unique_tuple with NF_NAT_RANGE_PROTO_OFFSET): as
// far from the range's first as the old port is from the base, around the range's end where need be. All that a rule lets
// through is in one map; nil says that each port stays what it is.
//
// Where another connection from the same source port has been translated to the same, iptables goes on to the next port of the range.
// nftables does what both do for a range of one port: the connection gets another source port on its way out.
func shiftedPort(c *Context, r iptables.NATRange) nft.Expr {
	seen := destinationPorts(c.Rule)
	size := uint32(r.Ports.Hi-r.Ports.Lo) + 1
	m := &nft.Set{Type: []nft.Datatype{nft.TypeInetService}, Data: []nft.Datatype{nft.TypeInetService}, Flags: bytecode.SetMap}
	same := true
	for _, p := range seen {
		for port := uint32(p.Lo); port <= uint32(p.Hi); port++ {
			to := r.Ports.Lo + uint16(uint32(uint16(port)-r.Base)%size)
			same = same && to == uint16(port)
			m.Elements = append(m.Elements, nft.Element{Key: net16(uint16(port)), Data: net16(to)})
		}
	}
	if same && r.Lo.IsValid() {
		return nil
	}
	names := make([]string, len(seen))
	for i, p := range seen {
		names[i] = iptables.PortRange.Format(p)
	}
	name := fmt.Sprintf("%s-to-%d-%d-from-%d", strings.ReplaceAll(strings.Join(names, "_"), ":", "-"), r.Ports.Lo, r.Ports.Hi, r.Base)
	m = c.Set("ports", name, func() *nft.Set { return m })
	return &nft.MapLookup{Key: transport(destinationPort, 2), Name: m.Name}
}

// destinationPorts are the ports that a rule's conditions let through, or more of them: all, where no condition lists any.
func destinationPorts(r *iptables.Rule) []iptables.Ports {
	for _, m := range r.Matches {
		for _, o := range m.Options {
			if o.Neg {
				continue
			}
			switch o.Spec.Name {
			case "--dport":
				return []iptables.Ports{o.Value.(iptables.Ports)}
			case "--dports":
				return mergePorts(slices.Clone(o.Value.([]iptables.Ports)))
			}
		}
	}
	return []iptables.Ports{{Lo: 0, Hi: 65535}}
}

// shiftMeaning is a translation with a base port, for each of the ports that come: nf_nat_l4proto_unique_tuple counts with 16 bits from
// the base on, and around the end of the range. A port that is to become what it is needs no new one.
func shiftMeaning(n *packet.NAT, ports []iptables.Ports) []packet.Step {
	low, size := uint32(n.Port.From.Lo), uint32(n.Port.To.Lo-n.Port.From.Lo)+1
	at := map[uint16][]packet.Range{} // what becomes a port
	var order []uint16
	var same []packet.Range
	for _, p := range ports {
		for port := uint32(p.Lo); port <= uint32(p.Hi); port++ {
			to := uint16(low + uint32(uint16(port)-n.PortBase)%size)
			one := packet.Range{From: packet.Num(uint64(port)), To: packet.Num(uint64(port))}
			if uint32(to) == port && n.Addr != nil {
				same = append(same, one)
				continue
			}
			if at[to] == nil {
				order = append(order, to)
			}
			at[to] = append(at[to], one)
		}
	}
	choose := &packet.Choose{}
	add := func(ranges []packet.Range, port *packet.Range) {
		fixed := *n
		fixed.Port, fixed.Shift, fixed.PortBase = port, false, 0
		choose.Cases = append(choose.Cases, packet.Case{When: packet.Within(packet.DstPort, ranges), Steps: do(&fixed)})
	}
	add(same, nil)
	for _, to := range order {
		add(at[to], portRange(iptables.Ports{Lo: to, Hi: to}))
	}
	choose.Cases = append(choose.Cases, packet.Case{When: packet.All{}, Steps: do(n)})
	return []packet.Step{choose}
}
