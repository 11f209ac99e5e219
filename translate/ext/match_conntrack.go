package ext

import (
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// ctStates are the states of --ctstate with the bits that nft's "ct state" has for them (NF_CT_STATE_BIT, and NF_CT_STATE_INVALID_BIT
// and NF_CT_STATE_UNTRACKED_BIT).
var ctStates = map[string]uint32{"INVALID": 1, "ESTABLISHED": 2, "RELATED": 4, "NEW": 8, "UNTRACKED": 64}

// natStates are the two states of --ctstate that are bits of the connection's status (IPS_SRC_NAT, IPS_DST_NAT).
var natStates = map[string]uint32{"SNAT": 1 << 4, "DNAT": 1 << 5}

var ctStateKind = iptables.EnumList("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT")

// xt_conntrack.c, conntrack_mt.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "conntrack",
		Options: []*iptables.OptionSpec{
			{Name: "--ctstate", Kind: ctStateKind, Neg: true, Required: true},
		},
		Listing: listStates("ctstate", "--ctstate"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		return negated(inStates(m.Options[0].Value.([]string)), m.Options[0].Neg)
	},
})

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
