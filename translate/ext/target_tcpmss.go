package ext

import (
	"slices"

	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

const (
	unknownMSS  = 536             // TCP_MSS_DEFAULT
	loopbackMSS = 65536 - 40 - 20 // of lo's MTU, without the headers of IPv6 and TCP
)

// rtTCPMSS is NFT_RT_TCPMSS: what the route there and the one back allow.
const rtTCPMSS = 3

// xt_TCPMSS.c, tcpmss_mangle_packet. Both engines lower a number and never raise it (nft_exthdr_tcp_set_eval).
//
// The path's MTU is the smaller of the route's there and of that back, for both (tcpmss_reverse_mtu, and get_tcpmss in nft_rt.c). What is
// left of it without the headers is the size, but nft_rt says 536 where the MTU is above 65535, or has no room for more than the headers.
// IPv4 knows no MTU above 65535 (IP_MAX_MTU), and no device of IPv6 has one below 1280 (IPV6_MIN_MTU), so that there 536 means above 65535:
// the MTU of lo, which is 65536 unless someone changed it. Where there is no room xt_TCPMSS drops the packet.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:      "TCPMSS",
		Protocols: []uint8{protoTCP},
		Options: []*iptables.OptionSpec{
			{Name: "--set-mss", Kind: iptables.Uint(0, 65535), Excludes: []string{"--clamp-mss-to-pmtu"}},
			{Name: "--clamp-mss-to-pmtu", Kind: iptables.Flag},
		},
		Check:   checkTCPMSS,
		Listing: listed("TCPMSS", "set *", "--set-mss", "clamp to PMTU", "--clamp-mss-to-pmtu"),
	},
	Limits: Limits{Lossy: "without -m tcpmss, which asks for the option"},
	Lower: func(c *Context, t *iptables.Target) Action {
		o := t.Options[0]
		if !wantsMSS(c.Rule) {
			c.Lossy(o.Pos, "TCPMSS", "add -m tcpmss --mss 0:65535, if all senders use the option",
				"a SYN without the option for the maximum segment size stays without it, where iptables adds it")
		}
		set := func(to nft.Expr) nft.Stmt { return &nft.Assign{Key: maxSegmentSize(), Value: to} }
		if n, ok := o.Value.(uint64); ok {
			return stmts(set(value(net16(uint16(n)))))
		}
		path := &nft.Rt{Key: rtTCPMSS}
		clamp := set(&nft.Byteorder{Of: path, ToNetwork: true, Len: 2, Size: 2})
		if c.Family == iptables.IPv4 {
			return stmts(clamp)
		}
		unknown := present(path, hostU16(unknownMSS))
		return Action{Rules: [][]nft.Stmt{
			append(unknown.Inverse, clamp),
			append(unknown.Stmts, set(value(net16(loopbackMSS)))),
		}}
	},
	Meaning: setMSSMeaning,
})

// setMSSMeaning is tcpmss_mangle_packet. Where the option is missing it is added, if there is room, and no data yet.
func setMSSMeaning(c *Context, t *iptables.Target) []packet.Step {
	n := uint64(1<<16 - 1) // XT_TCPMSS_CLAMP_PMTU
	set := false
	if v, ok := t.Options[0].Value.(uint64); ok {
		n, set = v, v != n
	}
	lowers, most := packet.LowersToRoute(), uint16(unknownMSS)
	if c.Family == iptables.IPv6 {
		most = 1220
		lowers = &packet.Choose{Cases: []packet.Case{ // the MTU of the loopback device counts as it is
			{When: packet.Eq(packet.RouteMSS, packet.Num(unknownMSS)), Steps: []packet.Step{packet.Lowers(loopbackMSS)}},
			{When: packet.All{}, Steps: []packet.Step{lowers}},
		}}
	}
	if set {
		lowers = packet.Lowers(uint16(n))
	}
	return []packet.Step{&packet.Choose{Cases: []packet.Case{
		{When: packet.All{packet.Set(packet.HasTCPOption(2)), packet.Set(packet.HasTransport), packet.Eq(packet.FragOffset, packet.Value{})}, Steps: []packet.Step{lowers}},
		{When: packet.All{packet.Set(packet.HasTransport), packet.Eq(packet.FragOffset, packet.Value{}), packet.RoomForOption}, Steps: packet.Adds(uint16(n), most)},
		{When: packet.All{}},
	}}}
}

func checkTCPMSS(r *iptables.Rule, options []iptables.Option, table, chain string) *iptables.Problem {
	if len(options) == 0 {
		return &iptables.Problem{Pos: r.Target.Pos, Ext: "TCPMSS", Msg: "needs --set-mss or --clamp-mss-to-pmtu"}
	}
	if options[0].Value == nil {
		if p := onlyFrom("FORWARD", "OUTPUT", "POSTROUTING")(r, options, table, chain); p != nil {
			return p
		}
	}
	if !wantsSYN(r) {
		return &iptables.Problem{Pos: r.Target.Pos, Ext: "TCPMSS", Msg: "works only on SYN packets", Hint: "add --syn"}
	}
	return nil
}

// wantsSYN says whether the rule's tcp match lets only packets with SYN through, which the target asks for (find_syn_match).
func wantsSYN(r *iptables.Rule) bool {
	for _, m := range r.Matches {
		if o, ok := m.Get("--tcp-flags"); ok && m.Ext.Name == "tcp" && !o.Neg && o.Value.(tcpFlags).Set&2 != 0 {
			return true
		}
	}
	return false
}

// wantsMSS says whether the rule lets only packets with the option for the maximum segment size through (tcpmss_mt).
func wantsMSS(r *iptables.Rule) bool {
	return slices.ContainsFunc(r.Matches, func(m *iptables.Match) bool {
		o, ok := m.Get("--mss")
		return ok && m.Ext.Name == "tcpmss" && !o.Neg
	})
}
