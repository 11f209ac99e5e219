package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_CONNSECMARK.c, secmark_save and secmark_restore: a label goes to where there is none yet.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "CONNSECMARK",
		Options: []*iptables.OptionSpec{
			{Name: "--save", Kind: iptables.Flag, Excludes: []string{"--restore"}},
			{Name: "--restore", Kind: iptables.Flag},
		},
		Check:   both(onlyIn("mangle", "security"), oneOption("CONNSECMARK", "--save or --restore")),
		Listing: listed("CONNSECMARK", "save", "--save", "restore", "--restore"),
	},
	Limits: Limits{Kernel: "4.20"},
	Lower: func(c *Context, t *iptables.Target) Action {
		var from, to nft.Expr = &nft.Meta{Key: bytecode.MetaSecmark}, &nft.CT{Key: bytecode.CtSecmark}
		name := "connsecmark-save"
		if t.Options[0].Spec.Name == "--restore" {
			from, to, name = to, from, "connsecmark-restore"
		}
		ch := c.chainNamed(name, func(say func(...nft.Stmt)) {
			say(whereZero(from, bytecode.Return))
			say(whereZero(to, bytecode.Continue), &nft.Assign{Key: to, Value: from})
		})
		return stmts(&nft.Verdict{Code: bytecode.Jump, Chain: ch.Name})
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		from, to := packet.Secmark, packet.CTSecmark
		if has(t, "--restore") {
			from, to = to, from
		}
		missing := packet.All{packet.Tracked, packet.Not{P: packet.Eq(from, packet.Value{})}, packet.Eq(to, packet.Value{})}
		return []packet.Step{packet.When(missing, do(&packet.Copy{To: to, From: from, Bits: packet.Ones(32)})...)}
	},
})

// whereZero is a verdict where a label is 0. It is a map since nft cannot read a comparison of a label with a number.
func whereZero(label nft.Expr, code bytecode.VerdictCode) nft.Stmt {
	return &nft.VerdictMap{Key: label, Set: &nft.Set{
		Type: []nft.Datatype{nft.TypeInteger}, KeyLen: []uint32{4}, Data: []nft.Datatype{nft.TypeVerdict},
		Flags:    bytecode.SetAnonymous | bytecode.SetConstant | bytecode.SetMap,
		Elements: []nft.Element{{Key: host32(0), Verdict: &nft.Verdict{Code: code}}},
	}}
}
