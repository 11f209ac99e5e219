package bytecode

import "fmt"

// Exthdr reads (Dst), writes (Src) or, with neither, resets an extension header or option (nft_exthdr.c).
// Op: 0 IPv6, 1 TCP option, 2 IPv4 option, 3 SCTP chunk, 4 DCCP option. Flags 1: test presence only.
type Exthdr struct {
	Op          uint32
	Type        uint8
	Offset, Len uint32
	Flags       uint32
	Dst, Src    Reg
}

// enum nft_exthdr_attributes.
const (
	nftaExthdrDreg   = 1
	nftaExthdrType   = 2
	nftaExthdrOffset = 3
	nftaExthdrLen    = 4
	nftaExthdrFlags  = 5
	nftaExthdrOp     = 6
	nftaExthdrSreg   = 7
)

// exthdrNames are the kinds that libnftnl names in its text; it leaves SCTP and DCCP out.
var exthdrNames = []string{" ipv6", " tcpopt", " ipv4", "", ""}

func (o *Exthdr) Name() string { return "exthdr" }
func (o *Exthdr) String() string {
	kind, present := "", ""
	if int(o.Op) < len(exthdrNames) {
		kind = exthdrNames[o.Op]
	}
	if o.Flags&1 != 0 {
		present = " present"
	}
	switch {
	case o.Dst != 0:
		return fmt.Sprintf("exthdr load%s %db @ %d + %d%s => reg %d", kind, o.Len, o.Type, o.Offset, present, o.Dst)
	case o.Src != 0:
		return fmt.Sprintf("exthdr write%s reg %d => %db @ %d + %d", kind, o.Src, o.Len, o.Type, o.Offset)
	}
	return fmt.Sprintf("exthdr reset%s %d", kind, o.Type)
}

func (o *Exthdr) appendAttrs(b []byte) []byte {
	b = appendOptReg(b, nftaExthdrDreg, o.Dst)
	b = appendOptReg(b, nftaExthdrSreg, o.Src)
	b = AppendU8(b, nftaExthdrType, o.Type)
	if o.Dst != 0 || o.Src != 0 { // a reset must not have them (nft_exthdr_tcp_strip_init)
		b = AppendU32(b, nftaExthdrOffset, o.Offset)
		b = AppendU32(b, nftaExthdrLen, o.Len)
		b = appendOptU32(b, nftaExthdrFlags, o.Flags)
	}
	return AppendU32(b, nftaExthdrOp, o.Op)
}

func (o *Exthdr) take(a Attr) bool {
	switch a.Type {
	case nftaExthdrDreg:
		return set32(a, &o.Dst)
	case nftaExthdrType:
		return set8(a, &o.Type)
	case nftaExthdrOffset:
		return set32(a, &o.Offset)
	case nftaExthdrLen:
		return set32(a, &o.Len)
	case nftaExthdrFlags:
		return set32(a, &o.Flags)
	case nftaExthdrOp:
		return set32(a, &o.Op)
	case nftaExthdrSreg:
		return set32(a, &o.Src)
	}
	return false
}
