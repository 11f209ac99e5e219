package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// ttlOptions are the options of ttl and hl, by what the name begins with.
func ttlOptions(prefix string) []*iptables.OptionSpec {
	names := []string{prefix + "eq", prefix + "lt", prefix + "gt"}
	others := func(i int) []string { return []string{names[(i+1)%3], names[(i+2)%3]} }
	return []*iptables.OptionSpec{
		{Name: names[0], Kind: iptables.Uint(0, 255), Neg: true, Excludes: others(0)},
		{Name: names[1], Kind: iptables.Uint(0, 255), Excludes: others(1)},
		{Name: names[2], Kind: iptables.Uint(0, 255), Excludes: others(2)},
	}
}

func checkTTL(name string) func(*iptables.Rule, []iptables.Option, string, string) *iptables.Problem {
	return func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
		if len(options) == 0 {
			return &iptables.Problem{Pos: r.Pos, Ext: name, Msg: "needs an option"}
		}
		return nil
	}
}

// comparesTTL tests a byte of the IP header: ttl_mt and hl_mt in xt_hl.c.
func comparesTTL(offset uint32, o iptables.Option) Cond {
	field := &nft.Payload{Base: bytecode.NetworkHeader, Offset: offset, Len: 1}
	v := []byte{uint8(o.Value.(uint64))}
	op := map[string]bytecode.CmpOp{"eq": bytecode.CmpEq, "lt": bytecode.CmpLt, "gt": bytecode.CmpGt}[o.Spec.Name[len(o.Spec.Name)-2:]]
	if op == bytecode.CmpEq {
		return negated(present(field, v), o.Neg)
	}
	return &Test{Stmts: []nft.Stmt{&nft.Match{Op: op, Left: field, Right: value(v)}}}
}

// The time to live is at offset 8 of struct iphdr.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{Name: "ttl", Families: []iptables.Family{iptables.IPv4}, Options: ttlOptions("--ttl-"), Check: checkTTL("ttl"),
		Listing: listed("TTL match TTL", "== *", "--ttl-eq", "!= *", "! --ttl-eq", "< *", "--ttl-lt", "> *", "--ttl-gt")},
	Meaning: hlMeaning,
	Lower:   func(c *Context, m *iptables.Match) Cond { return comparesTTL(8, m.Options[0]) },
})
