package iptables

import "net/netip"

// Family is the address family of a rule set: iptables or ip6tables.
type Family uint8

// The families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Ruleset is what one dump says, for one family. Tables are in the order of the dump.
type Ruleset struct {
	Family Family
	Tables []*Table
}

// Table is a table: raw, mangle, nat, filter or security. Guessed says that the source did not name it, and that its chains and
// targets told which it is.
type Table struct {
	Name    string
	Chains  []*Chain
	Guessed bool
	// Empty (-F) and Bare (-X) are of a source that adds (see [ParseNoflush]): every chain that the kernel holds is emptied first, and
	// those that are not built in are deleted.
	Empty, Bare bool
	Pos         Pos
}

// Chain is a chain. Policy is ACCEPT or DROP for a built-in chain, and empty for a user chain.
type Chain struct {
	Name     string
	Policy   string
	Counters *Counters // policy counters; nil when the source has none
	Rules    []*Rule
	// Declared says that the source makes the chain or gives it its policy (":NAME …", -N, -P); else it only has rules.
	Declared bool
	Changes  Changes
	Pos      Pos
}

// Changes are what a source that adds (see [ParseNoflush]) does to a chain that the kernel holds. The zero value appends the rules.
type Changes struct {
	Inserted int  // so many rules, the first ones, go before those that are there
	Empty    bool // those that are there go (-F, and ":NAME -" of a user chain)
	New      bool // there is no such chain yet (-N)
	Delete   bool // the chain goes (-X)
	// Without are rules of those that are there that go (-D): for each the first that is equal.
	Without []*Rule
}

// Counters are packets and bytes.
type Counters struct{ Packets, Bytes uint64 }

// Rule is a rule: all its conditions must hold for its target to act. A nil condition is not asked.
type Rule struct {
	Src, Dst *AddrMatch
	In, Out  *IfaceMatch
	Proto    *ProtoMatch
	Fragment *FragmentMatch // IPv4 only
	Matches  []*Match       // in the order given, which is the order in which the kernel asks them
	Target   *Target        // nil: the rule only counts
	Counters *Counters
	// line is the rule's line as it was spelled; "" when there was none.
	line string
	// Problems say why the rule cannot be read. Such a rule only keeps a place, and is there only beside an error: of it, Words, Pos
	// and, if it was found, Target have a meaning. If all are of values (see [Problems.OfValues]), the others have, too.
	Problems Problems
	Pos      Pos
}

// Words are the rule's words as they were spelled, without -A and the chain; nil when there was no such spelling. They are read
// again each time: few are asked for.
func (r *Rule) Words() []string {
	c, _ := new(parser).read(r.line)
	if c.letter != 'A' {
		c.number()
	}
	return c.args
}

// AddrMatch is -s or -d. Addr is masked. Mask need not be contiguous; it is 4 or 16 bytes long.
type AddrMatch struct {
	Neg  bool
	Addr netip.Addr
	Mask []byte
	Pos  Pos
}

// IfaceMatch is -i or -o. A name that ends in + stands for every name that starts so.
type IfaceMatch struct {
	Neg  bool
	Name string
	Pos  Pos
}

// ProtoMatch is -p. Num 0 ("all") is never stored: such a rule has no ProtoMatch.
type ProtoMatch struct {
	Neg bool
	Num uint8
	Pos Pos
}

// FragmentMatch is -f: second and further fragments, or with Neg unfragmented packets and first fragments.
type FragmentMatch struct {
	Neg bool
	Pos Pos
}

// Match is -m with its options.
type Match struct {
	Ext     *Extension
	Options []Option
	Pos     Pos
}

// Target is -j or -g. Ext is nil for ACCEPT, DROP, RETURN, QUEUE and for chains.
type Target struct {
	Name    string
	Goto    bool
	Ext     *Extension
	Options []Option
	Pos     Pos
}

// Unread is the value of an option that its kind cannot read: the words as they are. It stands only in matches of rules with problems.
type Unread []string

// Option is one option as given. Value's type is the kind's (see [Kind]), or [Unread]; nil for a flag.
type Option struct {
	Spec  *OptionSpec
	Neg   bool
	Value any
	Pos   Pos
}

// Unread says whether the match has a value that could not be read.
func (m *Match) Unread() bool { return unread(m.Options) }

// Get returns the first option of that name ("--dport").
func (m *Match) Get(name string) (Option, bool) { return get(m.Options, name) }

// Get returns the first option of that name ("--to-ports").
func (t *Target) Get(name string) (Option, bool) { return get(t.Options, name) }

func get(options []Option, name string) (Option, bool) {
	for _, o := range options {
		if o.Spec.Name == name {
			return o, true
		}
	}
	return Option{}, false
}

// Table returns the table of that name, or nil.
func (r *Ruleset) Table(name string) *Table {
	for _, t := range r.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Chain returns the chain of that name, or nil.
func (t *Table) Chain(name string) *Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}
