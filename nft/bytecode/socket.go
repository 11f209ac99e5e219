package bytecode

import "fmt"

// TProxy hands the packet to a transparent socket, or breaks the rule off when there is none (nft_tproxy.c). Family 0
// stands for both families of an inet table.
type TProxy struct {
	Family     Family
	Addr, Port Reg
}

// enum nft_tproxy_attributes.
const (
	nftaTproxyFamily  = 1
	nftaTproxyRegAddr = 2
	nftaTproxyRegPort = 3
)

func (o *TProxy) Name() string { return "tproxy" }
func (o *TProxy) String() string {
	head := "tproxy"
	if o.Family != Unspec {
		head += " " + o.Family.String()
	}
	return join(head, optional{"addr reg %d", uint32(o.Addr)}, optional{"port reg %d", uint32(o.Port)})
}

func (o *TProxy) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaTproxyFamily, uint32(o.Family))
	b = appendOptReg(b, nftaTproxyRegAddr, o.Addr)
	return appendOptReg(b, nftaTproxyRegPort, o.Port)
}

func (o *TProxy) take(a Attr) bool {
	switch a.Type {
	case nftaTproxyFamily:
		return setFamily(a, &o.Family)
	case nftaTproxyRegAddr:
		return set32(a, &o.Addr)
	case nftaTproxyRegPort:
		return set32(a, &o.Port)
	}
	return false
}

// Socket reads an attribute of the packet's socket (nft_socket.c). Level belongs to cgroupv2: how deep below the root.
type Socket struct {
	Key   SocketKey
	Level uint32
	Dst   Reg
}

// enum nft_socket_attributes.
const (
	nftaSocketKey   = 1
	nftaSocketDreg  = 2
	nftaSocketLevel = 3
)

func (o *Socket) Name() string   { return "socket" }
func (o *Socket) String() string { return fmt.Sprintf("socket load %s => reg %d", o.Key, o.Dst) }

func (o *Socket) appendAttrs(b []byte) []byte {
	b = AppendU32(b, nftaSocketKey, uint32(o.Key))
	b = appendReg(b, nftaSocketDreg, o.Dst)
	return appendOptU32(b, nftaSocketLevel, o.Level)
}

func (o *Socket) take(a Attr) bool {
	switch a.Type {
	case nftaSocketKey:
		return set32(a, &o.Key)
	case nftaSocketDreg:
		return set32(a, &o.Dst)
	case nftaSocketLevel:
		return set32(a, &o.Level)
	}
	return false
}

// Synproxy answers SYNs (nft_synproxy.c). Flags are NF_SYNPROXY_OPT_*.
type Synproxy struct {
	MSS    uint16
	Wscale uint8
	Flags  uint32
}

// enum nft_synproxy_attributes.
const (
	nftaSynproxyMss    = 1
	nftaSynproxyWscale = 2
	nftaSynproxyFlags  = 3
)

func (o *Synproxy) Name() string   { return "synproxy" }
func (o *Synproxy) String() string { return fmt.Sprintf("synproxy mss %d wscale %d", o.MSS, o.Wscale) }

func (o *Synproxy) appendAttrs(b []byte) []byte {
	b = AppendU16(b, nftaSynproxyMss, o.MSS)
	b = AppendU8(b, nftaSynproxyWscale, o.Wscale)
	return AppendU32(b, nftaSynproxyFlags, o.Flags)
}

func (o *Synproxy) take(a Attr) bool {
	switch a.Type {
	case nftaSynproxyMss:
		return set16(a, &o.MSS)
	case nftaSynproxyWscale:
		return set8(a, &o.Wscale)
	case nftaSynproxyFlags:
		return set32(a, &o.Flags)
	}
	return false
}

// Osf fingerprints the sender's TCP stack (nft_osf.c). Flags 1: with the version.
type Osf struct {
	Dst   Reg
	TTL   uint8
	Flags uint32
}

// enum nft_osf_attributes.
const (
	nftaOsfDreg  = 1
	nftaOsfTTL   = 2
	nftaOsfFlags = 3
)

func (o *Osf) Name() string   { return "osf" }
func (o *Osf) String() string { return fmt.Sprintf("osf dreg %d", o.Dst) }

func (o *Osf) appendAttrs(b []byte) []byte {
	b = appendReg(b, nftaOsfDreg, o.Dst)
	b = AppendU8(b, nftaOsfTTL, o.TTL)
	return appendOptU32(b, nftaOsfFlags, o.Flags)
}

func (o *Osf) take(a Attr) bool {
	switch a.Type {
	case nftaOsfDreg:
		return set32(a, &o.Dst)
	case nftaOsfTTL:
		return set8(a, &o.TTL)
	case nftaOsfFlags:
		return set32(a, &o.Flags)
	}
	return false
}
