package ext

import (
	"fmt"
	"slices"

	"rechain/nft"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// Context is what Lower may know of the rule it works for, and where it reports problems.
type Context struct {
	Family iptables.Family
	Table  string
	Chain  string
	Rule   *iptables.Rule
	// Source is all that is translated of the rule's family: what has state may share it with other rules.
	Source *iptables.Ruleset
	// Shared are the sets and objects of the table that the rule goes to.
	Shared *Shared

	// Sets are the ipsets that the source may name.
	Sets ipset.Sets

	// Fragments says that nothing puts fragments together before the rules of this family meet them.
	Fragments bool
	// DropMalformed asks for [Demand] conditions.
	DropMalformed bool

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
	c.report(false, pos, ext, hint, format, args)
}

// Lossy reports that the translation of what stands at pos differs as the message says.
func (c *Context) Lossy(pos iptables.Pos, ext, hint, format string, args ...any) {
	c.report(true, pos, ext, hint, format, args)
}

func (c *Context) report(lossy bool, pos iptables.Pos, ext, hint, format string, args []any) {
	c.Problems = append(c.Problems, Problem{Lossy: lossy, Problem: &iptables.Problem{
		Pos: pos, Ext: ext, Msg: fmt.Sprintf(format, args...), Hint: hint}})
}

// Refused says whether there is a problem without a translation.
func (c *Context) Refused() bool {
	return slices.ContainsFunc(c.Problems, func(p Problem) bool { return !p.Lossy })
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
