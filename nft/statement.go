package nft

import "rechain/nft/bytecode"

// Stmt is a statement of a rule.
type Stmt interface{ stmt() }

// Match compares Left with Right: a [Value], a [Range], or a set.
type Match struct {
	Op    bytecode.CmpOp
	Left  Expr
	Right Expr
}

// InSet looks Key up in a set: the rule goes on if it is there, or with Not if it is not. One of Name and Set is given: a named
// set of the table, or an anonymous one.
type InSet struct {
	Key  Expr
	Not  bool
	Name string
	Set  *Set
}

// VerdictMap looks Key up in a verdict map and does what it finds there. One of Name and Set is given.
type VerdictMap struct {
	Key  Expr
	Name string
	Set  *Set
}

// Verdict ends the rule with a verdict; Chain is the target of a jump or goto.
type Verdict struct {
	Code  bytecode.VerdictCode
	Chain string
}

// Counter counts.
type Counter struct{ Packets, Bytes uint64 }

// ObjectRef uses a named object; with Key, the one found in the object map Map.
type ObjectRef struct {
	Type bytecode.ObjectType
	Name string
	Key  Expr
	Map  string
	Set  *Set
}

// Assign writes Value to Key, which is a [Meta], [CT], [Payload] or [Exthdr]. For a payload, the checksum fields say what the
// kernel mends (see [bytecode.PayloadSet]).
type Assign struct {
	Key            Expr
	Value          Expr
	ChecksumType   uint32
	ChecksumOffset uint32
	ChecksumFlags  uint32
}

// NATKind is the kind of a [NAT] statement.
type NATKind uint8

// The kinds.
const (
	SNAT NATKind = iota
	DNAT
	Masquerade
	Redirect
)

// NAT translates addresses. Absent parts are nil. Family is that of the addresses, and Unspec for Masquerade and Redirect.
type NAT struct {
	Kind          NATKind
	Family        Family
	Addr, AddrMax Expr
	Port, PortMax Expr
	Flags         uint32 // NF_NAT_RANGE_* as the kernel returns them, without the ones the registers imply
}

// TProxy hands the packet to a transparent socket. Family Unspec stands for both families of an inet table.
type TProxy struct {
	Family Family
	Addr   Expr
	Port   Expr
}

// Queue hands the packet to userspace.
type Queue struct {
	Num   Expr // nil: the fixed range below
	First uint16
	Total uint16
	Flags uint16
}

// Dup sends a copy to Addr, out of Dev.
type Dup struct{ Addr, Dev Expr }

// Fwd forwards at ingress.
type Fwd struct {
	Dev, Addr Expr
	NFProto   uint32
}

// UpdateSet changes a named set from the packet path.
type UpdateSet struct {
	Op      bytecode.DynsetOp
	Name    string
	Set     *Set // anonymous (meters)
	Key     Expr
	Data    Expr // maps only
	Timeout uint64
	Flags   uint32
	Stmts   []Stmt
}

// ResetOption makes a TCP option a no-op.
type ResetOption struct {
	Op   uint32
	Type uint8
}

// Plain is a statement without operands in registers: limit, log, reject, notrack, quota, connlimit, synproxy, last, flow
// offload, and the compat matches and targets.
type Plain struct{ Op bytecode.Op }

// Opaque is a run of operations that no other statement says.
type Opaque struct{ Ops []bytecode.Op }

func (*Match) stmt()       {}
func (*InSet) stmt()       {}
func (*VerdictMap) stmt()  {}
func (*Verdict) stmt()     {}
func (*Counter) stmt()     {}
func (*ObjectRef) stmt()   {}
func (*Assign) stmt()      {}
func (*NAT) stmt()         {}
func (*TProxy) stmt()      {}
func (*Queue) stmt()       {}
func (*Dup) stmt()         {}
func (*Fwd) stmt()         {}
func (*UpdateSet) stmt()   {}
func (*ResetOption) stmt() {}
func (*Plain) stmt()       {}
func (*Opaque) stmt()      {}
