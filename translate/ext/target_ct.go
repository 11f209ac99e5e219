package ext

import (
	"encoding/binary"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_CT.c, xt_ct_target: what conntrack shall do with a packet that it has not seen yet. Both engines leave a packet alone that
// already has a connection.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "CT",
		Options: []*iptables.OptionSpec{
			{Name: "--notrack", Kind: iptables.Flag},
			{Name: "--zone", Kind: iptables.Uint(0, 65535)},
		},
		Check:   onlyIn("raw"),
		Listing: listCT,
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		var out []nft.Stmt
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--notrack":
				out = append(out, &nft.Plain{Op: &bytecode.Notrack{}})
			case "--zone":
				zone := binary.NativeEndian.AppendUint16(nil, uint16(o.Value.(uint64)))
				out = append(out, &nft.Assign{Key: &nft.CT{Key: bytecode.CtZone}, Value: value(zone)})
			}
		}
		return stmts(out...)
	},
})
