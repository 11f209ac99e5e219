package nft

import "rechain/nft/bytecode"

// Family is a protocol family of tables.
type Family = bytecode.Family

// The families.
const (
	Inet   = bytecode.Inet
	IPv4   = bytecode.IPv4
	IPv6   = bytecode.IPv6
	Arp    = bytecode.Arp
	Bridge = bytecode.Bridge
	Netdev = bytecode.Netdev
)

// Ruleset is a set of tables in the order in which they are created.
type Ruleset struct {
	Tables []*Table
}

// Table is a table. Its chains and sets are in creation order.
type Table struct {
	Family     Family
	Name       string
	Flags      uint32 // bytecode's table flags: 1 dormant, 2 owner, 4 persist
	Comment    string
	Sets       []*Set
	Objects    []*Object
	Flowtables []*Flowtable
	Chains     []*Chain
	Handle     uint64 // 0 when not read from a kernel
	Extra      []byte // user data other than the comment, see Rule.Extra
	Origin     Origin
}

// Object is a named stateful object, as the kernel holds it.
type Object = bytecode.Object

// Flowtable is a flowtable.
type Flowtable = bytecode.Flowtable

// Base ties a chain to a hook.
type Base = bytecode.BaseChain

// Chain is a chain; Base is nil for one that is only jumped to.
type Chain struct {
	Name    string
	Base    *Base
	Flags   uint32 // only what Base does not imply: 2 hardware offload
	Comment string
	Rules   []*Rule
	Remarks []string // see Rule.Remarks; these stand behind the last rule
	Handle  uint64
	Extra   []byte // user data other than the comment, see Rule.Extra
	Origin  Origin
}

// Rule is a rule.
type Rule struct {
	Stmts   []Stmt
	Comment string
	Handle  uint64
	// Compat is the protocol of a rule that holds compat expressions; nil else.
	Compat *bytecode.RuleCompat
	// Extra is user data other than the comment: type-length-value triples as the kernel keeps them.
	Extra  []byte
	Origin Origin
	// Remarks are lines that the text has as comments before the rule. Nothing else holds them.
	Remarks []string
}

// Set is a set or a map. A set that a rule holds itself is anonymous: its Name is empty in a model that was built, "__set%d" or
// "__map%d" in one that was read. The order of elements means nothing; [Raise] sorts them by key where the
// kernel keeps none.
type Set struct {
	Name     string
	Type     []Datatype // the key's datatypes, more than one for a concatenation
	Data     []Datatype // maps only; the pseudo type "verdict" for a verdict map
	Flags    uint32     // bytecode.Set* flags
	Object   bytecode.ObjectType
	Size     uint32
	Policy   uint32
	Timeout  uint64 // milliseconds
	GC       uint32 // milliseconds
	Stmts    []Stmt // stateful statements of every element
	Elements []Element
	Comment  string
	// AutoMerge is nft's own note that adjacent intervals may be joined; the kernel keeps it as user data.
	AutoMerge bool
	// DataInterval says that the map's data are intervals: Data of an element is the first value, then the last one, each with
	// every part padded to a multiple of 4 bytes.
	DataInterval bool
	// KeyLen and DataLen are the lengths in bytes of the parts of Type and Data. They are nil when the datatypes say it all, and
	// given where one does not, like TypeInteger. Where a concatenation was read whose parts nobody tells, it is the whole length.
	KeyLen, DataLen []uint32
	Handle          uint64
	Extra           []byte // set user data that this model has no field for
	Origin          Origin
}

// Element is one element: a value, or with KeyEnd the closed interval Key to KeyEnd, or any other value (Catchall). Keys are
// register bytes; each part of a concatenation is padded to a multiple of 4 bytes.
type Element struct {
	Key, KeyEnd []byte
	Catchall    bool
	Data        []byte
	Verdict     *Verdict
	Object      string
	Timeout     uint64 // milliseconds
	Expires     uint64 // milliseconds left
	Stmts       []Stmt // stateful statements with their state
	Comment     string
	Extra       []byte // user data other than the comment, see Rule.Extra
}

// Origin says where a thing came from. The zero value says nothing.
type Origin struct {
	File string
	Line int // 1 is the first; 0 none
	Col  int
	Key  string // a configuration key
}
