package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// ttlTarget describes TTL and HL (xt_HL.c). The field shares 2 bytes with another, of which first says which it is; nft writes both, to
// mend a checksum that counts in pairs.
func ttlTarget(name, prefix string, family iptables.Family, offset uint32, first bool) *Target {
	names := []string{prefix + "set", prefix + "dec", prefix + "inc"}
	specs := make([]*iptables.OptionSpec, len(names))
	for i, n := range names {
		specs[i] = &iptables.OptionSpec{Name: n, Kind: iptables.Uint(0, 255)}
	}
	return &Target{
		Extension: iptables.Extension{
			Name: name, Families: []iptables.Family{family}, Options: specs,
			Check: both(onlyIn("mangle"), oneOption(name, names[0]+", "+names[1]+" or "+names[2])),
		},
		Limits: Limits{Refused: names[1] + ", " + names[2]},
		Lower: func(c *Context, t *iptables.Target) Action {
			o := t.Options[0]
			v := uint8(o.Value.(uint64))
			if o.Spec.Name != names[0] {
				c.Refuse(o.Pos, name, "use "+names[0], "nftables cannot count up or down")
			}
			field := &nft.Payload{Base: bytecode.NetworkHeader, Offset: offset, Len: 2}
			mask, xor := []byte{0xff, 0}, []byte{0, v}
			if first {
				mask, xor = []byte{0, 0xff}, []byte{v, 0}
			}
			set := &nft.Assign{Key: field, Value: &nft.MaskXor{Of: field, Mask: mask, Xor: xor}}
			if family == iptables.IPv4 {
				set.ChecksumType, set.ChecksumOffset = checksumInet, 10
			}
			return stmts(set)
		},
	}
}

// The time to live is followed by the protocol in struct iphdr.
var _ = registerTarget(ttlTarget("TTL", "--ttl-", iptables.IPv4, 8, true))
