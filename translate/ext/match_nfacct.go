package ext

import (
	"errors"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_nfacct.c, nfacct_mt: a counter beside the rule set. It takes every packet, but where the counter has a quota.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "nfacct",
		Options: []*iptables.OptionSpec{{Name: "--nfacct-name", Kind: accountName, Required: true}},
		Listing: listed("", "nfacct-name '*'", "--nfacct-name"),
	},
	Limits:  Limits{Lossy: Always, Refused: "names that nft cannot write"},
	Meaning: nfacctMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		name := o.Value.(string)
		if identifier(name, func(string) bool { return false }) != name {
			c.Refuse(o.Pos, "nfacct", "use letters, digits, -, _ and .", "nft has no counter called %s", iptables.Quote(name))
			return All{}
		}
		c.Lossy(o.Pos, "nfacct", "create it without a quota, and read it with nft",
			"counts in a counter of the nft table, which nfacct does not see, and which has no quota")
		count := &nft.ObjectRef{Type: bytecode.ObjectCounter, Name: c.counter("nfacct-" + name)}
		return &Test{Stmts: []nft.Stmt{count}, Stateful: true}
	},
})

// counter gives the table a counter, once.
func (c *Context) counter(name string) string {
	has := func(o *nft.Object) bool { return o.Type == bytecode.ObjectCounter && o.Name == name }
	if !slices.ContainsFunc(c.Shared.Objects, has) {
		c.Shared.Objects = append(c.Shared.Objects, &nft.Object{Type: bytecode.ObjectCounter, Name: name, Value: &bytecode.Counter{}})
	}
	return name
}

// accountName is the name of such a counter (NFACCT_NAME_MAX). Value: string.
var accountName = iptables.NewKind(
	func(w string, f iptables.Family) (string, error) {
		if strings.Contains(w, "\n") {
			return "", errors.New("has a line break")
		}
		v, err := iptables.Name(31).Parse([]string{w}, f)
		if err != nil {
			return "", err
		}
		return v.(string), nil
	},
	iptables.Quote)

// nfacctMeaning is nfacct_mt for a counter without a quota. What it counts no packet sees.
func nfacctMeaning(*Context, *iptables.Match) packet.Pred { return packet.All{} }
