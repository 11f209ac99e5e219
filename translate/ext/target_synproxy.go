package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// NF_SYNPROXY_OPT_MSS and its like (linux/netfilter/nf_synproxy.h).
const (
	synproxyMSS       = 1 << 0
	synproxyWscale    = 1 << 1
	synproxySackPerm  = 1 << 2
	synproxyTimestamp = 1 << 3
)

// ipt_SYNPROXY.c and ip6t_SYNPROXY.c, synproxy_tg4 and synproxy_tg6: answers the SYN that opens a connection, and takes the ACK that
// follows. nft_synproxy.c would take any packet with either flag, so the rule says which; others go on, with a wrong checksum or broken
// options too, for which iptables drops them. It checks the checksum of an IPv6 packet as if it were IPv4's (nf_ip_checksum in
// nft_synproxy_do_eval, as of 6.18), and drops all that the network card has not checked before.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:      "SYNPROXY",
		Protocols: []uint8{protoTCP},
		Options: []*iptables.OptionSpec{
			{Name: "--sack-perm", Kind: iptables.Flag},
			{Name: "--timestamp", Kind: iptables.Flag},
			{Name: "--wscale", Kind: iptables.Uint(0, 14)},
			{Name: "--mss", Kind: iptables.Uint(0, 65535)},
			{Name: "--ecn", Kind: iptables.Flag},
		},
		Check: onlyFrom("INPUT", "FORWARD"),
		Listing: listed("SYNPROXY", "sack-perm", "--sack-perm", "timestamp", "--timestamp", "wscale *", "--wscale", "mss *", "--mss",
			"ecn", "--ecn"),
	},
	Limits: Limits{Refused: "--ecn, and all of IPv6", Lossy: "always", Kernel: "5.3"},
	Lower: func(c *Context, t *iptables.Target) Action {
		if c.Family == iptables.IPv6 {
			c.Refuse(t.Pos, "SYNPROXY", "leave it out, and rely on SYN cookies",
				"nftables' synproxy takes the checksum of an IPv6 packet for wrong, and drops it")
		}
		op := &bytecode.Synproxy{}
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--sack-perm":
				op.Flags |= synproxySackPerm
			case "--timestamp":
				op.Flags |= synproxyTimestamp
			case "--wscale":
				op.Flags |= synproxyWscale
				op.Wscale = uint8(o.Value.(uint64))
			case "--mss":
				op.Flags |= synproxyMSS
				op.MSS = uint16(o.Value.(uint64))
			case "--ecn":
				c.Refuse(o.Pos, "SYNPROXY", "leave it out", "nftables' synproxy does not negotiate ECN")
			}
		}
		if !c.Refused() {
			c.Lossy(t.Pos, "SYNPROXY", "", "a packet with several of the flags FIN, SYN, RST and ACK goes on even if its checksum is wrong, where iptables drops it")
		}
		return stmts(&nft.InSet{
			Key: &nft.MaskXor{Of: transport(13, 1), Mask: []byte{synproxyFlags}, Xor: []byte{0}},
			Set: synproxyTaken(),
		}, &nft.Plain{Op: op})
	},
	Meaning: synproxyMeaning,
})

// synproxyMeaning is synproxy_tg4 and synproxy_tg6.
func synproxyMeaning(c *Context, t *iptables.Target) []packet.Step {
	bits := map[string]uint32{"--sack-perm": 1 << 2, "--timestamp": 1 << 3, "--wscale": 1 << 1, "--mss": 1 << 0, "--ecn": 1 << 4} // XT_SYNPROXY_OPT_*
	var mss uint16
	var wscale uint8
	var flags uint32
	for _, o := range t.Options {
		flags |= bits[o.Spec.Name]
		switch n, _ := o.Value.(uint64); o.Spec.Name {
		case "--mss":
			mss = uint16(n)
		case "--wscale":
			wscale = uint8(n)
		}
	}
	are := func(flags uint64) packet.Pred { // of FIN, SYN, RST and ACK
		return packet.Test(packet.TCPFlags, packet.Num(0x17), packet.Num(flags))
	}
	takes := func(acked bool) []packet.Step {
		return append(do(packet.Answered(acked, mss, wscale, flags)), ends(packet.Verdict{Kind: packet.Stolen})...)
	}
	return []packet.Step{&packet.Choose{Cases: []packet.Case{
		{When: packet.Not{P: packet.Sound}, Steps: ends(packet.Verdict{Kind: packet.Drop})},
		{When: are(1 << 1), Steps: takes(false)},
		{When: are(1 << 4), Steps: takes(true)},
		{When: packet.All{}},
	}}}
}

// synproxyFlags are FIN, SYN, RST and ACK.
const synproxyFlags = 0x17

// synproxyTaken are sets of these flags that both synproxies do the same for: SYN or ACK alone, and none, FIN or RST, which go on
// unless the checksum or an option is wrong.
func synproxyTaken() *nft.Set {
	s := &nft.Set{Type: []nft.Datatype{nft.TypeTCPFlag}, Flags: bytecode.SetAnonymous | bytecode.SetConstant}
	for _, flags := range []byte{0, 0x01, 0x02, 0x04, 0x10} {
		s.Elements = append(s.Elements, nft.Element{Key: []byte{flags}})
	}
	return s
}
