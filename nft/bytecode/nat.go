package bytecode

// NATType is the manipulation of [NAT] (enum nft_nat_types).
type NATType uint32

// The manipulations.
const (
	SNAT NATType = 0
	DNAT NATType = 1
)

var natTypeNames = []string{"snat", "dnat"}

func (t NATType) String() string { return nameOf(natTypeNames, t) }

// NAT sets up address translation; a register of 0 is absent (nft_nat.c). A maximum that is absent is the minimum, and that is
// how the kernel reports it. Flags are NF_NAT_RANGE_*.
type NAT struct {
	Type               NATType
	Family             Family
	AddrMin, AddrMax   Reg
	ProtoMin, ProtoMax Reg
	Flags              uint32
}

// enum nft_nat_attributes.
const (
	nftaNatType        = 1
	nftaNatFamily      = 2
	nftaNatRegAddrMin  = 3
	nftaNatRegAddrMax  = 4
	nftaNatRegProtoMin = 5
	nftaNatRegProtoMax = 6
	nftaNatFlags       = 7
)

func (o *NAT) Name() string { return "nat" }
func (o *NAT) String() string {
	return join("nat "+o.Type.String()+" "+o.Family.String(),
		optional{"addr_min reg %d", uint32(o.AddrMin)},
		optional{"addr_max reg %d", uint32(o.AddrMax)},
		optional{"proto_min reg %d", uint32(o.ProtoMin)},
		optional{"proto_max reg %d", uint32(o.ProtoMax)},
		optional{"flags 0x%x", o.Flags})
}

func (o *NAT) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaNatType, uint32(o.Type))
	b = AppendU32(b, nftaNatFamily, uint32(o.Family))
	b = appendOptReg(b, nftaNatRegAddrMin, o.AddrMin)
	b = appendOptReg(b, nftaNatRegAddrMax, o.AddrMax)
	b = appendOptReg(b, nftaNatRegProtoMin, o.ProtoMin)
	b = appendOptReg(b, nftaNatRegProtoMax, o.ProtoMax)
	return appendOptU32(b, nftaNatFlags, o.Flags)
}

func (o *NAT) take(a Attr) bool {
	switch a.Type {
	case nftaNatType:
		return set32(a, &o.Type)
	case nftaNatFamily:
		return setFamily(a, &o.Family)
	case nftaNatRegAddrMin:
		return set32(a, &o.AddrMin)
	case nftaNatRegAddrMax:
		return set32(a, &o.AddrMax)
	case nftaNatRegProtoMin:
		return set32(a, &o.ProtoMin)
	case nftaNatRegProtoMax:
		return set32(a, &o.ProtoMax)
	case nftaNatFlags:
		return set32(a, &o.Flags)
	}
	return false
}

// Flags that the kernel adds by itself, depending on its version, when the registers are given (nft_nat_init, nft_masq_init and
// nft_redir_init, or the eval functions).
const (
	natMapIPs         = 1 // NF_NAT_RANGE_MAP_IPS
	natProtoSpecified = 2 // NF_NAT_RANGE_PROTO_SPECIFIED
)

func (o *NAT) canonical() Op {
	c := *o
	c.AddrMax = maxReg(c.AddrMin, c.AddrMax)
	c.ProtoMax = maxReg(c.ProtoMin, c.ProtoMax)
	if c.AddrMin != 0 {
		c.Flags |= natMapIPs
	}
	c.Flags |= protoFlag(c.ProtoMin)
	return &c
}

// maxReg is the register of a range's end: that of its start when none is given.
func maxReg(low, high Reg) Reg {
	if high == 0 {
		return low
	}
	return high
}

func protoFlag(low Reg) uint32 {
	if low != 0 {
		return natProtoSpecified
	}
	return 0
}

// Redir redirects to the host itself (nft_redir.c).
type Redir struct {
	ProtoMin, ProtoMax Reg
	Flags              uint32
}

// enum nft_redir_attributes.
const (
	nftaRedirRegProtoMin = 1
	nftaRedirRegProtoMax = 2
	nftaRedirFlags       = 3
)

func (o *Redir) Name() string   { return "redir" }
func (o *Redir) String() string { return portRange("redir", o.ProtoMin, o.ProtoMax, o.Flags) }

func portRange(name string, low, high Reg, flags uint32) string {
	return join(name,
		optional{"proto_min reg %d", uint32(low)},
		optional{"proto_max reg %d", uint32(high)},
		optional{"flags 0x%x", flags})
}

func (o *Redir) appendAttrs(b []byte) []byte {
	b = appendOptReg(b, nftaRedirRegProtoMin, o.ProtoMin)
	b = appendOptReg(b, nftaRedirRegProtoMax, o.ProtoMax)
	return appendOptU32(b, nftaRedirFlags, o.Flags)
}

func (o *Redir) take(a Attr) bool {
	switch a.Type {
	case nftaRedirRegProtoMin:
		return set32(a, &o.ProtoMin)
	case nftaRedirRegProtoMax:
		return set32(a, &o.ProtoMax)
	case nftaRedirFlags:
		return set32(a, &o.Flags)
	}
	return false
}

func (o *Redir) canonical() Op {
	return &Redir{o.ProtoMin, maxReg(o.ProtoMin, o.ProtoMax), o.Flags | protoFlag(o.ProtoMin)}
}

// Masq is source NAT to the outgoing device's address (nft_masq.c).
type Masq struct {
	ProtoMin, ProtoMax Reg
	Flags              uint32
}

// enum nft_masq_attributes.
const (
	nftaMasqFlags       = 1
	nftaMasqRegProtoMin = 2
	nftaMasqRegProtoMax = 3
)

func (o *Masq) Name() string   { return "masq" }
func (o *Masq) String() string { return portRange("masq", o.ProtoMin, o.ProtoMax, o.Flags) }

func (o *Masq) appendAttrs(b []byte) []byte {
	b = appendOptU32(b, nftaMasqFlags, o.Flags)
	b = appendOptReg(b, nftaMasqRegProtoMin, o.ProtoMin)
	return appendOptReg(b, nftaMasqRegProtoMax, o.ProtoMax)
}

func (o *Masq) take(a Attr) bool {
	switch a.Type {
	case nftaMasqFlags:
		return set32(a, &o.Flags)
	case nftaMasqRegProtoMin:
		return set32(a, &o.ProtoMin)
	case nftaMasqRegProtoMax:
		return set32(a, &o.ProtoMax)
	}
	return false
}

func (o *Masq) canonical() Op {
	return &Masq{o.ProtoMin, maxReg(o.ProtoMin, o.ProtoMax), o.Flags | protoFlag(o.ProtoMin)}
}
