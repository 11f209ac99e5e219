package bytecode

import (
	"fmt"
	"strings"
)

// Fib asks the routing tables (nft_fib.c). Flags: 1 saddr, 2 daddr, 4 mark, 8 iif, 16 oif, 32 present. Result: 1 oif, 2 oifname, 3 addrtype.
type Fib struct {
	Flags, Result uint32
	Dst           Reg
}

// enum nft_fib_attributes.
const (
	nftaFibDreg   = 1
	nftaFibResult = 2
	nftaFibFlags  = 3
)

const fibPresent = 1 << 5 // NFTA_FIB_F_PRESENT

var (
	fibFlagNames   = []string{"saddr", "daddr", "mark", "iif", "oif"} // by bit
	fibResultNames = []string{"", "oif", "oifname", "type"}
)

func (o *Fib) Name() string { return "fib" }
func (o *Fib) String() string {
	var keys []string
	rest := o.Flags &^ fibPresent
	for i, n := range fibFlagNames {
		if rest&(1<<i) != 0 {
			keys = append(keys, n)
			rest &^= 1 << i
		}
	}
	if rest != 0 {
		keys = append(keys, fmt.Sprintf("unknown 0x%x", rest))
	}
	result := nameOf(fibResultNames, o.Result)
	if o.Flags&fibPresent != 0 {
		result += " present"
	}
	return fmt.Sprintf("fib %s %s => reg %d", strings.Join(keys, " . "), result, o.Dst)
}

func (o *Fib) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaFibFlags, o.Flags)
	b = AppendU32(b, nftaFibResult, o.Result)
	return appendReg(b, nftaFibDreg, o.Dst)
}

func (o *Fib) take(a Attr) bool {
	switch a.Type {
	case nftaFibDreg:
		return set32(a, &o.Dst)
	case nftaFibResult:
		return set32(a, &o.Result)
	case nftaFibFlags:
		return set32(a, &o.Flags)
	}
	return false
}

// Rt reads routing data (nft_rt.c). Key: 0 classid, 1 nexthop4, 2 nexthop6, 3 tcpmss, 4 xfrm.
type Rt struct {
	Key uint32
	Dst Reg
}

// enum nft_rt_attributes.
const (
	nftaRtDreg = 1
	nftaRtKey  = 2
)

var rtNames = []string{"classid", "nexthop4", "nexthop6", "tcpmss", "ipsec"}

func (o *Rt) Name() string { return "rt" }
func (o *Rt) String() string {
	return fmt.Sprintf("rt load %s => reg %d", nameOf(rtNames, o.Key), o.Dst)
}

func (o *Rt) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaRtKey, o.Key)
	return appendReg(b, nftaRtDreg, o.Dst)
}

func (o *Rt) take(a Attr) bool {
	switch a.Type {
	case nftaRtDreg:
		return set32(a, &o.Dst)
	case nftaRtKey:
		return set32(a, &o.Key)
	}
	return false
}

// Xfrm reads IPsec state (nft_xfrm.c). Dir 0 in, 1 out. Key is of enum nft_xfrm_keys, Spnr counts the states of a bundle.
type Xfrm struct {
	Dst  Reg
	Key  uint32
	Dir  uint8
	Spnr uint32
}

// enum nft_xfrm_attributes.
const (
	nftaXfrmDreg  = 1
	nftaXfrmKey   = 2
	nftaXfrmDir   = 3
	nftaXfrmSpnum = 4
)

var (
	xfrmDirNames = []string{"in", "out"}
	xfrmKeyNames = []string{"", "daddr4", "daddr6", "saddr4", "saddr6", "reqid", "spi"}
)

func (o *Xfrm) Name() string { return "xfrm" }
func (o *Xfrm) String() string {
	return fmt.Sprintf("xfrm load %s %d %s => reg %d", nameOf(xfrmDirNames, o.Dir), o.Spnr, nameOf(xfrmKeyNames, o.Key), o.Dst)
}

func (o *Xfrm) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaXfrmKey, o.Key)
	b = AppendU8(b, nftaXfrmDir, o.Dir)
	b = AppendU32(b, nftaXfrmSpnum, o.Spnr)
	return appendReg(b, nftaXfrmDreg, o.Dst)
}

func (o *Xfrm) take(a Attr) bool {
	switch a.Type {
	case nftaXfrmDreg:
		return set32(a, &o.Dst)
	case nftaXfrmKey:
		return set32(a, &o.Key)
	case nftaXfrmDir:
		return set8(a, &o.Dir)
	case nftaXfrmSpnum:
		return set32(a, &o.Spnr)
	}
	return false
}

// Tunnel reads tunnel metadata (nft_tunnel.c). Key: 0 whether there is any, 1 the id. Mode: 0 any, 1 received, 2 to be sent.
type Tunnel struct {
	Key, Mode uint32
	Dst       Reg
}

// enum nft_tunnel_attributes.
const (
	nftaTunnelKey  = 1
	nftaTunnelDreg = 2
	nftaTunnelMode = 3
)

var tunnelNames = []string{"path", "id"}

func (o *Tunnel) Name() string { return "tunnel" }
func (o *Tunnel) String() string {
	return fmt.Sprintf("tunnel load %s => reg %d", nameOf(tunnelNames, o.Key), o.Dst)
}

func (o *Tunnel) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaTunnelKey, o.Key)
	b = appendReg(b, nftaTunnelDreg, o.Dst)
	return appendOptU32(b, nftaTunnelMode, o.Mode)
}

func (o *Tunnel) take(a Attr) bool {
	switch a.Type {
	case nftaTunnelKey:
		return set32(a, &o.Key)
	case nftaTunnelDreg:
		return set32(a, &o.Dst)
	case nftaTunnelMode:
		return set32(a, &o.Mode)
	}
	return false
}
