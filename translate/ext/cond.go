package ext

import "rechain/nft"

// Cond is when a match matches: a [Test], or [Not], [All] and [Any] of conditions. All{} is always true, Any{} never.
type Cond interface{ cond() }

// Test is statements that the rule gets past exactly when the condition holds.
type Test struct {
	Stmts []nft.Stmt
	// Inverse are statements that the rule gets past exactly when the condition does not hold. nil: there are none, because the
	// datum may be missing and then both ends of a comparison break the rule off.
	Inverse []nft.Stmt
	// Stateful says that evaluating the test changes something (a limit, a quota), so that it may be evaluated only once for
	// each packet, and only where iptables would.
	Stateful bool
	// Proto says that what stands behind the test, in a chain of its own, is better said with the rule's protocol named once more.
	Proto bool
}

// Not negates.
type Not struct{ C Cond }

// All holds when each holds; they are asked in order, and the first that fails ends it.
type All []Cond

// Any holds when one holds.
type Any []Cond

func (*Test) cond() {}
func (Not) cond()   {}
func (All) cond()   {}
func (Any) cond()   {}

// negated returns c, or its negation where neg.
func negated(c Cond, neg bool) Cond {
	if neg {
		return Not{c}
	}
	return c
}

// Action is what a target does.
type Action struct {
	// Rules are the statements of one nft rule, or of several that stand behind the same condition: what the first does not
	// finish, the next goes on with.
	Rules [][]nft.Stmt
	// Ends says that no packet gets past the action.
	Ends bool
	// Once says that the rule's conditions must not be asked again between the rules, since they change what it may ask.
	Once bool
	// Late are rules that take effect only behind connection tracking, where a packet that opens a connection goes the same way
	// through the table once more (see late.go in package translate); the last of them ends that way. nil: none, and the way goes
	// on.
	Late [][]nft.Stmt
	// Proto says that nft wants the rule's protocol named in front of the action, in the same rule.
	Proto bool
}
