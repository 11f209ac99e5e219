package packet

// Program is what a rule set does with packets of one family.
type Program struct {
	IPv6 bool
	// Chains are all chains, of all tables, those with a hook in the order in which the kernel calls them.
	Chains []*Chain
	// Tracks says that the rule set turns connection tracking on, so that no fragment gets to a rule.
	Tracks bool
}

// Hook is where in the kernel's path a base chain stands (enum nf_inet_hooks).
type Hook uint8

// The hooks. Ingress stands for those of a device, before all.
const (
	Prerouting Hook = iota
	Input
	Forward
	Output
	Postrouting
	Ingress
)

// String is the hook's name in nft.
func (h Hook) String() string {
	return [...]string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}[h]
}

// Base is what makes a chain a base chain.
type Base struct {
	Hook     Hook
	Priority int
	// NAT says that it sees only the first packet of a connection (nf_nat_inet_fn), and stands at the hook's NAT priority.
	NAT bool
	// Drop is the policy; false: accept.
	Drop bool
}

// Chain is a chain.
type Chain struct {
	Table string // for people: "filter", "ip filter"
	Name  string
	Base  *Base // nil: only jumped to
	Rules []*Rule
	Origin
}

// Rule is steps that are taken one after the other until one ends the rule.
type Rule struct {
	Steps []Step
	Text  func() string // as its own language writes it; nil: not at all
	Origin
}

// Origin is where a chain or rule stands in its source.
type Origin struct {
	File   string
	Line   int    // 1 is the first; 0 none
	Key    string // a configuration key
	Handle uint64 // the kernel's
}

// Step is one of [Require], [Do], [End] and [Choose].
type Step interface{ step() }

// Require breaks the rule off unless P holds; the packet goes on with the next rule.
type Require struct{ P Pred }

// Do has an effect.
type Do struct{ Effect Effect }

// End ends the rule with a verdict.
type End struct{ Verdict Verdict }

// Choose takes the steps of the first case that holds, and then goes on behind itself. If none holds the rule breaks off.
type Choose struct{ Cases []Case }

// Case is one of [Choose].
type Case struct {
	When  Pred
	Steps []Step
}

func (*Require) step() {}
func (*Do) step()      {}
func (*End) step()     {}
func (*Choose) step()  {}

// VerdictKind is what becomes of a packet.
type VerdictKind uint8

// The kinds. Accept ends the base chain; the ones of later priorities still see the packet. Drop, Reject, Queue and Stolen are final.
// Return leaves the chain, Continue goes on with the next rule. Jump and Goto go to a chain.
const (
	Accept VerdictKind = iota
	Drop
	Reject
	Queue
	Stolen
	Return
	Continue
	Jump
	Goto
)

// Verdict is a verdict. Detail tells those apart that the kind does not: how it is rejected ("icmp port-unreachable", "tcp reset"),
// the queue with its flags.
type Verdict struct {
	Kind   VerdictKind
	Chain  *Chain // of Jump and Goto
	Detail string
}
