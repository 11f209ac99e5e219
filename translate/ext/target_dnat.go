package ext

import (
	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_nat.c, xt_dnat_target_v2.
//
// With a base port (--to-destination ADDRESS:FIRST-LAST/BASE), a port shifts by as much as FIRST is from BASE. Where another connection from
// the same source port has been translated to the same, iptables takes the next port of the range, and nftables keeps the port and gives the
// connection another source port.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "DNAT",
		Options: []*iptables.OptionSpec{
			{Name: "--to-destination", Kind: iptables.ToAddress, Required: true},
			{Name: "--random", Kind: iptables.Flag},
			{Name: "--persistent", Kind: iptables.Flag},
		},
		Check:   both(onlyIn("nat"), onlyFrom("PREROUTING", "OUTPUT"), natPorts("--to-destination")),
		Listing: listed("", "to:*", "--to-destination", "random", "--random", "persistent", "--persistent"),
	},
	Lower:   toAddress(nft.DNAT, "--to-destination"),
	Meaning: natMeaning(packet.DNAT),
})
