package bytecode

import "fmt"

// PayloadBase says what Payload.Offset counts from (enum nft_payload_bases).
type PayloadBase uint32

// The bases.
const (
	LinkHeader      PayloadBase = 0 // NFT_PAYLOAD_LL_HEADER
	NetworkHeader   PayloadBase = 1 // NFT_PAYLOAD_NETWORK_HEADER
	TransportHeader PayloadBase = 2 // NFT_PAYLOAD_TRANSPORT_HEADER
	InnerHeader     PayloadBase = 3 // NFT_PAYLOAD_INNER_HEADER, the transport payload
)

var payloadBaseNames = []string{"link", "network", "transport", "inner"}

func (b PayloadBase) String() string { return nameOf(payloadBaseNames, b) }

// enum nft_payload_attributes.
const (
	nftaPayloadDreg       = 1
	nftaPayloadBase       = 2
	nftaPayloadOffset     = 3
	nftaPayloadLen        = 4
	nftaPayloadSreg       = 5
	nftaPayloadCsumType   = 6
	nftaPayloadCsumOffset = 7
	nftaPayloadCsumFlags  = 8
)

// loadOrSet tells the two faces of the kernel's payload apart, as nft_payload_select_ops does.
func loadOrSet(data []byte) Op {
	if _, ok := FindAttr(data, nftaPayloadSreg); ok {
		return new(PayloadSet)
	}
	return new(Payload)
}

// Payload loads Len bytes of the packet into Dst; it breaks the rule off when they are not there (nft_payload.c).
type Payload struct {
	Base        PayloadBase
	Offset, Len uint32
	Dst         Reg
}

func (o *Payload) Name() string { return "payload" }
func (o *Payload) String() string {
	return fmt.Sprintf("payload load %db @ %s header + %d => reg %d", o.Len, o.Base, o.Offset, o.Dst)
}

func (o *Payload) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaPayloadDreg, o.Dst)
	b = AppendU32(b, nftaPayloadBase, uint32(o.Base))
	b = AppendU32(b, nftaPayloadOffset, o.Offset)
	return AppendU32(b, nftaPayloadLen, o.Len)
}

func (o *Payload) take(a Attr) bool {
	switch a.Type {
	case nftaPayloadDreg:
		return set32(a, &o.Dst)
	case nftaPayloadBase:
		return set32(a, &o.Base)
	case nftaPayloadOffset:
		return set32(a, &o.Offset)
	case nftaPayloadLen:
		return set32(a, &o.Len)
	}
	return false
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

func (o *PayloadSet) Name() string { return "payload" }
func (o *PayloadSet) String() string {
	return fmt.Sprintf("payload write reg %d => %db @ %s header + %d csum_type %d csum_off %d csum_flags 0x%x",
		o.Src, o.Len, o.Base, o.Offset, o.ChecksumType, o.ChecksumOffset, o.ChecksumFlags)
}

func (o *PayloadSet) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaPayloadSreg, o.Src)
	b = AppendU32(b, nftaPayloadBase, uint32(o.Base))
	b = AppendU32(b, nftaPayloadOffset, o.Offset)
	b = AppendU32(b, nftaPayloadLen, o.Len)
	b = AppendU32(b, nftaPayloadCsumType, o.ChecksumType)
	b = AppendU32(b, nftaPayloadCsumOffset, o.ChecksumOffset)
	return appendOptU32(b, nftaPayloadCsumFlags, o.ChecksumFlags)
}

func (o *PayloadSet) take(a Attr) bool {
	switch a.Type {
	case nftaPayloadSreg:
		return set32(a, &o.Src)
	case nftaPayloadBase:
		return set32(a, &o.Base)
	case nftaPayloadOffset:
		return set32(a, &o.Offset)
	case nftaPayloadLen:
		return set32(a, &o.Len)
	case nftaPayloadCsumType:
		return set32(a, &o.ChecksumType)
	case nftaPayloadCsumOffset:
		return set32(a, &o.ChecksumOffset)
	case nftaPayloadCsumFlags:
		return set32(a, &o.ChecksumFlags)
	}
	return false
}
