package ext

import (
	"fmt"

	"rechain/nft"
	"rechain/translate/iptables"
)

// Context is what Lower may know of the rule it works for, and where it reports problems.
type Context struct {
	Family iptables.Family
	Table  string
	Chain  string
	Rule   *iptables.Rule

	// Problems are those reported so far.
	Problems []Problem
}

// Problem is a reason why a rule is not translated exactly. Lossy: there is a translation, but it differs as the message says;
// else there is none.
type Problem struct {
	*iptables.Problem
	Lossy bool
}

// Refuse reports that there is no exact translation of what stands at pos.
func (c *Context) Refuse(pos iptables.Pos, ext, hint, format string, args ...any) {
	c.Problems = append(c.Problems, Problem{Problem: &iptables.Problem{
		Pos: pos, Ext: ext, Msg: fmt.Sprintf(format, args...), Hint: hint}})
}

// NftFamily is the family of tables that hold only this rule's family.
func (c *Context) NftFamily() nft.Family {
	if c.Family == iptables.IPv6 {
		return nft.IPv6
	}
	return nft.IPv4
}

// Proto is the protocol of -p, when the rule asks for one.
func (c *Context) Proto() (uint8, bool) {
	if p := c.Rule.Proto; p != nil && !p.Neg {
		return p.Num, true
	}
	return 0, false
}
