package ext

import (
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
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
	Meaning: helperMeaning,
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

// helperMeaning is helper_mt: strncmp of no more than the helper's own name. Names of helpers that begin alike are a protocol's, with and
// without a port (nf_ct_helper_init).
func helperMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return optionsMeaning(m, func(o iptables.Option) packet.Pred {
		name := o.Value.(string)
		helped := packet.All{packet.Tracked, packet.Set(packet.HasHelper)}
		if name == "" {
			return helped
		}
		var names []packet.Value
		for i := range len(name) + 1 {
			if i > 0 && i < helperNameLen && (i == len(name) || name[i] == '-' && !strings.Contains(name[i+1:], "-")) {
				names = append(names, packet.Name(name[:i]))
			}
		}
		return append(helped, packet.OneOf(packet.CTHelper, names...))
	})
}
