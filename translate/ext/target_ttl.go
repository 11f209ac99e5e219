package ext

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// hopLimited describes TTL and HL (xt_HL.c): set says how the field is set, count what counts it up or down.
func hopLimited(name, prefix string, family iptables.Family, set func(v uint8) nft.Stmt, count func(*Context, hopCount) nft.Stmt) *Target {
	names := []string{prefix + "set", prefix + "dec", prefix + "inc"}
	kinds := []iptables.Kind{iptables.Uint(0, 255), iptables.Uint(1, 255), iptables.Uint(1, 255)}
	specs := make([]*iptables.OptionSpec, len(names))
	for i, n := range names {
		specs[i] = &iptables.OptionSpec{Name: n, Kind: kinds[i]}
	}
	return &Target{
		Extension: iptables.Extension{
			Name: name, Families: []iptables.Family{family}, Options: specs,
			Check:   both(onlyIn("mangle"), oneOption(name, names[0]+", "+names[1]+" or "+names[2])),
			Listing: listed(name, "set to *", names[0], "decrement by *", names[1], "increment by *", names[2]),
		},
		Lower: func(c *Context, t *iptables.Target) Action {
			o := t.Options[0]
			v := uint8(o.Value.(uint64))
			if o.Spec.Name == names[0] {
				return stmts(set(v))
			}
			return stmts(count(c, hopCount{up: o.Spec.Name == names[2], by: int(v)}))
		},
		Meaning: func(c *Context, t *iptables.Target) []packet.Step {
			n := int(t.Options[0].Value.(uint64))
			switch t.Options[0].Spec.Name {
			case names[0]:
				return do(packet.Assign(packet.TTL, packet.Num(uint64(n))))
			case names[1]:
				n = -n
			}
			return counts(n)
		},
	}
}

// counts adds n to the field, which stops at 0 and 255 (ttl_tg, hl_tg6).
func counts(n int) []packet.Step {
	choose := &packet.Choose{}
	for v := range 256 {
		to := packet.Num(uint64(max(0, min(255, v+n))))
		choose.Cases = append(choose.Cases, packet.Case{When: packet.Eq(packet.TTL, packet.Num(uint64(v))), Steps: do(packet.Assign(packet.TTL, to))})
	}
	return []packet.Step{choose}
}

var _ = registerTarget(hopLimited("TTL", "--ttl-", iptables.IPv4, setTTL, countTTL))

// ttlAt is where the time to live stands in struct iphdr; the protocol follows.
const ttlAt = 8

// setTTL writes the protocol again as well, since nft counts in pairs of bytes to mend a checksum.
func setTTL(v uint8) nft.Stmt {
	pair := &nft.Payload{Base: bytecode.NetworkHeader, Offset: ttlAt, Len: 2}
	return &nft.Assign{Key: pair, Value: &nft.MaskXor{Of: pair, Mask: []byte{0, 0xff}, Xor: []byte{v, 0}},
		ChecksumType: checksumInet, ChecksumOffset: 10}
}

// countTTL leads to a chain with a rule for each value. One map would do, as for the hop limit, but that nft has no words for it:
// a byte with a checksum can only be set to a constant. Values are 16 to a chain, so that a packet passes few rules.
func countTTL(c *Context, n hopCount) nft.Stmt {
	ttl := &nft.Payload{Base: bytecode.NetworkHeader, Offset: ttlAt, Len: 1}
	back := &nft.Verdict{Code: bytecode.Return}
	ch := c.chainNamed("ttl-"+n.String(), func(say func(...nft.Stmt)) {
		end, first, last := n.stops()
		set := func(from nft.Expr, to byte) []nft.Stmt {
			return append(c.guard(), &nft.Match{Left: ttl, Right: from}, setTTL(to), back)
		}
		say(set(&nft.Range{From: []byte{first}, To: []byte{last}}, end)...)
		v, behind := n.moves()
		parts := &nft.Set{Type: []nft.Datatype{nft.TypeInteger}, KeyLen: []uint32{1}, Data: []nft.Datatype{nft.TypeVerdict},
			Flags: bytecode.SetAnonymous | bytecode.SetConstant | bytecode.SetInterval | bytecode.SetMap}
		for next := v; v < behind; v = next {
			next = min(v&^15+16, behind)
			part := c.chainNamed(fmt.Sprintf("ttl-%s-%d", n, v&^15), func(say func(...nft.Stmt)) {
				for v := v; v < next; v++ {
					say(set(value([]byte{byte(v)}), n.of(v))...)
				}
			})
			parts.Elements = append(parts.Elements, nft.Element{Key: []byte{byte(v)}, KeyEnd: []byte{byte(next - 1)},
				Verdict: &nft.Verdict{Code: bytecode.Goto, Chain: part.Name}})
		}
		if len(parts.Elements) > 0 {
			say(append(c.guard(), &nft.VerdictMap{Key: ttl, Set: parts})...)
		}
	})
	return &nft.Verdict{Code: bytecode.Jump, Chain: ch.Name}
}
