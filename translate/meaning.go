package translate

import (
	"cmp"
	"slices"
	"strings"

	"rechain/nft/packet"
	"rechain/translate/ext"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// Meaning says what a rule set does, after the kernel's ip_tables.c, ip6_tables.c and xt_*.c. Nothing in it comes from the translation.
// Sets are those that the rules name.
func Meaning(rs *iptables.Ruleset, sets ipset.Sets) *packet.Program {
	p := &packet.Program{IPv6: rs.Family == iptables.IPv6}
	what, _, _ := needed(rs)
	p.Tracks = what != bare
	for _, t := range rs.Tables {
		m := &meaning{rs: rs, sets: sets, table: t, chains: map[string]*packet.Chain{}}
		p.Chains = append(p.Chains, m.read()...)
	}
	p.Chains = append(p.Chains, tracking(rs)...)
	slices.SortStableFunc(p.Chains, func(a, b *packet.Chain) int { return cmp.Compare(priority(a), priority(b)) })
	return p
}

// tracking is what connection tracking does with what table raw told it. Its hooks stand before all other tables (NF_IP_PRI_CONNTRACK).
func tracking(rs *iptables.Ruleset) (chains []*packet.Chain) {
	const conntrack = -200
	steps := ext.TemplateMeaning(rs)
	if steps == nil {
		return nil
	}
	for _, h := range []packet.Hook{packet.Prerouting, packet.Output} {
		chains = append(chains, &packet.Chain{Table: "connection tracking", Name: h.String(), Base: &packet.Base{Hook: h, Priority: conntrack},
			Rules: []*packet.Rule{{Steps: steps}}})
	}
	return chains
}

func priority(c *packet.Chain) int {
	if c.Base == nil {
		return 1 << 31
	}
	return c.Base.Priority
}

// meaning reads one table.
type meaning struct {
	rs     *iptables.Ruleset
	sets   ipset.Sets
	table  *iptables.Table
	chains map[string]*packet.Chain
}

func (m *meaning) read() []*packet.Chain {
	var out []*packet.Chain
	for _, c := range m.table.Chains {
		ch := &packet.Chain{Table: m.table.Name, Name: c.Name, Base: hookOf(m.table.Name, c), Origin: place(c.Pos)}
		m.chains[c.Name] = ch
		out = append(out, ch)
	}
	for i, c := range m.table.Chains {
		for _, r := range c.Rules {
			out[i].Rules = append(out[i].Rules, m.rule(c, r))
		}
	}
	return out
}

func place(p iptables.Pos) packet.Origin {
	return packet.Origin{File: p.File(), Line: int(p.Line), Key: p.Key()}
}

// tablePriorities are the priorities of the tables (enum nf_ip_hook_priorities); nat has two.
var tablePriorities = map[string]int{"raw": -300, "mangle": -150, "filter": 0, "security": 50}

var builtinHooks = map[string]packet.Hook{
	"PREROUTING": packet.Prerouting, "INPUT": packet.Input, "FORWARD": packet.Forward, "OUTPUT": packet.Output, "POSTROUTING": packet.Postrouting,
}

func hookOf(table string, c *iptables.Chain) *packet.Base {
	if c.Policy == "" {
		return nil
	}
	b := &packet.Base{Hook: builtinHooks[c.Name], Priority: tablePriorities[table], NAT: table == "nat", Drop: c.Policy == "DROP"}
	if b.NAT { // NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC
		b.Priority = -100
		if c.Name == "INPUT" || c.Name == "POSTROUTING" {
			b.Priority = 100
		}
	}
	return b
}

func (m *meaning) rule(c *iptables.Chain, r *iptables.Rule) *packet.Rule {
	out := &packet.Rule{Origin: place(r.Pos), Text: func() string { return "-A " + c.Name + " " + r.String() }}
	ctx := &ext.Context{Family: m.rs.Family, Table: m.table.Name, Chain: c.Name, Rule: r, Source: m.rs, Sets: m.sets}
	for _, p := range m.basics(r) {
		out.Steps = append(out.Steps, &packet.Require{P: p})
	}
	for _, match := range r.Matches {
		out.Steps = append(out.Steps, ext.MatchMeaning(ctx, match)...)
	}
	out.Steps = append(out.Steps, m.target(ctx, r)...)
	return out
}

func (m *meaning) target(c *ext.Context, r *iptables.Rule) []packet.Step {
	t := r.Target
	if t == nil {
		return nil
	}
	if t.Ext != nil {
		return ext.TargetMeaning(c, t)
	}
	v := packet.Verdict{Kind: packet.Jump}
	switch t.Name {
	case "ACCEPT":
		v.Kind = packet.Accept
	case "DROP":
		v.Kind = packet.Drop
	case "RETURN":
		v.Kind = packet.Return
	case "QUEUE": // NF_QUEUE without a number
		v = packet.Queued(0, 0, false, false)
	default:
		if t.Goto {
			v.Kind = packet.Goto
		}
		v.Chain = m.chains[t.Name]
	}
	return []packet.Step{&packet.End{Verdict: v}}
}

// basics are what ip_packet_match and ip6_packet_match ask.
func (m *meaning) basics(r *iptables.Rule) []packet.Pred {
	var out []packet.Pred
	src, dst := packet.IPv4Src, packet.IPv4Dst
	if m.rs.Family == iptables.IPv6 {
		src, dst = packet.IPv6Src, packet.IPv6Dst
	}
	add := func(p packet.Pred, neg bool) { out = append(out, packet.Negate(p, neg)) }
	if r.Src != nil {
		add(packet.Test(src, packet.FromBytes(r.Src.Mask), packet.FromBytes(r.Src.Addr.AsSlice())), r.Src.Neg)
	}
	if r.Dst != nil {
		add(packet.Test(dst, packet.FromBytes(r.Dst.Mask), packet.FromBytes(r.Dst.Addr.AsSlice())), r.Dst.Neg)
	}
	if r.In != nil {
		add(device(packet.Iif, r.In.Name), r.In.Neg)
	}
	if r.Out != nil {
		add(device(packet.Oif, r.Out.Name), r.Out.Neg)
	}
	switch {
	case r.Proto == nil:
	case r.Proto.Num == protocolAH && m.rs.Family == iptables.IPv6: // the last header is behind an authentication header (ipv6_find_hdr)
		add(packet.Any{}, r.Proto.Neg)
	default:
		add(packet.Eq(packet.L4Proto, packet.Num(uint64(r.Proto.Num))), r.Proto.Neg)
	}
	if r.Fragment != nil { // -f: the rule is about later fragments
		add(packet.Not{P: packet.Eq(packet.FragOffset, packet.Value{})}, r.Fragment.Neg)
	}
	return out
}

// device is -i or -o: ifname_compare_aligned compares the bytes under a mask that a "+" ends.
func device(f packet.Field, name string) packet.Pred {
	prefix, wild := strings.CutSuffix(name, "+")
	if !wild {
		return packet.Eq(f, packet.Name(name))
	}
	free := packet.Ones(uint(128 - 8*len(prefix)))
	from := packet.Name(prefix)
	return packet.Between(f, from, from.Or(free))
}
