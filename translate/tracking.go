package translate

import (
	"encoding/binary"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// Some rules have a side effect before any packet comes: with them, the kernel tracks connections, or at least puts fragments
// together, for the network namespace and the family, at priority -400 and so before all tables. Then no rule ever sees a later
// fragment. This file knows which rules do it, on both sides; a translation does what its source did.
//
// What counts is the rule set that is translated, and not what else there is in the kernel: that may be gone tomorrow. So a table
// that is translated by itself is guarded against fragments unless it tracks connections itself.

// machinery is what works on packets before the rules.
type machinery int

const (
	bare        machinery = iota // nothing: rules meet fragments
	reassembled                  // nf_defrag_ipv4_enable, nf_defrag_ipv6_enable
	tracked                      // nf_ct_netns_get, which reassembles too
)

// starts says what xtables starts when a rule with a match or target of this name is loaded (its checkentry). "-j CT --notrack" and
// NOTRACK start nothing.
var starts = map[string]machinery{
	"cluster": tracked, "connbytes": tracked, "connlabel": tracked, "connlimit": tracked, "connmark": tracked, "conntrack": tracked,
	"helper": tracked, "socket": reassembled, "state": tracked,
	"CONNMARK": tracked, "CONNSECMARK": tracked, "CT": tracked, "DNAT": tracked, "MASQUERADE": tracked, "NETMAP": tracked,
	"REDIRECT": tracked, "SNAT": tracked, "SYNPROXY": tracked, "TPROXY": reassembled,
}

// startedBy says what a rule starts.
func startedBy(r *iptables.Rule) machinery {
	started := bare
	for _, m := range r.Matches {
		started = max(started, starts[m.Ext.Name])
	}
	if r.Target == nil || r.Target.Ext == nil {
		return started
	}
	if _, no := r.Target.Get("--notrack"); no {
		return started
	}
	return max(started, starts[r.Target.Ext.Name])
}

// needed is the rule that starts most in a rule set, its table, and what it starts.
func needed(rs *iptables.Ruleset) (what machinery, table string, by *iptables.Rule) {
	if rs == nil {
		return bare, "", nil
	}
	for _, t := range rs.Tables {
		for _, ch := range t.Chains {
			for _, r := range ch.Rules {
				if m := startedBy(r); m > what {
					what, table, by = m, t.Name, r
				}
				if what == tracked {
					return what, table, by
				}
			}
		}
	}
	return what, table, by
}

// Fragmented says whether the rules of an iptables rule set meet fragments as they come: whether nothing in it has the kernel put
// them together.
func Fragmented(rs *iptables.Ruleset) bool {
	what, _, _ := needed(rs)
	return what == bare
}

// started says whether rules start as much as want for a family, by what their expressions do when they are loaded, reached or not.
// nft's notrack and socket start nothing. Of the rules, those count that which does not leave out.
func started(rs *nft.Ruleset, f nft.Family, want machinery, which func(*nft.Rule) bool) bool {
	for _, t := range rs.Tables {
		if t.Family != f && t.Family != nft.Inet {
			continue
		}
		for _, ch := range t.Chains {
			for _, r := range ch.Rules {
				if !which(r) {
					continue
				}
				low, _ := nft.LowerRule(t, r)
				if slices.ContainsFunc(low.Program, func(op bytecode.Op) bool { return startedByOp(op, f) >= want }) {
					return true
				}
			}
		}
	}
	return false
}

func startedByOp(op bytecode.Op, f nft.Family) machinery {
	switch op := op.(type) {
	case *bytecode.Ct, *bytecode.NAT, *bytecode.Masq, *bytecode.Redir, *bytecode.Synproxy, *bytecode.Connlimit, *bytecode.FlowOffload:
		return tracked
	case *bytecode.Dynset:
		for _, each := range op.Exprs {
			if startedByOp(each, f) == tracked {
				return tracked
			}
		}
	case *bytecode.TProxy:
		if op.Family == f || op.Family == bytecode.Unspec {
			return reassembled
		}
	}
	return bare
}

// start has a family's tables start what the source did, where their rules do not already: by a rule in a chain that nothing leads
// to, in the table that needs it.
func (t *translator) start(out *nft.Ruleset, rs *iptables.Ruleset, f nft.Family) {
	want, name, by := needed(rs)
	if want == bare {
		return
	}
	from := origin(by.Pos) // what comes of that rule is nearly always enough
	if started(out, f, want, func(r *nft.Rule) bool { return r.Origin == from }) || started(out, f, want, func(*nft.Rule) bool { return true }) {
		return
	}
	i := slices.IndexFunc(out.Tables, func(table *nft.Table) bool {
		return table.Name == t.nameOf(name) && (table.Family == f || table.Family == nft.Inet)
	})
	if i < 0 { // it would be empty, and is left out
		return
	}
	table := out.Tables[i]
	named, rule := "fragments", &nft.Rule{Stmts: reassemble(f), Comment: "no packet comes here, but while it stands fragments are put together"}
	if want == tracked {
		named, rule = "tracking", &nft.Rule{Stmts: track, Comment: "no packet comes here, but while it stands connections are tracked"}
	}
	rule.Origin = from
	taken := func(name string) bool {
		return slices.ContainsFunc(table.Chains, func(ch *nft.Chain) bool { return ch.Name == name }) || t.opt.Taken != nil && t.opt.Taken(table, name)
	}
	ch := &nft.Chain{Name: unique(map[string]bool{}, taken, named), Rules: []*nft.Rule{rule}, Origin: rule.Origin}
	table.Chains = append(table.Chains, ch)
}

// track looks at a connection's state, whether it is invalid (NF_CT_STATE_INVALID_BIT).
var track = []nft.Stmt{&nft.Match{
	Op:    bytecode.CmpNeq,
	Left:  &nft.MaskXor{Of: &nft.CT{Key: bytecode.CtState}, Mask: binary.NativeEndian.AppendUint32(nil, 1), Xor: make([]byte, 4)},
	Right: &nft.Value{Data: make([]byte, 4)},
}}

// reassemble hands packets to a proxy, of which nft wants a protocol and a port.
func reassemble(f nft.Family) []nft.Stmt {
	return []nft.Stmt{
		compare(protocolOf, []byte{6}, false).Stmts[0],
		&nft.TProxy{Family: f, Port: &nft.Value{Data: []byte{0, 1}}},
	}
}
