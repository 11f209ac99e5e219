package ext

import (
	"fmt"

	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

const (
	// genreLen is NFT_OSF_MAXGENRELEN, with the NUL at its end.
	genreLen = 16
	// unknownSystem is what nft_osf.c makes of a packet that fits no fingerprint.
	unknownSystem = "unknown"
)

// xt_osf.c, xt_osf_match_packet: whose TCP sends such a first packet, by the fingerprints that the host has loaded (nfnl_osf), which are
// the same for both engines. The kernel does not invert.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "osf",
		Families:  []iptables.Family{iptables.IPv4},
		Protocols: []uint8{protoTCP},
		Options: []*iptables.OptionSpec{
			{Name: "--genre", Kind: iptables.Name(31), Neg: true, Required: true},
			{Name: "--ttl", Kind: iptables.Uint(0, 2)},
			{Name: "--log", Kind: iptables.Uint(0, 2)},
		},
		Check: func(r *iptables.Rule, _ []iptables.Option, _, chain string) *iptables.Problem {
			if chain == "OUTPUT" || chain == "POSTROUTING" { // xt_osf_match.hooks
				return &iptables.Problem{Pos: r.Pos, Ext: "osf", Msg: "works only in PREROUTING, INPUT and FORWARD, and chains that these lead to"}
			}
			return nil
		},
		Listing:  listed("OS fingerprint match", "! *", "--genre"),
		Unlisted: func([]string) string { return "--ttl and --log" },
	},
	Limits:  Limits{Refused: "! --genre, --log, a --genre of more than 15 bytes", Lossy: Always, Kernel: "5.0"},
	Meaning: osfMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		genre, _ := m.Get("--genre")
		name := genre.Value.(string)
		switch {
		case genre.Neg:
			c.Refuse(genre.Pos, "osf", "leave the ! out for what the kernel does, or write return rules for what it says",
				"the kernel overlooks the !, and takes the packets that it would take without")
		case len(name) >= genreLen:
			c.Refuse(genre.Pos, "osf", "", "nftables compares no more than 15 bytes of a name")
		case name == unknownSystem:
			c.Refuse(genre.Pos, "osf", "", "no fingerprint is called so, and nftables calls so what fits none")
		}
		if o, ok := m.Get("--log"); ok {
			c.Refuse(o.Pos, "osf", "log in a rule of its own", "nftables does not log what system it sees")
		}
		if c.Refused() {
			return All{}
		}
		c.Lossy(genre.Pos, "osf", "", "nftables takes a packet for the first system that it fits alone, and iptables for each")
		system := &nft.Osf{}
		if o, ok := m.Get("--ttl"); ok {
			system.TTL = uint8(o.Value.(uint64))
		}
		return present(system, append([]byte(name), make([]byte, genreLen-len(name))...))
	},
})

// osfMeaning is nf_osf_match, which looks for one that fits among the fingerprints of the system alone.
func osfMeaning(_ *Context, m *iptables.Match) packet.Pred {
	genre, _ := m.Get("--genre")
	ttl := uint64(0)
	if o, ok := m.Get("--ttl"); ok {
		ttl = o.Value.(uint64)
	}
	return &packet.Opaque{Key: fmt.Sprintf("a fingerprint of %q fits, ttl %d", genre.Value, ttl)}
}
