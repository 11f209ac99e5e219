package meaning

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/packet"
)

// nat settles a translation and accepts (nft_nat_eval, nft_masq.c, nft_redir.c). Where addresses come from a map, each element is a case of
// its own.
func (r *ruleReader) nat(n *nft.NAT) []packet.Step {
	accept := &packet.End{Verdict: packet.Verdict{Kind: packet.Accept}}
	operands := []nft.Expr{n.Addr, n.AddrMax, n.Port, n.PortMax}
	var fixed [4][]byte
	var needs packet.All
	for i, x := range operands {
		if x == nil {
			continue
		}
		reg := r.load(x)
		needs = append(needs, reg.needs...)
		b, ok := fixedBytes(reg.bits)
		switch {
		case reg.cases != nil:
			choose := &packet.Choose{}
			for _, c := range reg.cases {
				same := fixed
				same[i] = c.data
				choose.Cases = append(choose.Cases, packet.Case{When: c.when, Steps: []packet.Step{&packet.Do{Effect: translation(n, same)}, accept}})
			}
			if i+1 < len(operands) && operands[i+1] != nil && key(operands[i+1]) != key(x) {
				return append(r.note("nat", operands...), accept)
			}
			return append(require(needs), choose)
		case reg.memory != "" || !ok:
			return append(r.note(fmt.Sprintf("nat %d", n.Kind), operands...), accept)
		}
		fixed[i] = b
	}
	return append(require(needs), &packet.Do{Effect: translation(n, fixed)}, accept)
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
