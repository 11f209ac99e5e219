package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_socket.c, socket_match: a socket that takes the packet, and is not bound to any address. nft_socket.c looks it up alike, but
// cannot say of one in the state TIME_WAIT to what it is bound, so what counts is that it does not say "any".
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "socket",
		Options: []*iptables.OptionSpec{
			{Name: "--transparent", Kind: iptables.Flag},
			{Name: "--nowildcard", Kind: iptables.Flag},
			{Name: "--restore-skmark", Kind: iptables.Flag},
		},
		Check: func(r *iptables.Rule, _ []iptables.Option, table, chain string) *iptables.Problem {
			if iptables.IsBuiltin(table, chain) && chain != "PREROUTING" && chain != "INPUT" {
				return &iptables.Problem{Pos: r.Pos, Ext: "socket", Msg: "works only in PREROUTING and INPUT, and chains that these lead to"}
			}
			return nil
		},
		Listing: listed("socket", "--transparent", "--transparent", "--nowildcard", "--nowildcard", "--restore-skmark", "--restore-skmark"),
	},
	Steps: socketSteps,
	Lower: func(c *Context, m *iptables.Match) Cond {
		transparent := &nft.Socket{Key: bytecode.SocketTransparent}
		found := &Test{Stmts: []nft.Stmt{&nft.Match{Op: bytecode.CmpLte, Left: transparent, Right: value([]byte{1})}}}
		if _, ok := m.Get("--transparent"); ok {
			found = maybe(transparent, []byte{1})
		}
		all := All{found}
		if _, ok := m.Get("--nowildcard"); !ok {
			all = append(all, Not{maybe(&nft.Socket{Key: bytecode.SocketWildcard}, []byte{1})})
		}
		if _, ok := m.Get("--restore-skmark"); ok {
			mark := &nft.Assign{Key: &nft.Meta{Key: bytecode.MetaMark}, Value: &nft.Socket{Key: bytecode.SocketMark}}
			all = append(all, Any{&Test{Stmts: []nft.Stmt{mark}, Stateful: true}, found}) // one in TIME_WAIT has no mark
		}
		return all
	},
})

// socketSteps is socket_match: a socket that is found, which is not bound to any address but with --nowildcard, and with --transparent
// is one for that. One in TIME_WAIT is bound to one, and has no mark.
func socketSteps(_ *Context, m *iptables.Match) []packet.Step {
	whole := packet.Not{P: packet.Set(packet.SocketWaits)}
	all := packet.All{packet.Set(packet.SocketFound)}
	if _, ok := m.Get("--nowildcard"); !ok {
		all = append(all, packet.Not{P: packet.All{whole, packet.Set(packet.SocketWildcard)}})
	}
	if _, ok := m.Get("--transparent"); ok {
		all = append(all, packet.Set(packet.SocketTransparent))
	}
	steps := require(all)
	if _, ok := m.Get("--restore-skmark"); ok {
		mark := &packet.Copy{To: packet.Mark, From: packet.SocketMark, Bits: packet.Ones(32)}
		steps = append(steps, &packet.Choose{Cases: []packet.Case{{When: whole, Steps: do(mark)}, {When: packet.All{}}}})
	}
	return steps
}
