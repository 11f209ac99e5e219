package translate

import (
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// iptables drops a packet that is cut off where a match looks, in whatever rule the match stands (see ext.Header). Where that is
// wanted, a rule's conditions have demands among them, and become two rules: "where the conditions before hold, jump to the chain
// of the demand", which drops such packets, and then the rule itself.

// demand has packets that come through before go to a demand's chain, unless a rule above that asks nothing else, but the protocol,
// has had them all go there.
func (c *compiler) demand(before []nft.Stmt, d *ext.Demand) {
	if slices.ContainsFunc(c.met, func(m *ext.Demand) bool { return m.Covers(d) }) {
		return
	}
	c.add(before, &nft.Verdict{Code: bytecode.Jump, Chain: c.shared.Demanding(d).Name})
	asked := len(before)
	if d.Proto != 0 {
		asked -= len(c.proto)
	}
	if c.aside == 0 && asked == 0 {
		c.met = append(c.met, d)
	}
}

// insists says whether a match of the rule looks at a transport header.
func insists(c *ext.Context) bool {
	return slices.ContainsFunc(c.Rule.Matches, func(m *iptables.Match) bool { return ext.MatchFor(m, c.Family).Header.Size > 0 })
}
