package meaning

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/packet"
)

// nat settles a translation and accepts (nft_nat_eval, nft_masq.c, nft_redir.c). Where addresses or ports come from a map, each element is
// a case of its own.
func (r *ruleReader) nat(n *nft.NAT) []packet.Step {
	accept := &packet.End{Verdict: packet.Verdict{Kind: packet.Accept}}
	operands := []nft.Expr{n.Addr, n.AddrMax, n.Port, n.PortMax}
	if net := r.network(n); net != nil {
		return []packet.Step{do(net), accept}
	}
	var fixed [4][]byte
	var needs packet.All
	var cases []mapped
	var from nft.Expr
	place := 0
	for i, x := range operands {
		if x == nil {
			continue
		}
		reg := r.load(x)
		needs = append(needs, reg.needs...)
		b, ok := fixedBytes(reg.bits)
		switch {
		case reg.memory != "", reg.cases == nil && !ok, reg.cases != nil && cases != nil && key(from) != key(x):
			return append(r.note(fmt.Sprintf("nat %d", n.Kind), operands...), accept)
		case reg.cases != nil && cases == nil:
			cases, from, place = reg.cases, x, i
		case reg.cases == nil:
			fixed[i] = b
		}
	}
	if cases == nil {
		return append(require(needs), do(translation(n, fixed)), accept)
	}
	choose := &packet.Choose{}
	for _, c := range cases {
		same := fixed
		r.fill(&same, place, from, c.data)
		choose.Cases = append(choose.Cases, r.natCases(n, c.when, same)...)
	}
	return append(require(needs), choose, accept)
}

// fill puts a map's data where the operands are that it is for: an address, perhaps a port behind it, and both once more for the end
// of a range (the layout of nft, stmt_evaluate_nat_map).
func (r *ruleReader) fill(operands *[4][]byte, place int, x nft.Expr, data []byte) {
	m := x.(*nft.MapLookup)
	s := r.find(m.Name, m.Set)
	size := 4
	if r.ipv6 {
		size = 16
	}
	whole := data
	if s.DataInterval && len(data)%2 == 0 {
		whole = data[:len(data)/2]
	}
	for i := 0; i < len(data); i += len(whole) {
		part := data[i : i+len(whole)]
		end := i / len(whole)
		if place == 0 && len(s.Data) == 2 && len(part) > size {
			operands[end], operands[2+end] = part[:size], part[size:min(size+2, len(part))]
			continue
		}
		if place >= 2 {
			part = part[:min(2, len(part))]
		}
		operands[place+end] = part
	}
}

// natCases is a translation for some packets. A port that is to become what it is needs no new one.
func (r *ruleReader) natCases(n *nft.NAT, when packet.Pred, operands [4][]byte) []packet.Case {
	out := []packet.Case{{When: when, Steps: []packet.Step{do(translation(n, operands))}}}
	x := translation(n, operands)
	if x.Kind == packet.DNAT && x.Addr != nil && x.Port != nil && x.Port.From == x.Port.To {
		operands[2], operands[3] = nil, nil
		own := packet.Case{When: packet.All{when, packet.Eq(packet.DstPort, x.Port.From)}, Steps: []packet.Step{do(translation(n, operands))}}
		out = append([]packet.Case{own}, out...)
	}
	return out
}

// network is a translation to an address of which some bits are constants, and the others those of the address that there is; nil: it
// is another. It does what NF_NAT_RANGE_NETMAP does.
func (r *ruleReader) network(n *nft.NAT) *packet.NAT {
	if _, ok := n.Addr.(*nft.MaskXor); !ok || n.AddrMax != nil || n.Port != nil {
		return nil
	}
	out := translation(n, [4][]byte{})
	is := map[bool]packet.Field{true: packet.IPv4Src, false: packet.IPv4Dst}[out.Source()]
	if r.ipv6 {
		is = map[bool]packet.Field{true: packet.IPv6Src, false: packet.IPv6Dst}[out.Source()]
	}
	bits := r.load(n.Addr).bits
	if len(bits) != int(is.Bits) {
		return nil
	}
	var first, free packet.Value
	for i, b := range bits {
		one := packet.Num(1).Shl(uint(len(bits) - 1 - i))
		switch {
		case b.fixed && b.flip:
			first = first.Or(one)
		case b.fixed:
		case b.field == is && int(b.n) == len(bits)-1-i && !b.flip:
			free = free.Or(one)
		default:
			return nil
		}
	}
	out.Net, out.Addr = true, &packet.Range{From: first, To: first.Or(free)}
	return out
}

// Flags of struct nf_nat_range2 (NF_NAT_RANGE_*).
const (
	natRandom      = 1 << 2
	natPersistent  = 1 << 3
	natFullyRandom = 1 << 4
	natNetmap      = 1 << 6
)

// translation is of operands that are constants: the addresses and ports, from and to.
func translation(n *nft.NAT, operands [4][]byte) *packet.NAT {
	kinds := map[nft.NATKind]packet.NATKind{nft.SNAT: packet.SNAT, nft.DNAT: packet.DNAT, nft.Masquerade: packet.Masquerade, nft.Redirect: packet.Redirect}
	return &packet.NAT{
		Kind: kinds[n.Kind], Addr: span(operands[0], operands[1]), Port: span(operands[2], operands[3]), Net: n.Flags&natNetmap != 0,
		Random: n.Flags&natRandom != 0, FullyRandom: n.Flags&natFullyRandom != 0, Persistent: n.Flags&natPersistent != 0,
	}
}

func span(from, to []byte) *packet.Range {
	if from == nil {
		return nil
	}
	if to == nil {
		to = from
	}
	return &packet.Range{From: packet.FromBytes(from), To: packet.FromBytes(to)}
}

// mapLookup is a map's data: the same for all, or cases.
func (r *ruleReader) mapLookup(m *nft.MapLookup) register {
	s := r.find(m.Name, m.Set)
	reg := r.load(m.Key)
	if s == nil || changes(s) || reg.memory != "" {
		name := fmt.Sprintf("%s map @%s", key(m.Key), m.Name)
		return register{memory: name, needs: reg.needs}
	}
	out := register{needs: reg.needs}
	for _, g := range grouped(s.Elements, func(e nft.Element) string { return string(e.Data) }) {
		out.cases = append(out.cases, mapped{r.holds(m.Key, reg, s, g), g[0].Data})
	}
	return out
}

// tproxy gives the packet to a socket, and breaks the rule off where there is none (nft_tproxy_eval_v4, _v6). It takes TCP and UDP.
func (r *ruleReader) tproxy(t *nft.TProxy) []packet.Step {
	r.tracks = true // nft_tproxy_init has fragments put together
	var addr packet.Value
	var port uint16
	for i, x := range []nft.Expr{t.Addr, t.Port} {
		if x == nil {
			continue
		}
		b, ok := fixedBytes(r.load(x).bits)
		switch {
		case !ok:
			return opaque("tproxy to " + key(x))
		case i == 0:
			addr = packet.FromBytes(b)
		default:
			port = uint16(packet.FromBytes(b).Lo)
		}
	}
	return []packet.Step{
		&packet.Require{P: packet.OneOf(packet.L4Proto, packet.Num(6), packet.Num(17))},
		&packet.Require{P: packet.Listener(addr, port)},
		&packet.Do{Effect: packet.Proxied(addr, port)},
	}
}
