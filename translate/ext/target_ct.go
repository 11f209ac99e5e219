package ext

import (
	"slices"
	"strconv"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// xt_CT.c, xt_ct_target: what connection tracking shall do with a packet that it has not seen yet. The first rule that takes a
// packet gives it a template, or marks it as not tracked, and is the last to have a say. nftables has a template for zones only;
// helpers and events are given to the connection itself, behind connection tracking (see [Action.Late]).
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "CT",
		Options: []*iptables.OptionSpec{
			{Name: "--notrack", Kind: iptables.Flag},
			{Name: "--helper", Kind: iptables.Name(15)},
			{Name: "--timeout", Kind: iptables.Name(31)},
			{Name: "--ctevents", Kind: ctEventsKind},
			{Name: "--expevents", Kind: iptables.EnumList("new")},
			{Name: "--zone-orig", Kind: zoneKind, Excludes: []string{"--zone", "--zone-reply"}},
			{Name: "--zone-reply", Kind: zoneKind, Excludes: []string{"--zone", "--zone-orig"}},
			{Name: "--zone", Kind: zoneKind, Excludes: []string{"--zone-orig", "--zone-reply"}},
		},
		Check: both(onlyIn("raw"), checkCT),
		Listing: listed("CT", "notrack", "--notrack", "helper *", "--helper", "timeout *", "--timeout", "ctevents *", "--ctevents",
			"expevents *", "--expevents", "zone-orig *", "--zone-orig", "zone-reply *", "--zone-reply", "zone *", "--zone"),
	},
	Limits: Limits{
		Refused: "--timeout, --expevents; --helper and --ctevents behind rules of raw that decide by what has a state, or by a mark or set that raw changes",
		Lossy:   "--ctevents: events of expectations are sent as well"},
	Lower: func(c *Context, t *iptables.Target) Action {
		if c.Refused() {
			return Action{}
		}
		if has(t, "--notrack") { // the kernel then looks at nothing else (xt_ct_tg_check)
			return notrack()
		}
		var zone []nft.Stmt
		var late [][]nft.Stmt
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--zone":
				zone = setZone(&nft.CT{}, o)
			case "--zone-orig":
				zone = setZone(&nft.CT{HasDir: true, Dir: 0}, o)
			case "--zone-reply":
				zone = setZone(&nft.CT{HasDir: true, Dir: 1}, o)
			case "--helper":
				late = append(late, []nft.Stmt{c.helper(o.Value.(string))})
			case "--ctevents":
				late = append(late, setEvents(o.Value.([]string)))
				c.Lossy(o.Pos, "CT", "", "--ctevents without --expevents sends no events of expectations, which nftables sends as well")
			case "--timeout":
				c.Refuse(o.Pos, "CT", "set the timeouts for all connections with sysctl net.netfilter.nf_conntrack_*_timeout*",
					"the timeouts of policy %s are not in the rules", iptables.Quote(o.Value.(string)))
			default:
				c.Refuse(o.Pos, "CT", "leave it out, which sends no events of expectations", "nftables does not choose among the events of expectations")
			}
		}
		a := Action{Late: append(late, nil)}
		if len(late) == 1 && has(t, "--helper") {
			a.Late = late
		}
		last := &a.Late[len(a.Late)-1]
		*last = append(*last, &nft.Verdict{Code: bytecode.Accept})
		notracks, zones := c.templates()
		if zone == nil && (notracks || zones) { // the template alone keeps other rules off
			zone = []nft.Stmt{&nft.Assign{Key: &nft.CT{Key: bytecode.CtZone}, Value: value(hostU16(0))}}
		}
		if zone != nil && notracks { // which a zone would undo (nft_ct_set_zone_eval)
			zone = append(slices.Clip(anyBit(&nft.CT{Key: bytecode.CtState}, ctStates["UNTRACKED"], true).Inverse), zone...)
		}
		if zone != nil {
			a.Rules = [][]nft.Stmt{zone}
		}
		return a
	},
	Meaning: ctMeaning,
})

// checkCT asks for the protocol that a helper is for (xt_ct_set_helper).
func checkCT(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	for _, o := range options {
		if o.Spec.Name == "--helper" && (r.Proto == nil || r.Proto.Neg || r.Proto.Num == 0) {
			return &iptables.Problem{Pos: o.Pos, Ext: "CT", Msg: "--helper works only with -p and one protocol"}
		}
	}
	return nil
}

