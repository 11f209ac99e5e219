package bytecode

// Dup sends a copy to Addr, out of the device whose index is in Dev (nft_dup_ipv4.c, nft_dup_netdev.c).
type Dup struct{ Addr, Dev Reg }

// enum nft_dup_attributes.
const (
	nftaDupSregAddr = 1
	nftaDupSregDev  = 2
)

func (o *Dup) Name() string { return "dup" }
func (o *Dup) String() string {
	return join("dup", optional{"sreg_addr %d", uint32(o.Addr)}, optional{"sreg_dev %d", uint32(o.Dev)})
}

func (o *Dup) appendAttrs(b []byte) []byte {
	b = appendOptReg(b, nftaDupSregAddr, o.Addr)
	return appendOptReg(b, nftaDupSregDev, o.Dev)
}

func (o *Dup) take(a Attr) bool {
	switch a.Type {
	case nftaDupSregAddr:
		return set32(a, &o.Addr)
	case nftaDupSregDev:
		return set32(a, &o.Dev)
	}
	return false
}

// Fwd forwards at ingress to the device whose index is in Dev, with Addr to the neighbour of that address (nft_fwd_netdev.c).
// NFProto (2 or 10) says which kind Addr is.
type Fwd struct {
	Dev, Addr Reg
	NFProto   uint32
}

// enum nft_fwd_attributes.
const (
	nftaFwdSregDev  = 1
	nftaFwdSregAddr = 2
	nftaFwdNfproto  = 3
)

func (o *Fwd) Name() string { return "fwd" }
func (o *Fwd) String() string {
	return join("fwd",
		optional{"sreg_dev %d", uint32(o.Dev)},
		optional{"sreg_addr %d", uint32(o.Addr)},
		optional{"nfproto %d", o.NFProto})
}

func (o *Fwd) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaFwdSregDev, o.Dev)
	b = appendOptReg(b, nftaFwdSregAddr, o.Addr)
	return appendOptU32(b, nftaFwdNfproto, o.NFProto)
}

func (o *Fwd) take(a Attr) bool {
	switch a.Type {
	case nftaFwdSregDev:
		return set32(a, &o.Dev)
	case nftaFwdSregAddr:
		return set32(a, &o.Addr)
	case nftaFwdNfproto:
		return set32(a, &o.NFProto)
	}
	return false
}

// FlowOffload moves the flow to a flowtable (nft_flow_offload.c).
type FlowOffload struct{ Table string }

const nftaFlowTableName = 1 // enum nft_offload_attributes

func (o *FlowOffload) Name() string   { return "flow_offload" }
func (o *FlowOffload) String() string { return "flow_offload flowtable " + o.Table }

func (o *FlowOffload) appendAttrs(b []byte) []byte {
	return AppendString(b, nftaFlowTableName, o.Table)
}

func (o *FlowOffload) take(a Attr) bool {
	return a.Type == nftaFlowTableName && setString(a, &o.Table)
}
