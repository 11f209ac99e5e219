package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
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
		Check:   onlyOutgoing,
		Listing: listed("", "! owner UID match *", "--uid-owner", "! owner GID match *", "--gid-owner", "! owner socket exists", "--socket-exists", "incl. suppl. groups", "--suppl-groups"),
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
