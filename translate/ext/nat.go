package ext

import (
	"slices"

	"rechain/nft"
	"rechain/translate/iptables"
)

// natFlags are the bits of options of the NAT targets.
var natFlags = map[string]uint32{"--random": natRandom, "--persistent": natPersistent, "--random-fully": natFullyRandom}

// ported are the protocols that have ports for NAT to change.
var ported = []uint8{protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite}

// natPorts checks that a rule that changes ports is for a protocol that has them.
func natPorts(option string) func(*iptables.Rule, []iptables.Option, string, string) *iptables.Problem {
	return func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
		for _, o := range options {
			ports := false
			switch v := o.Value.(type) {
			case iptables.NATRange:
				ports = v.Ports != iptables.Ports{}
			case iptables.Ports:
				ports = true
			}
			if ports && (r.Proto == nil || r.Proto.Neg || !slices.Contains(ported, r.Proto.Num)) {
				return &iptables.Problem{Pos: o.Pos, Ext: r.Target.Name, Msg: option + " needs a protocol to have ports of", Hint: "add -p tcp or -p udp"}
			}
		}
		return nil
	}
}

// toAddress lowers DNAT and SNAT.
func toAddress(kind nft.NATKind, option string) func(*Context, *iptables.Target) Action {
	return func(c *Context, t *iptables.Target) Action {
		n := &nft.NAT{Kind: kind, Family: c.NftFamily()}
		for _, o := range t.Options {
			if o.Spec.Name != option {
				n.Flags |= natFlags[o.Spec.Name]
				continue
			}
			r := o.Value.(iptables.NATRange)
			if r.Lo.IsValid() {
				n.Addr = value(r.Lo.AsSlice())
				if r.Hi != r.Lo {
					n.AddrMax = value(r.Hi.AsSlice())
				}
			}
			if r.Base != 0 && r.Ports.Lo != r.Ports.Hi {
				n.Port = shiftedPort(c, r)
			} else {
				n.Port, n.PortMax = natPort(r.Ports)
			}
		}
		if n.Addr == nil && c.Shared.Both {
			n.Family = nft.Inet // as nft has it where ports change alone
		}
		a := stmts(n)
		a.Ends, a.Proto = true, n.Port != nil
		return a
	}
}

func natPort(p iptables.Ports) (port, portMax nft.Expr) {
	switch {
	case p == iptables.Ports{}:
		return nil, nil
	case p.Lo == p.Hi:
		return value(net16(p.Lo)), nil
	}
	return value(net16(p.Lo)), value(net16(p.Hi))
}
