package ext

import (
	"slices"

	"rechain/nft"
	"rechain/translate/iptables"
)

// rtTCPMSS is NFT_RT_TCPMSS: what the route there and the one back allow.
const rtTCPMSS = 3

// xt_TCPMSS.c, tcpmss_mangle_packet. Both engines lower a number and never raise it (nft_exthdr_tcp_set_eval).
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
		set := &nft.Assign{Key: maxSegmentSize()}
		if n, ok := o.Value.(uint64); ok {
			set.Value = value(net16(uint16(n)))
		} else {
			set.Value = &nft.Byteorder{Of: &nft.Rt{Key: rtTCPMSS}, ToNetwork: true, Len: 2, Size: 2}
		}
		return stmts(set)
	},
})

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
