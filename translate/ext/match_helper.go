package ext

import (
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// helperNameLen is NF_CT_HELPER_NAME_LEN.
const helperNameLen = 16

// xt_helper.c, helper_mt: the helper of the connection that expected this one. A packet without such matches when inverted.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "helper",
		Options: []*iptables.OptionSpec{{Name: "--helper", Kind: iptables.String(29), Neg: true, Required: true}},
		Listing: listed("helper match", `! "*"`, "--helper"),
	},
	Lower: func(c *Context, m *iptables.Match) Cond {
		return negated(helped(m.Options[0].Value.(string)), m.Options[0].Neg)
	},
})

// helped tests for a helper by its name; an empty one is any. The kernel compares no more than the helper's own name, so that
// "ftp-2121" takes the helpers of that name and "ftp".
func helped(name string) Cond {
	key := &nft.CT{Key: bytecode.CtHelperName}
	padded := func(s string) []byte { return append([]byte(s), make([]byte, helperNameLen-len(s))...) }
	if name == "" { // nft's text has no empty name to compare with
		is := present(key, padded("ftp"))
		return Any{&Test{Stmts: is.Stmts}, &Test{Stmts: is.Inverse}}
	}
	var any Any
	if len(name) < helperNameLen {
		any = append(any, maybe(key, padded(name)))
	}
	if i := strings.LastIndexByte(name, '-'); i > 0 && i < helperNameLen {
		any = append(any, maybe(key, padded(name[:i])))
	}
	return any
}
