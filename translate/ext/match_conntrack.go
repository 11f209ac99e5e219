package ext

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// ctStates are the states of --ctstate with the bits that nft's "ct state" has for them (NF_CT_STATE_BIT, and NF_CT_STATE_INVALID_BIT
// and NF_CT_STATE_UNTRACKED_BIT).
var ctStates = map[string]uint32{"INVALID": 1, "ESTABLISHED": 2, "RELATED": 4, "NEW": 8, "UNTRACKED": 64}

// natStates are the two states of --ctstate that are bits of the connection's status (IPS_SRC_NAT, IPS_DST_NAT).
var natStates = map[string]uint32{"SNAT": 1 << 4, "DNAT": 1 << 5}

var ctStateKind = iptables.EnumList("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")

// ctStatuses are those of --ctstatus that are bits of the connection's status (enum ip_conntrack_status); NONE is no bit.
var ctStatuses = map[string]uint32{"EXPECTED": 1 << 0, "SEEN_REPLY": 1 << 1, "ASSURED": 1 << 2, "CONFIRMED": 1 << 3}

// xt_conntrack.c, conntrack_mt: a packet without a connection is asked for its state alone, and fails if that was not asked.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "conntrack",
		Options: []*iptables.OptionSpec{
			{Name: "--ctstate", Kind: ctStateKind, Neg: true},
			{Name: "--ctproto", Kind: ctProtoKind, Neg: true},
			{Name: "--ctorigsrc", Kind: iptables.Network, Neg: true},
			{Name: "--ctorigdst", Kind: iptables.Network, Neg: true},
			{Name: "--ctreplsrc", Kind: iptables.Network, Neg: true},
			{Name: "--ctrepldst", Kind: iptables.Network, Neg: true},
			{Name: "--ctorigsrcport", Kind: anyPorts{iptables.PortRange}, Neg: true},
			{Name: "--ctorigdstport", Kind: anyPorts{iptables.PortRange}, Neg: true},
			{Name: "--ctreplsrcport", Kind: anyPorts{iptables.PortRange}, Neg: true},
			{Name: "--ctrepldstport", Kind: anyPorts{iptables.PortRange}, Neg: true},
			{Name: "--ctstatus", Kind: iptables.EnumList("NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"), Neg: true},
			{Name: "--ctexpire", Kind: iptables.UintRange(0, math.MaxUint32, ":"), Neg: true},
			{Name: "--ctdir", Kind: iptables.Enum("ORIGINAL", "REPLY")},
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if len(options) == 0 {
				return &iptables.Problem{Pos: r.Pos, Ext: "conntrack", Msg: "needs an option"}
			}
			return nil
		},
		Listing: listed("", "! ctstate *", "--ctstate", "! ctproto *", "--ctproto", "! ctorigsrc *", "--ctorigsrc",
			"! ctorigdst *", "--ctorigdst", "! ctreplsrc *", "--ctreplsrc", "! ctrepldst *", "--ctrepldst",
			"! ctorigsrcport *", "--ctorigsrcport", "! ctorigdstport *", "--ctorigdstport", "! ctreplsrcport *", "--ctreplsrcport",
			"! ctrepldstport *", "--ctrepldstport", "! ctstatus *", "--ctstatus", "! ctexpire *", "--ctexpire", "ctdir *", "--ctdir"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		var state Cond
		var connection All
		for _, o := range m.Options {
			if o.Spec.Name == "--ctstate" {
				state = negated(inStates(o.Value.([]string)), o.Neg)
				continue
			}
			connection = append(connection, negated(ofConnection(c, o), o.Neg))
		}
		if connection == nil {
			return state
		}
		if !slices.ContainsFunc(connection, reads) {
			connection = append(connection, tracked())
		}
		if state == nil {
			return connection
		}
		return All{state, Any{Not{tracked()}, connection}}
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		// A packet without a connection is asked for its state alone: conntrack_mt returns there, with what the state says.
		var state packet.Pred = packet.All{}
		var rest packet.All
		stated := false
		for _, o := range m.Options {
			if o.Spec.Name == "--ctstate" {
				state, stated = packet.Negate(statesMeaning(o.Value.([]string)), o.Neg), true
				continue
			}
			rest = append(rest, packet.Negate(connectionMeaning(c, o), o.Neg))
		}
		switch {
		case rest == nil:
			return state
		case !stated:
			return append(packet.All{packet.Tracked}, rest...)
		}
		return packet.All{state, packet.Any{packet.Not{P: packet.Tracked}, rest}}
	},
})

// reads says whether a condition looks at the connection, and so fails where there is none, negated or not.
func reads(c Cond) bool {
	if n, ok := c.(Not); ok {
		c = n.C
	}
	_, ok := c.(*Test)
	return ok
}

// anyPorts is a range of ports of which no value goes without saying.
type anyPorts struct{ iptables.Kind }

var ctProtoKind = iptables.NewKind(
	func(w string, _ iptables.Family) (uint8, error) { return iptables.ParseProtocol(w) },
	func(n uint8) string { return strconv.Itoa(int(n)) })

