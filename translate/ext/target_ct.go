package ext

import (
	"strconv"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_CT.c, xt_ct_target: what conntrack shall do with a packet that it has not seen yet. Both engines leave a packet alone that
// already has a connection.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "CT",
		Options: []*iptables.OptionSpec{
			{Name: "--notrack", Kind: iptables.Flag},
			{Name: "--helper", Kind: iptables.String(15)},
			{Name: "--timeout", Kind: iptables.String(31)},
			{Name: "--ctevents", Kind: ctEventsKind},
			{Name: "--expevents", Kind: iptables.EnumList("new")},
			{Name: "--zone-orig", Kind: zoneKind, Excludes: []string{"--zone", "--zone-reply"}},
			{Name: "--zone-reply", Kind: zoneKind, Excludes: []string{"--zone", "--zone-orig"}},
			{Name: "--zone", Kind: zoneKind, Excludes: []string{"--zone-orig", "--zone-reply"}},
		},
		Check:   onlyIn("raw"),
		Listing: listCT,
	},
	Limits: Limits{Refused: "--helper, --timeout, --ctevents, --expevents"},
	Lower: func(c *Context, t *iptables.Target) Action {
		var out []nft.Stmt
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--notrack":
				out = append(out, &nft.Plain{Op: &bytecode.Notrack{}})
			case "--zone":
				out = append(out, &nft.Assign{Key: &nft.CT{Key: bytecode.CtZone}, Value: o.Value.(zone).expr()})
			case "--zone-orig":
				out = append(out, &nft.Assign{Key: &nft.CT{Key: bytecode.CtZone, HasDir: true, Dir: 0}, Value: o.Value.(zone).expr()})
			case "--zone-reply":
				out = append(out, &nft.Assign{Key: &nft.CT{Key: bytecode.CtZone, HasDir: true, Dir: 1}, Value: o.Value.(zone).expr()})
			default:
				c.Refuse(o.Pos, "CT", "", "%s has no equivalent in nftables at this place", o.Spec.Name)
			}
		}
		return stmts(out...)
	},
})

// zone is a connection tracking zone: a number, or the packet's mark.
type zone struct {
	id     uint16
	ofMark bool
}

func (z zone) expr() nft.Expr {
	if z.ofMark { // of which the kernel takes the lower half
		return &nft.Meta{Key: bytecode.MetaMark}
	}
	return value(hostU16(z.id))
}

// zoneKind is a number, or "mark".
var zoneKind = iptables.NewKind(
	func(w string, _ iptables.Family) (zone, error) {
		if w == "mark" {
			return zone{ofMark: true}, nil
		}
		n, err := iptables.ParseUint(w, 0, 65535)
		return zone{id: uint16(n)}, err
	},
	func(z zone) string {
		if z.ofMark {
			return "mark"
		}
		return strconv.Itoa(int(z.id))
	})

var ctEventsKind = iptables.EnumList("new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark")
