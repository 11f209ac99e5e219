package ext

import (
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_SECMARK.c, secmark_tg: the packet gets the number that the security module has for a context. 255 bytes is
// SECMARK_SECCTX_MAX less the NUL.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:    "SECMARK",
		Options: []*iptables.OptionSpec{{Name: "--selctx", Kind: iptables.Name(255), Required: true}},
		Check:   onlyIn("mangle", "security"),
		Listing: listed("SECMARK", "selctx *", "--selctx"),
	},
	Limits: Limits{Kernel: "4.20"},
	Lower: func(c *Context, t *iptables.Target) Action {
		return stmts(c.secmark(t.Options[0].Value.(string)))
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		return do(packet.Context(t.Options[0].Value.(string)))
	},
})

// secmark sets a security context, for which there is one object in the table.
func (c *Context) secmark(context string) *nft.ObjectRef {
	data := bytecode.AppendString(nil, secmarkContext, context)
	i := slices.IndexFunc(c.Shared.Objects, func(o *nft.Object) bool {
		return o.Type == bytecode.ObjectSecmark && string(o.Raw) == string(data)
	})
	if i < 0 {
		i = len(c.Shared.Objects)
		c.Shared.Objects = append(c.Shared.Objects, &nft.Object{Type: bytecode.ObjectSecmark, Raw: data,
			Name: identifier(context, func(n string) bool {
				return slices.ContainsFunc(c.Shared.Objects, func(o *nft.Object) bool { return o.Name == n })
			})})
	}
	return &nft.ObjectRef{Type: bytecode.ObjectSecmark, Name: c.Shared.Objects[i].Name}
}

// secmarkContext is NFTA_SECMARK_CTX.
const secmarkContext = 1
