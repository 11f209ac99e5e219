package bytecode

// Op is one expression of a rule's program.
type Op interface {
	// Name is the kernel's name of the expression (struct nft_expr_type.name).
	Name() string
	// String prints the operation as "nft --debug=netlink" does, without the surrounding brackets.
	String() string

	appendAttrs(b []byte) []byte
	take(a Attr) bool
}

// Program is what a rule does: its operations in order. A comparison that fails, or a load without a datum, ends it
// (NFT_BREAK).
type Program []Op

// Reg is a register. 0 is the verdict register, 1 to 4 are the 16-byte registers, 8 to 23 the same memory in quarters of
// 4 bytes (NFT_REG32_00 to NFT_REG32_15).
type Reg uint32

// VerdictReg is NFT_REG_VERDICT.
const VerdictReg Reg = 0

// Meta reads packet metadata into Dst, or writes it from Src when Set is true (nft_meta.c).
type Meta struct {
	Key      MetaKey
	Dst, Src Reg
	Set      bool
}

// PayloadBase says what Payload.Offset counts from (enum nft_payload_bases).
type PayloadBase uint32

// The bases.
const (
	LinkHeader      PayloadBase = 0 // NFT_PAYLOAD_LL_HEADER
	NetworkHeader   PayloadBase = 1 // NFT_PAYLOAD_NETWORK_HEADER
	TransportHeader PayloadBase = 2 // NFT_PAYLOAD_TRANSPORT_HEADER
	InnerHeader     PayloadBase = 3 // NFT_PAYLOAD_INNER_HEADER, the transport payload
)

// Payload loads Len bytes of the packet into Dst; it breaks the rule off when they are not there (nft_payload.c).
type Payload struct {
	Base        PayloadBase
	Offset, Len uint32
	Dst         Reg
}

// PayloadSet writes Len bytes from Src into the packet and mends checksums (nft_payload.c, nft_payload_set_eval).
type PayloadSet struct {
	Base           PayloadBase
	Offset, Len    uint32
	Src            Reg
	ChecksumType   uint32 // 0 none, 1 inet, 2 SCTP CRC
	ChecksumOffset uint32
	ChecksumFlags  uint32 // 1: the layer 4 pseudo header too
}

// CmpOp is a comparison (enum nft_cmp_ops).
type CmpOp uint32

// The comparisons. They compare bytes, so an ordered one wants network order.
const (
	CmpEq  CmpOp = 0
	CmpNeq CmpOp = 1
	CmpLt  CmpOp = 2
	CmpLte CmpOp = 3
	CmpGt  CmpOp = 4
	CmpGte CmpOp = 5
)

// Cmp compares the first len(Data) bytes of Src with Data (nft_cmp.c).
type Cmp struct {
	Op   CmpOp
	Src  Reg
	Data []byte
}

// Range tests From <= Src <= To, or its opposite when Neq (nft_range.c).
type Range struct {
	Neq      bool
	Src      Reg
	From, To []byte
}

// BitwiseOp is the operation of Bitwise (enum nft_bitwise_ops).
type BitwiseOp uint32

// The operations. And, Or and Xor over two registers need Linux 6.13.
const (
	BitwiseMaskXor BitwiseOp = 0 // NFT_BITWISE_MASK_XOR: Dst = Src & Mask ^ Xor
	BitwiseLshift  BitwiseOp = 1
	BitwiseRshift  BitwiseOp = 2
	BitwiseAnd     BitwiseOp = 3
	BitwiseOr      BitwiseOp = 4
	BitwiseXor     BitwiseOp = 5
)

// Bitwise combines registers (nft_bitwise.c). Mask and Xor belong to BitwiseMaskXor; Data is the shift's width (4 bytes, host
// order) or the second operand; Src2 is the second operand when Data is nil.
type Bitwise struct {
	Op        BitwiseOp
	Src, Dst  Reg
	Len       uint32
	Mask, Xor []byte
	Data      []byte
	Src2      Reg
}

// Byteorder converts each Size bytes of Len bytes between host and network order (nft_byteorder.c).
type Byteorder struct {
	Src, Dst  Reg
	ToNetwork bool // NFT_BYTEORDER_HTON; else NTOH
	Len, Size uint32
}

