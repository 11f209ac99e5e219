package ext

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// enum nft_xfrm_keys.
const (
	xfrmDaddr4 = 1
	xfrmDaddr6 = 2
	xfrmSaddr4 = 3
	xfrmSaddr6 = 4
	xfrmReqID  = 5
	xfrmSPI    = 6
)

const (
	rtXfrm    = 4 // NFT_RT_XFRM
	xfrmDepth = 6 // XFRM_MAX_DEPTH
)

// xt_policy.c, policy_mt: what IPsec has done with the packet, or is going to do. Without --strict one of the transformations must
// be as the options say.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "policy",
		Options: []*iptables.OptionSpec{
			{Name: "--dir", Kind: iptables.Enum("in", "out"), Required: true},
			{Name: "--pol", Kind: iptables.Enum("none", "ipsec")},
			{Name: "--strict", Kind: iptables.Flag},
			{Name: "--reqid", Kind: iptables.Uint(0, math.MaxUint32), Neg: true, Repeat: true},
			{Name: "--spi", Kind: iptables.Hex(0, math.MaxUint32, 1), Neg: true, Repeat: true},
			{Name: "--proto", Kind: ipsecProtocol, Neg: true, Repeat: true},
			{Name: "--mode", Kind: iptables.Enum("transport", "tunnel"), Neg: true, Repeat: true},
			{Name: "--tunnel-dst", Kind: iptables.Network, Neg: true, Repeat: true},
			{Name: "--tunnel-src", Kind: iptables.Network, Neg: true, Repeat: true},
			{Name: "--next", Kind: iptables.Flag, Repeat: true, Divides: true},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			if _, given := (&iptables.Match{Options: options}).Get("--pol"); given {
				return options
			}
			return slices.Insert(options, 0, iptables.Option{Spec: e.Option("--pol"), Value: "ipsec"}) // which is for all elements
		},
		Check:   checkPolicy,
		Listing: listPolicy,
	},
	Limits:  Limits{Lossy: "--proto, --mode", Kernel: "4.20"},
	Meaning: policyMeaning,
	Lower:   lowerPolicy,
})

var ipsecProtocol = iptables.NewKind(
	func(w string, _ iptables.Family) (uint8, error) {
		n, err := iptables.ParseProtocol(w)
		if err == nil && n != protoAH && n != protoESP && n != protoIPComp {
			err = fmt.Errorf("%s is not ah, esp or ipcomp", w)
		}
		return n, err
	},
	iptables.ProtocolName)

// mostElements is XT_POLICY_MAX_ELEM.
const mostElements = 4

func checkPolicy(r *iptables.Rule, options []iptables.Option, _, chain string) *iptables.Problem {
	m := iptables.Match{Options: options}
	problem := func(format string, args ...any) *iptables.Problem {
		return &iptables.Problem{Pos: r.Pos, Ext: "policy", Msg: fmt.Sprintf(format, args...)}
	}
	dir, _ := m.Get("--dir")
	pol, _ := m.Get("--pol")
	_, strict := m.Get("--strict")
	_, next := m.Get("--next")
	elements := policyElements(options)
	for _, e := range elements {
		given := map[string]bool{}
		var mode iptables.Option
		for _, o := range e {
			switch name := o.Spec.Name; {
			case name == "--dir" || name == "--pol" || name == "--strict":
				continue
			case given[name]:
				return problem("%s is given twice", name)
			case name == "--mode":
				mode = o
			}
			given[o.Spec.Name] = true
		}
		switch {
		case (given["--tunnel-src"] || given["--tunnel-dst"]) && (!given["--mode"] || (mode.Value == "tunnel") == mode.Neg):
			return problem("--tunnel-src and --tunnel-dst need --mode tunnel")
		case strict && pol.Value == "ipsec" && len(given) == 0:
			return problem("--strict needs an option that says what for")
		}
	}
	switch {
	case strict && pol.Value == "none":
		return problem("--strict stands with --pol none")
	case next && !strict:
		return problem("--next needs --strict")
	case len(elements) > mostElements:
		return problem("more than %d transformations", mostElements)
	case dir.Value == "out" && (chain == "PREROUTING" || chain == "INPUT"),
		dir.Value == "in" && (chain == "POSTROUTING" || chain == "OUTPUT"):
		return problem("--dir %s has no meaning in %s", dir.Value, chain)
	}
	return nil
}

