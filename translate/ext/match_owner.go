package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_owner.c, owner_mt. A packet without a socket, or of a socket without a file (a kernel's own), has no owner: the match then
// holds exactly if every option is inverted. nft_meta.c breaks the rule off for such a packet, so no test has an inverse.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "owner",
		Options: []*iptables.OptionSpec{
			{Name: "--socket-exists", Kind: iptables.Flag, Neg: true},
			{Name: "--uid-owner", Kind: iptables.IDRange, Neg: true},
			{Name: "--gid-owner", Kind: iptables.IDRange, Neg: true},
			{Name: "--suppl-groups", Kind: iptables.Flag},
		},
		Check: onlyOutgoing,
		Listing: listed("", "! owner UID match *", "--uid-owner", "! owner GID match *", "--gid-owner",
			"! owner socket exists", "--socket-exists", "incl. suppl. groups", "--suppl-groups"),
	},
	Limits: Limits{Refused: "--socket-exists, --suppl-groups"},
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			switch o.Spec.Name {
			case "--uid-owner":
				all = append(all, negated(ownedBy(bytecode.MetaSkuid, o.Value.(iptables.IDs)), o.Neg))
			case "--gid-owner":
				all = append(all, negated(ownedBy(bytecode.MetaSkgid, o.Value.(iptables.IDs)), o.Neg))
			case "--socket-exists":
				c.Refuse(o.Pos, "owner", "match the owner's uid instead",
					"nftables cannot see whether a packet has a socket: a socket of the kernel's own counts here, and has no owner there")
			case "--suppl-groups":
				c.Refuse(o.Pos, "owner", "match the socket's own group", "nftables cannot see supplementary groups")
			}
		}
		return all
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		// Without a process there is no owner: the match holds exactly if every option is inverted ("(info->match ^ info->invert) == 0",
		// and the same without the bit for the socket where there is a socket but no file).
		var owner packet.All
		asked, exists := true, packet.All{}
		for _, o := range m.Options {
			var p packet.Pred
			switch o.Spec.Name {
			case "--uid-owner":
				p = idMeaning(packet.UID, o.Value.(iptables.IDs))
			case "--gid-owner":
				p = idMeaning(packet.GID, o.Value.(iptables.IDs))
			case "--socket-exists":
				exists = append(exists, packet.Negate(packet.Not{P: packet.Eq(packet.HasSocket, packet.Value{})}, o.Neg))
				continue
			default:
				return opaqueMatch(m, false)
			}
			asked = asked && o.Neg
			owner = append(owner, packet.Negate(p, o.Neg))
		}
		process := packet.Eq(packet.HasSocket, packet.Num(2))
		with := packet.All{process, owner}
		if asked {
			return packet.All{exists, packet.Any{with, packet.Not{P: process}}}
		}
		return packet.All{exists, with}
	},
})

// ownedBy tests the socket's user or group. The range is compared in network order, since the kernel compares bytes.
func ownedBy(key bytecode.MetaKey, ids iptables.IDs) Cond {
	if ids.Lo == ids.Hi {
		return maybe(&nft.Meta{Key: key}, host32(ids.Lo))
	}
	ordered := &nft.Byteorder{Of: &nft.Meta{Key: key}, ToNetwork: true, Len: 4, Size: 4}
	return &Test{Stmts: []nft.Stmt{&nft.Match{Op: bytecode.CmpEq, Left: ordered,
		Right: &nft.Range{From: net32(ids.Lo), To: net32(ids.Hi)}}}}
}

// onlyOutgoing checks what xt_owner's hooks say, as far as a built-in chain shows it.
func onlyOutgoing(r *iptables.Rule, options []iptables.Option, _, chain string) *iptables.Problem {
	switch chain {
	case "PREROUTING", "INPUT", "FORWARD":
		return &iptables.Problem{Pos: r.Pos, Ext: "owner", Msg: "works only in OUTPUT and POSTROUTING, and chains that these lead to"}
	}
	if len(options) == 0 {
		return &iptables.Problem{Pos: r.Pos, Ext: "owner", Msg: "needs an option", Hint: "--uid-owner, --gid-owner or --socket-exists"}
	}
	return nil
}

func idMeaning(f packet.Field, ids iptables.IDs) packet.Pred {
	return packet.Between(f, packet.Num(uint64(ids.Lo)), packet.Num(uint64(ids.Hi)))
}