// Immediate puts Data into Dst (nft_immediate.c).
type Immediate struct {
	Dst  Reg
	Data []byte
}

// VerdictCode is a verdict (NF_* and enum nft_verdicts).
type VerdictCode int32

// The verdicts. Queue takes its number in the upper 16 bits and is normally a [Queue] of its own.
const (
	Drop     VerdictCode = 0
	Accept   VerdictCode = 1
	Stolen   VerdictCode = 2
	QueueTo  VerdictCode = 3
	Continue VerdictCode = -1
	Break    VerdictCode = -2
	Jump     VerdictCode = -3
	Goto     VerdictCode = -4
	Return   VerdictCode = -5
)

// Verdict is an immediate into the verdict register. Chain is the target of Jump and Goto.
type Verdict struct {
	Code  VerdictCode
	Chain string
}

// Lookup looks Src up in a set; with HasDst the map's data goes to Dst (0: a verdict map). It breaks the rule off when the
// element is missing, or present when Invert (nft_lookup.c).
type Lookup struct {
	Set    string
	SetID  uint32 // NFTA_LOOKUP_SET_ID, for sets of the same batch
	Src    Reg
	Dst    Reg
	HasDst bool
	Invert bool
}

// Counter counts packets and bytes (nft_counter.c). Its values have no meaning for what a rule does.
type Counter struct{ Packets, Bytes uint64 }

// Ct reads conntrack data into Dst, or writes it from Src when Set (nft_ct.c). Dir is 0 original, 1 reply.
type Ct struct {
	Key      CtKey
	HasDir   bool
	Dir      uint8
	Dst, Src Reg
	Set      bool
}

// NATType is the manipulation of [NAT] (enum nft_nat_types).
type NATType uint32

// The manipulations.
const (
	SNAT NATType = 0
	DNAT NATType = 1
)

// NAT sets up address translation; a register of 0 is absent (nft_nat.c). Flags are NF_NAT_RANGE_*.
type NAT struct {
	Type               NATType
	Family             Family
	AddrMin, AddrMax   Reg
	ProtoMin, ProtoMax Reg
	Flags              uint32
}

// Redir redirects to the host itself (nft_redir.c).
type Redir struct {
	ProtoMin, ProtoMax Reg
	Flags              uint32
}

// Masq is source NAT to the outgoing device's address (nft_masq.c).
type Masq struct {
	ProtoMin, ProtoMax Reg
	Flags              uint32
}

// TProxy hands the packet to a transparent socket, or breaks the rule off when there is none (nft_tproxy.c). Family 0
// stands for both families of an inet table.
type TProxy struct {
	Family     Family
	Addr, Port Reg
}

// Socket reads an attribute of the packet's socket (nft_socket.c). Level belongs to cgroupv2.
type Socket struct {
	Key   SocketKey
	Level uint32
	Dst   Reg
}

// Limit is a token bucket (nft_limit.c). Unit is in seconds per Rate. Type 0 counts packets, 1 bytes. Over inverts (NFT_LIMIT_F_INV).
type Limit struct {
	Rate, Unit uint64
	Burst      uint32
	Type       uint32
	Over       bool
}

// Log logs the packet (nft_log.c). A pointer is nil where the attribute is absent.
type Log struct {
	Group          *uint16
	Prefix         string
	Snaplen        *uint32
	QueueThreshold *uint16
	Level          *uint32
	Flags          *uint32
}

// Reject answers with an error and drops (nft_reject.c). Type 0 ICMP unreachable, 1 TCP RST, 2 icmpx.
type Reject struct {
	Type uint32
	Code uint8
}

// Notrack keeps conntrack off the packet (nft_ct.c).
type Notrack struct{}

// Queue hands the packet to userspace (nft_queue.c). Flags: 1 bypass, 2 fan-out. Src is the number's register when not 0.
type Queue struct {
	Num, Total, Flags uint16
	Src               Reg
}

// Quota matches below, or with Flags&1 (over) above, a number of bytes (nft_quota.c).
type Quota struct {
	Bytes, Consumed uint64
	Flags           uint32
}