func lowerPolicy(c *Context, m *iptables.Match) Cond {
	dir, _ := m.Get("--dir")
	pol, _ := m.Get("--pol")
	any := nft.Expr(&nft.Meta{Key: bytecode.MetaSecpath})
	way := uint8(0)
	if dir.Value == "out" {
		any, way = &nft.Rt{Key: rtXfrm}, 1
	}
	transformed := &Test{Stmts: present(any, []byte{1}).Stmts, Inverse: present(any, []byte{0}).Stmts}
	if pol.Value == "none" {
		return Not{transformed}
	}
	elements := policyElements(m.Options)
	for _, e := range elements {
		warnPolicy(c, e)
	}
	if _, strict := m.Get("--strict"); strict {
		return exactly(c, elements, way)
	}
	var states Any
	for depth := range uint32(xfrmDepth) {
		if state := stateIs(c, elements[0], way, depth); len(state) > 0 {
			states = append(states, state)
		}
	}
	if states == nil {
		return transformed
	}
	return states
}

// policyElements are the options between --next and --next, each for one transformation.
func policyElements(options []iptables.Option) [][]iptables.Option {
	elements := [][]iptables.Option{nil}
	for _, o := range options {
		if o.Spec.Divides {
			elements = append(elements, nil)
			continue
		}
		last := &elements[len(elements)-1]
		*last = append(*last, o)
	}
	return elements
}

// warnPolicy reports what nftables does not look at. An address it knows only of the modes that have some, so that one stands nearly for the
// mode.
func warnPolicy(c *Context, element []iptables.Option) {
	tunnel := slices.ContainsFunc(element, func(o iptables.Option) bool { return strings.HasPrefix(o.Spec.Name, "--tunnel-") })
	for _, o := range element {
		switch {
		case o.Spec.Name == "--proto":
			c.Lossy(o.Pos, "policy", "", "the protocol of a transformation is not looked at, which nftables does not know")
		case o.Spec.Name == "--mode" && tunnel:
			c.Lossy(o.Pos, "policy", "", "transformations in the modes BEET and IPTFS count as tunnels, which nftables cannot tell apart")
		case o.Spec.Name == "--mode":
			c.Lossy(o.Pos, "policy", "", "the mode of a transformation is not looked at, which nftables does not know")
		}
	}
}

// exactly tests for these transformations and no others, the outermost first. Those of a packet that came in are kept the other way round.
// (Before 2026 match_policy_in looked beside its table for all but the first.)
func exactly(c *Context, elements [][]iptables.Option, way uint8) All {
	n := uint32(len(elements))
	there := func(depth uint32) *Test {
		key := &nft.Xfrm{Key: xfrmReqID, Dir: way, Spnr: depth}
		return &Test{Stmts: []nft.Stmt{&nft.Match{Op: bytecode.CmpGte, Left: key, Right: value(host32(0))}}}
	}
	all := All{there(n - 1), Not{there(n)}}
	for i, e := range elements {
		depth := uint32(i)
		if way == 0 {
			depth = n - 1 - depth
		}
		all = append(all, stateIs(c, e, way, depth))
	}
	return all
}

// stateIs tests one transformation. An address is known of tunnels only (xfrm_state_addr_ok in nft_xfrm.c).
func stateIs(c *Context, element []iptables.Option, way uint8, depth uint32) All {
	var all All
	add := func(key uint32, mask, data []byte, neg bool) {
		field := nft.Expr(&nft.Xfrm{Key: key, Dir: way, Spnr: depth})
		if mask != nil {
			field = &nft.MaskXor{Of: field, Mask: mask, Xor: make([]byte, len(mask))}
		}
		t := present(field, data)
		if neg {
			t.Stmts = t.Inverse
		}
		all = append(all, &Test{Stmts: t.Stmts})
	}
	daddr, saddr := uint32(xfrmDaddr4), uint32(xfrmSaddr4)
	if c.Family == iptables.IPv6 {
		daddr, saddr = xfrmDaddr6, xfrmSaddr6
	}
	for _, o := range element {
		switch v := o.Value.(type) {
		case uint64:
			key := uint32(xfrmReqID)
			if o.Spec.Name == "--spi" { // which iptables gives the kernel in host order, though the kernel's is in network order
				key = xfrmSPI
			}
			add(key, nil, host32(uint32(v)), o.Neg)
		case iptables.Net:
			key := saddr
			if o.Spec.Name == "--tunnel-dst" {
				key = daddr
			}
			mask := v.Mask
			if ones, ok := v.Ones(); ok && ones == len(mask)*8 {
				mask = nil
			}
			add(key, mask, v.Addr.AsSlice(), o.Neg)
		}
	}
	return all
}

