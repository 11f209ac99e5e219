package ext

import (
	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_nat.c, xt_snat_target_v1.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "SNAT",
		Options: []*iptables.OptionSpec{
			{Name: "--to-source", Kind: iptables.ToAddress, Required: true},
			{Name: "--random", Kind: iptables.Flag},
			{Name: "--random-fully", Kind: iptables.Flag},
			{Name: "--persistent", Kind: iptables.Flag},
		},
		Check:   both(onlyIn("nat"), onlyFrom("POSTROUTING", "INPUT"), natPorts("--to-source")),
		Listing: listed("", "to:*", "--to-source", "random", "--random", "random-fully", "--random-fully", "persistent", "--persistent"),
	},
	Lower:   toAddress(nft.SNAT, "--to-source"),
	Meaning: natMeaning(packet.SNAT),
})