// Objref uses a named object, either by Obj or through a map looked up with Src (nft_objref.c).
type Objref struct {
	Type  ObjectType
	Obj   string
	Src   Reg
	Set   string
	SetID uint32
}

// DynsetOp is the update of [Dynset] (enum nft_dynset_ops).
type DynsetOp uint32

// The updates.
const (
	DynsetAdd    DynsetOp = 0
	DynsetUpdate DynsetOp = 1
	DynsetDelete DynsetOp = 2
)

// Dynset changes a set from the packet path (nft_dynset.c). Timeout is in milliseconds.
type Dynset struct {
	Set     string
	SetID   uint32
	Op      DynsetOp
	Key     Reg
	Data    Reg
	Timeout uint64
	Flags   uint32 // 1 invert, 2 expressions
	Exprs   []Op
}

// Connlimit counts connections of an element (nft_connlimit.c). Flags 1: over.
type Connlimit struct{ Count, Flags uint32 }

// Fib asks the routing tables (nft_fib.c). Flags: 1 saddr, 2 daddr, 4 mark, 8 iif, 16 oif, 32 present. Result: 1 oif, 2 oifname, 3 addrtype.
type Fib struct {
	Flags, Result uint32
	Dst           Reg
}

// Rt reads routing data (nft_rt.c). Key: 0 classid, 1 nexthop4, 2 nexthop6, 3 tcpmss, 4 xfrm.
type Rt struct {
	Key uint32
	Dst Reg
}

// Numgen makes numbers (nft_numgen.c). Type 0 incremental, 1 random.
type Numgen struct {
	Dst             Reg
	Modulus, Offset uint32
	Type            uint32
}

// Hash hashes Len bytes of Src (nft_hash.c). Type 0 jhash, 1 symmetric. HasSeed false lets the kernel choose.
type Hash struct {
	Type            uint32
	Src, Dst        Reg
	Len             uint32
	Modulus, Offset uint32
	Seed            uint32
	HasSeed         bool
}

// Exthdr reads (Dst), writes (Src) or, with neither, resets an extension header or option (nft_exthdr.c).
// Op: 0 IPv6, 1 TCP option, 2 IPv4 option, 3 SCTP chunk, 4 DCCP option. Flags 1: test presence only.
type Exthdr struct {
	Op          uint32
	Type        uint8
	Offset, Len uint32
	Flags       uint32
	Dst, Src    Reg
}

// Dup sends a copy to Addr, out of the device whose index is in Dev (nft_dup_ipv4.c).
type Dup struct{ Addr, Dev Reg }

// Fwd forwards at ingress to the device whose index is in Dev (nft_fwd_netdev.c).
type Fwd struct {
	Dev, Addr Reg
	NFProto   uint32
}

// Synproxy answers SYNs (nft_synproxy.c).
type Synproxy struct {
	MSS    uint16
	Wscale uint8
	Flags  uint32
}

// Osf fingerprints the sender's TCP stack (nft_osf.c).
type Osf struct {
	Dst   Reg
	TTL   uint8
	Flags uint32
}

// Xfrm reads IPsec state (nft_xfrm.c). Dir 0 in, 1 out.
type Xfrm struct {
	Dst  Reg
	Key  uint32
	Dir  uint8
	Spnr uint32
}

// Last remembers when a rule matched last (nft_last.c). Msecs ago, if Set.
type Last struct {
	Set   uint32
	Msecs uint64
}

// FlowOffload moves the flow to a flowtable (nft_flow_offload.c).
type FlowOffload struct{ Table string }

// Tunnel reads tunnel metadata (nft_tunnel.c).
type Tunnel struct {
	Key, Mode uint32
	Dst       Reg
}

// XtMatch is an xtables match in the compat layer (nft_compat.c). Info is the match's C structure.
type XtMatch struct {
	Ext      string
	Revision uint32
	Info     []byte
}

// XtTarget is an xtables target in the compat layer (nft_compat.c).
type XtTarget struct {
	Ext      string
	Revision uint32
	Info     []byte
}

// Unknown is an expression that this package has no type for, or whose attributes it could not read. Data is NFTA_EXPR_DATA's
// payload as it came.
type Unknown struct {
	Type string
	Data []byte
}