// ofConnection says what one option asks of a connection that is there.
func ofConnection(c *Context, o iptables.Option) Cond {
	switch v := o.Value.(type) {
	case uint8: // --ctproto
		return present(&nft.CT{Key: bytecode.CtProtocol}, []byte{v})
	case iptables.Net:
		return inNet(ctTuple(c, o.Spec.Name), v)
	case iptables.Ports:
		field := ctTuple(c, o.Spec.Name)
		if v.Lo == v.Hi {
			return present(field, net16(v.Lo))
		}
		return within(field, net16(v.Lo), net16(v.Hi))
	case []string: // --ctstatus
		bits := sum(ctStatuses, v)
		if bits == 0 {
			return Any{}
		}
		return anyBit(&nft.CT{Key: bytecode.CtStatus}, bits, true)
	case iptables.Range: // --ctexpire, in seconds where nft counts milliseconds
		to := min(v.Hi*1000+999, math.MaxUint32)
		return hostRange(&nft.CT{Key: bytecode.CtExpiration}, iptables.Range{Lo: min(v.Lo*1000, math.MaxUint32), Hi: to}, math.MaxUint32)
	}
	dir := uint8(0)
	if o.Value.(string) == "REPLY" {
		dir = 1
	}
	return present(&nft.CT{Key: bytecode.CtDirection}, []byte{dir})
}

// ctTuple is the part of a connection's tuples that an option like --ctorigsrc or --ctrepldstport names.
func ctTuple(c *Context, option string) *nft.CT {
	t := &nft.CT{HasDir: true}
	side, reply := strings.CutPrefix(option, "--ctrepl")
	if reply {
		t.Dir = 1
	} else {
		side = strings.TrimPrefix(option, "--ctorig")
	}
	t.Key = map[string]bytecode.CtKey{
		"src": bytecode.CtSrcIP, "dst": bytecode.CtDstIP, "srcport": bytecode.CtProtoSrc, "dstport": bytecode.CtProtoDst}[side]
	if c.Family == iptables.IPv6 {
		switch side {
		case "src":
			t.Key = bytecode.CtSrcIP6
		case "dst":
			t.Key = bytecode.CtDstIP6
		}
	}
	return t
}

// inNet tests an address that is there.
func inNet(field nft.Expr, n iptables.Net) Cond {
	ones, prefix := n.Ones()
	switch {
	case prefix && ones == 0:
		return All{}
	case prefix && ones == len(n.Mask)*8:
		return present(field, n.Addr.AsSlice())
	}
	return present(&nft.MaskXor{Of: field, Mask: n.Mask, Xor: make([]byte, len(n.Mask))}, n.Addr.AsSlice())
}

// inStates tests for any of the states. Every packet has a state, while one without a connection has no status.
func inStates(states []string) Cond {
	var any Any
	if bits := sum(ctStates, states); bits != 0 {
		any = append(any, anyBit(&nft.CT{Key: bytecode.CtState}, bits, true))
	}
	if bits := sum(natStates, states); bits != 0 {
		any = append(any, anyBit(&nft.CT{Key: bytecode.CtStatus}, bits, false))
	}
	return any
}

// tracked tests that a packet has a connection (nf_ct_get).
func tracked() *Test {
	without := anyBit(&nft.CT{Key: bytecode.CtState}, ctStates["INVALID"]|ctStates["UNTRACKED"], true)
	return &Test{Stmts: without.Inverse, Inverse: without.Stmts}
}

func sum(bits map[string]uint32, names []string) uint32 {
	var s uint32
	for name, bit := range bits {
		if slices.Contains(names, name) {
			s |= bit
		}
	}
	return s
}

// anyBit tests that one of the bits is set in a 4-byte datum in host order. always: the datum is never missing.
func anyBit(left nft.Expr, bits uint32, always bool) *Test {
	some := &nft.MaskXor{Of: left, Mask: host32(bits), Xor: host32(0)}
	t := &Test{Stmts: []nft.Stmt{&nft.Match{Op: bytecode.CmpNeq, Left: some, Right: value(host32(0))}}}
	if always {
		t.Inverse = []nft.Stmt{&nft.Match{Op: bytecode.CmpEq, Left: some, Right: value(host32(0))}}
	}
	return t
}

// connectionMeaning is one option about a connection that is there.
func connectionMeaning(c *Context, o iptables.Option) packet.Pred {
	switch v := o.Value.(type) {
	case uint8: // --ctproto
		return packet.Eq(packet.CTProto, packet.Num(uint64(v)))
	case iptables.Net:
		return packet.Test(tupleField(c, o.Spec.Name), packet.FromBytes(v.Mask), packet.FromBytes(v.Addr.AsSlice()))
	case iptables.Ports:
		return portMeaning(tupleField(c, o.Spec.Name), []iptables.Ports{v})
	case []string: // --ctstatus
		bits := packet.Num(uint64(sum(ctStatuses, v)))
		return packet.Not{P: packet.Test(packet.CTStatus, bits, packet.Value{})}
	case iptables.Range: // --ctexpire: seconds, rounded down
		return packet.Between(packet.CTExpires, packet.Num(min(v.Lo*1000, math.MaxUint32)), packet.Num(min(v.Hi*1000+999, math.MaxUint32)))
	}
	return packet.Eq(packet.CTReply, packet.Num(map[string]uint64{"ORIGINAL": 0, "REPLY": 1}[o.Value.(string)]))
}

// tupleField is the address or port that an option like --ctorigsrc or --ctrepldstport names.
func tupleField(c *Context, option string) packet.Field {
	side, reply := strings.CutPrefix(option, "--ctrepl")
	side = strings.TrimPrefix(side, "--ctorig")
	fields := map[string]packet.Field{"src": packet.IPv4Src, "dst": packet.IPv4Dst, "srcport": packet.SrcPort, "dstport": packet.DstPort}
	if c.Family == iptables.IPv6 {
		fields["src"], fields["dst"] = packet.IPv6Src, packet.IPv6Dst
	}
	return packet.CTTuple(reply, fields[side])
}
