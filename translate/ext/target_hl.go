package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// hopLimit is where struct ipv6hdr has it. No checksum is over it.
var hopLimit = &nft.Payload{Base: bytecode.NetworkHeader, Offset: 7, Len: 1}

var _ = registerTarget(hopLimited("HL", "--hl-", iptables.IPv6, setHopLimit, countHopLimit))

func setHopLimit(v uint8) nft.Stmt { return &nft.Assign{Key: hopLimit, Value: value([]byte{v})} }

// countHopLimit looks the new value up. A value that is its own is not in the map, and the rule ends there.
func countHopLimit(c *Context, n hopCount) nft.Stmt {
	m := c.Set("hoplimit", n.String(), func() *nft.Set {
		m := nft.TypeofMap("ip6 hoplimit", "ip6 hoplimit")
		for v := range 256 {
			if to := n.of(v); to != byte(v) {
				m.Elements = append(m.Elements, nft.Element{Key: []byte{byte(v)}, Data: []byte{to}})
			}
		}
		return m
	})
	return &nft.Assign{Key: hopLimit, Value: &nft.MapLookup{Key: hopLimit, Name: m.Name}}
}
