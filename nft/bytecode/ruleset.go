package bytecode

// Family is a protocol family of tables (NFPROTO_*).
type Family uint8

// The families.
const (
	Unspec Family = 0
	Inet   Family = 1
	IPv4   Family = 2
	Arp    Family = 3
	Netdev Family = 5
	Bridge Family = 7
	IPv6   Family = 10
)

// Hook is the number of a hook; its meaning depends on the family (enum nf_inet_hooks, nf_dev_hooks, nf_bridge_hooks).
type Hook uint32

// The hooks of the IP families, inet and bridge. Arp has input (0) and output (1), netdev ingress (0) and egress (1).
const (
	Prerouting  Hook = 0
	Input       Hook = 1
	Forward     Hook = 2
	Output      Hook = 3
	Postrouting Hook = 4
	Ingress     Hook = 5 // inet only
)

// Ruleset is what one network namespace holds.
type Ruleset struct {
	// Gen is the generation id that was current while this was read (NFTA_GEN_ID). 0: not read from a kernel.
	Gen    uint32
	Tables []*Table
}

// Table is a table and all that is in it, in the kernel's order.
type Table struct {
	Family     Family
	Name       string
	Flags      uint32 // NFT_TABLE_F_*: 1 dormant, 2 owner, 4 persist
	Owner      uint32 // port id of the owner, 0 none
	UserData   []byte // NFTA_TABLE_USERDATA: type-length-value triples; type 0 is the comment
	Handle     uint64
	Sets       []*Set
	Objects    []*Object
	Flowtables []*Flowtable
	Chains     []*Chain
}

// Chain is a chain with its rules.
type Chain struct {
	Name     string
	Base     *BaseChain // nil for a chain that is only jumped to
	Flags    uint32     // NFT_CHAIN_*: 1 base, 2 hardware offload, 4 binding
	UserData []byte
	Handle   uint64
	Rules    []*Rule
}

// BaseChain is what ties a chain to a hook.
type BaseChain struct {
	Type     string // "filter", "nat" or "route"
	Hook     Hook
	Priority int32
	Policy   VerdictCode // Accept or Drop
	Devices  []string    // netdev and inet ingress
	Counters *Counter    // policy counters, nil when the kernel keeps none
}

// Rule is a rule.
type Rule struct {
	Program  Program
	UserData []byte // NFTA_RULE_USERDATA: type-length-value triples; type 0 is the comment, NUL terminated
	Handle   uint64
	// Compat is what an iptables-nft rule carries beside its program (NFTA_RULE_COMPAT); nil else.
	Compat *RuleCompat
}

// RuleCompat is NFTA_RULE_COMPAT: the protocol of a rule with compat expressions.
type RuleCompat struct{ Proto, Flags uint32 }

// Set flags (enum nft_set_flags).
const (
	SetAnonymous uint32 = 0x1
	SetConstant  uint32 = 0x2
	SetInterval  uint32 = 0x4
	SetMap       uint32 = 0x8
	SetTimeout   uint32 = 0x10
	SetEval      uint32 = 0x20 // dynamic
	SetObject    uint32 = 0x40
	SetConcat    uint32 = 0x80
	SetExpr      uint32 = 0x100
)

// Set is a set or a map.
type Set struct {
	Name       string
	ID         uint32 // NFTA_SET_ID, names the set within a batch
	Flags      uint32
	KeyType    uint32 // nft's datatype number, see the datatypes of package nft; opaque to the kernel
	KeyLen     uint32
	DataType   uint32 // maps: nft's datatype, 0xffffff00 a verdict (NFT_DATA_VERDICT)
	DataLen    uint32
	ObjectType ObjectType
	Fields     []uint32 // NFTA_SET_DESC_CONCAT: lengths of the key's parts in bytes, when concatenated
	Size       uint32
	Policy     uint32
	Timeout    uint64 // milliseconds
	GCInterval uint32 // milliseconds
	UserData   []byte
	Handle     uint64
	Exprs      []Op // stateful expressions of every element (NFTA_SET_EXPR, NFTA_SET_EXPRESSIONS)
	Elements   []Element
}

// Element flags (enum nft_set_elem_flags).
const (
	ElemIntervalEnd uint32 = 1
	ElemCatchall    uint32 = 2
)

// Element is an element as the kernel holds it: in an interval set that is not a concatenation, an interval is an element for
// its start and one with ElemIntervalEnd for the first value after it.
type Element struct {
	Key, KeyEnd []byte
	Flags       uint32
	Data        []byte
	Verdict     *Verdict
	Object      string
	Timeout     uint64 // milliseconds
	Expiration  uint64 // milliseconds left
	UserData    []byte
	Exprs       []Op
}

// ObjectType is the type of a named object (NFT_OBJECT_*).
type ObjectType uint32

// The types.
const (
	ObjectCounter   ObjectType = 1
	ObjectQuota     ObjectType = 2
	ObjectCtHelper  ObjectType = 3
	ObjectLimit     ObjectType = 4
	ObjectConnlimit ObjectType = 5
	ObjectTunnel    ObjectType = 6
	ObjectCtTimeout ObjectType = 7
	ObjectSecmark   ObjectType = 8
	ObjectCtExpect  ObjectType = 9
	ObjectSynproxy  ObjectType = 10
)

// Object is a named stateful object. Exactly one of the value fields is set: the ones that are also expressions hold that
// expression, the others keep NFTA_OBJ_DATA's payload in Raw.
type Object struct {
	Type     ObjectType
	Name     string
	Handle   uint64
	UserData []byte
	Value    Op // Counter, Quota, Limit, Connlimit, Synproxy; nil else
	CtHelper *CtHelper
	Raw      []byte
}

// CtHelper is the value of an [ObjectCtHelper]. L3 is an ethertype family (NFPROTO_*), L4 an IP protocol.
type CtHelper struct {
	Helper string
	L3     uint16
	L4     uint8
}

// Flowtable is a flowtable.
type Flowtable struct {
	Name     string
	Hook     uint32
	Priority int32
	Devices  []string
	Flags    uint32
	Handle   uint64
}
