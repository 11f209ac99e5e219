package ext

import (
	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// NF_NAT_RANGE_PROTO_RANDOM and its like (include/uapi/linux/netfilter/nf_nat.h).
const (
	natRandom      = 1 << 2
	natPersistent  = 1 << 3
	natFullyRandom = 1 << 4
)

// xt_REDIRECT.c: to the address of the incoming device, or in OUTPUT to the loopback address.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "REDIRECT",
		Options: []*iptables.OptionSpec{
			{Name: "--to-ports", Aliases: []string{"--to-port"}, Kind: iptables.ToPorts},
			{Name: "--random", Kind: iptables.Flag},
		},
		Check:   checkRedirect,
		Listing: listed("", "redir ports *", "--to-ports", "random", "--random"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		n := &nft.NAT{Kind: nft.Redirect}
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--to-ports":
				p := o.Value.(iptables.Ports)
				n.Port = value(net16(p.Lo))
				if p.Hi != p.Lo {
					n.PortMax = value(net16(p.Hi))
				}
			case "--random":
				n.Flags |= natRandom
			}
		}
		a := stmts(n)
		a.Ends, a.Proto = true, true
		return a
	},
	Meaning: natMeaning(packet.Redirect),
})

func checkRedirect(r *iptables.Rule, options []iptables.Option, table, chain string) *iptables.Problem {
	if p := onlyIn("nat")(r, options, table, chain); p != nil {
		return p
	}
	switch chain {
	case "INPUT", "POSTROUTING":
		return &iptables.Problem{Pos: r.Target.Pos, Ext: "REDIRECT", Msg: "works only in PREROUTING and OUTPUT, and chains that these lead to"}
	}
	t := iptables.Target{Options: options}
	if _, ported := t.Get("--to-ports"); !ported || r.Proto != nil && !r.Proto.Neg {
		return nil
	}
	return &iptables.Problem{Pos: r.Target.Pos, Ext: "REDIRECT", Msg: "needs a protocol to have ports of", Hint: "add -p tcp or -p udp"}
}
