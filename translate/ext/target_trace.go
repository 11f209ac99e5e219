package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_TRACE.c. The events of iptables go to the kernel's log, nft's to "nft monitor trace".
var _ = registerTarget(&Target{
	Extension: iptables.Extension{Name: "TRACE", Check: onlyIn("raw")},
	Lower: func(*Context, *iptables.Target) Action {
		return stmts(&nft.Assign{Key: &nft.Meta{Key: bytecode.MetaNftrace}, Value: value([]byte{1})})
	},
	Meaning: func(*Context, *iptables.Target) []packet.Step {
		return do(packet.Assign(packet.Nftrace, packet.Num(1)))
	},
})