var (
	policyListing  = listed("policy match", "dir *", "--dir", "pol *", "--pol", "strict", "--strict")
	elementListing = listed("", "! reqid *", "--reqid", "! spi *", "--spi", "! proto *", "--proto", "! mode *", "--mode",
		"! tunnel-dst *", "--tunnel-dst", "! tunnel-src *", "--tunnel-src")
)

// listPolicy reads "policy match dir in pol ipsec strict [0] reqid 1 [1] reqid 2": transformations are numbered if there are several.
func listPolicy(words []string) (args []string, taken int) {
	args, taken = policyListing(words)
	for n := 0; taken > 0 && taken < len(words); n++ {
		if words[taken] == fmt.Sprintf("[%d]", n) {
			taken++
			if n > 0 {
				args = append(args, "--next")
			}
		} else if n > 0 {
			break
		}
		options, used := elementListing(words[taken:])
		args, taken = append(args, options...), taken+used
	}
	return args, taken
}

// policyMeaning is policy_mt. With --strict there are as many transformations as the rule has elements, and each is as its element says: those
// of a packet that came in the other way round. Without, one of them is as the only element says.
func policyMeaning(c *Context, m *iptables.Match) packet.Pred {
	dir, _ := m.Get("--dir")
	pol, _ := m.Get("--pol")
	out := dir.Value == "out"
	transformed := packet.Set(packet.IPsec)
	if out {
		transformed = packet.Set(packet.IPsecOut)
	}
	routed := packet.All{}
	if out { // the match stands only where a packet has a route
		routed = packet.All{packet.Set(packet.HasRoute)}
	}
	if pol.Value == "none" {
		return append(routed, packet.Not{P: transformed})
	}
	elements := policyElements(m.Options)
	if _, strict := m.Get("--strict"); strict {
		n := uint32(len(elements))
		all := packet.All{packet.Set(packet.HasTransform(out, n-1)), packet.Not{P: packet.Set(packet.HasTransform(out, n))}}
		for i, e := range elements {
			depth := uint32(i)
			if !out {
				depth = n - 1 - depth
			}
			all = append(all, stateMeaning(c, e, out, depth))
		}
		return all
	}
	var any packet.Any
	for depth := range uint32(xfrmDepth) {
		state := stateMeaning(c, elements[0], out, depth)
		if state == nil {
			return append(routed, transformed)
		}
		any = append(any, state)
	}
	return any
}

// stateMeaning is match_xfrm_state of one transformation; nil where the element has no options.
func stateMeaning(c *Context, element []iptables.Option, out bool, n uint32) packet.Pred {
	var all packet.All
	for _, o := range element {
		var p packet.Pred
		switch o.Spec.Name {
		case "--reqid":
			p = packet.Eq(packet.TransformReqID(out, n), packet.Num(o.Value.(uint64)))
		case "--spi": // which iptables gives in host order, and the kernel compares with the packet's
			p = packet.Eq(packet.TransformSPI(out, n), packet.Num(o.Value.(uint64)))
		case "--proto":
			p = packet.Eq(packet.TransformProto(out, n), packet.Num(uint64(o.Value.(uint8))))
		case "--mode":
			p = packet.Eq(packet.TransformMode(out, n), packet.Num(map[any]uint64{"transport": 0, "tunnel": 1}[o.Value]))
		case "--tunnel-src", "--tunnel-dst":
			v := o.Value.(iptables.Net)
			end := packet.TransformAddr(out, n, addressField(c.Family, o.Spec.Name == "--tunnel-dst"))
			p = packet.Test(end, packet.FromBytes(v.Mask), packet.FromBytes(v.Addr.AsSlice()))
		default:
			continue
		}
		all = append(all, packet.Negate(p, o.Neg))
	}
	if all == nil {
		return nil
	}
	return append(packet.All{packet.Set(packet.HasTransform(out, n))}, all...)
}