// notrack keeps connection tracking off. What comes later leaves such a packet alone.
func notrack() Action {
	return Action{
		Rules: [][]nft.Stmt{{&nft.Plain{Op: &bytecode.Notrack{}}}},
		Late:  [][]nft.Stmt{{&nft.Verdict{Code: bytecode.Accept}}},
	}
}

func setZone(key *nft.CT, o iptables.Option) []nft.Stmt {
	key.Key = bytecode.CtZone
	return []nft.Stmt{&nft.Assign{Key: key, Value: o.Value.(zone).expr()}}
}

// helper gives a connection a helper of the rule's protocol. There is an object for each helper and protocol, for the families that
// ask for it.
func (c *Context) helper(name string) *nft.ObjectRef {
	proto, _ := c.Proto()
	for _, o := range c.Shared.Objects {
		if h := o.CtHelper; h != nil && h.Helper == name && h.L4 == proto {
			if h.L3 != uint16(c.NftFamily()) {
				h.L3 = uint16(nft.Inet)
			}
			return &nft.ObjectRef{Type: o.Type, Name: o.Name}
		}
	}
	o := &nft.Object{
		Type:     bytecode.ObjectCtHelper,
		CtHelper: &bytecode.CtHelper{Helper: name, L3: uint16(c.NftFamily()), L4: proto},
		Name: identifier(name+"-"+iptables.ProtocolName(proto), func(n string) bool {
			return slices.ContainsFunc(c.Shared.Objects, func(o *nft.Object) bool { return o.Name == n })
		}),
	}
	c.Shared.Objects = append(c.Shared.Objects, o)
	return &nft.ObjectRef{Type: o.Type, Name: o.Name}
}

// setEvents says which events a connection sends. The kernel would also change those of a connection that has begun already. It does
// so whenever the rule was loaded; a template has events only if somebody listened then, or sysctl nf_conntrack_events is not 2
// (nf_ct_ecache_ext_add).
func setEvents(names []string) []nft.Stmt {
	var mask uint32
	for _, name := range names {
		mask |= 1 << slices.Index(ctEvents, name)
	}
	return append(slices.Clip(anyBit(&nft.CT{Key: bytecode.CtStatus}, ctStatuses["CONFIRMED"], true).Inverse),
		&nft.Assign{Key: &nft.CT{Key: bytecode.CtEventmask}, Value: value(host32(mask))})
}

// Opens tests for packets that open a connection, and were not expected.
func Opens() *Test { return anyBit(&nft.CT{Key: bytecode.CtState}, ctStates["NEW"], true) }

// templates says what other rules give to packets: whether some are kept from connection tracking, or put into zones.
func (c *Context) templates() (notracks, zones bool) {
	if c.Source == nil {
		return false, false
	}
	for _, ch := range c.Source.Table("raw").Chains {
		for _, r := range ch.Rules {
			switch {
			case !Tracks(r):
			case r.Target.Name == "NOTRACK" || has(r.Target, "--notrack"):
				notracks = true
			case has(r.Target, "--zone") || has(r.Target, "--zone-orig") || has(r.Target, "--zone-reply"):
				zones = true
			}
		}
	}
	return notracks, zones
}

func has(t *iptables.Target, option string) bool {
	_, ok := t.Get(option)
	return ok
}

// Tracks says whether a rule's target tells connection tracking what to do with a packet.
func Tracks(r *iptables.Rule) bool {
	return r.Target != nil && r.Target.Ext != nil && (r.Target.Name == "CT" || r.Target.Name == "NOTRACK")
}

// TracksLate says whether it does so behind connection tracking; see [Action.Late].
func TracksLate(r *iptables.Rule) bool {
	return Tracks(r) && !has(r.Target, "--notrack") && (has(r.Target, "--helper") || has(r.Target, "--ctevents"))
}

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

// ctEvents are the events of --ctevents by their bits (enum ip_conntrack_events).
var ctEvents = []string{"new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark"}

var ctEventsKind = iptables.EnumList(ctEvents...)
