package nft

import "rechain/nft/bytecode"

// keyInfo describes what a key of an expression loads.
type keyInfo struct {
	name  string
	typ   Datatype
	bits  uint32
	order byteOrder
}

// metaKeys is by key of [Meta] (nft(8), "META EXPRESSIONS").
var metaKeys = map[bytecode.MetaKey]keyInfo{
	bytecode.MetaLen:         {"length", TypeInteger, 32, hostOrder},
	bytecode.MetaProtocol:    {"protocol", TypeEtherType, 16, netOrder},
	bytecode.MetaPriority:    {"priority", TypeClassid, 32, hostOrder},
	bytecode.MetaMark:        {"mark", TypeMark, 32, hostOrder},
	bytecode.MetaIif:         {"iif", TypeIfindex, 32, hostOrder},
	bytecode.MetaOif:         {"oif", TypeIfindex, 32, hostOrder},
	bytecode.MetaIifname:     {"iifname", TypeIfname, 128, hostOrder},
	bytecode.MetaOifname:     {"oifname", TypeIfname, 128, hostOrder},
	bytecode.MetaIiftype:     {"iiftype", TypeArphrd, 16, hostOrder},
	bytecode.MetaOiftype:     {"oiftype", TypeArphrd, 16, hostOrder},
	bytecode.MetaSkuid:       {"skuid", TypeUID, 32, hostOrder},
	bytecode.MetaSkgid:       {"skgid", TypeGID, 32, hostOrder},
	bytecode.MetaNftrace:     {"nftrace", TypeInteger, 8, hostOrder},
	bytecode.MetaRtclassid:   {"rtclassid", TypeRealm, 32, hostOrder},
	bytecode.MetaSecmark:     {"secmark", TypeInteger, 32, hostOrder},
	bytecode.MetaNfproto:     {"nfproto", TypeNfproto, 8, hostOrder},
	bytecode.MetaL4proto:     {"l4proto", TypeInetProto, 8, hostOrder},
	bytecode.MetaBriIifname:  {"ibrname", TypeIfname, 128, hostOrder},
	bytecode.MetaBriOifname:  {"obrname", TypeIfname, 128, hostOrder},
	bytecode.MetaPkttype:     {"pkttype", TypePkttype, 8, hostOrder},
	bytecode.MetaCPU:         {"cpu", TypeInteger, 32, hostOrder},
	bytecode.MetaIifgroup:    {"iifgroup", TypeDevgroup, 32, hostOrder},
	bytecode.MetaOifgroup:    {"oifgroup", TypeDevgroup, 32, hostOrder},
	bytecode.MetaCgroup:      {"cgroup", TypeInteger, 32, hostOrder},
	bytecode.MetaPrandom:     {"random", TypeInteger, 32, netOrder}, // a random number has no order; nft takes it as it is
	bytecode.MetaSecpath:     {"ipsec", TypeBoolean, 8, hostOrder},
	bytecode.MetaIifkind:     {"iifkind", TypeIfname, 128, hostOrder},
	bytecode.MetaOifkind:     {"oifkind", TypeIfname, 128, hostOrder},
	bytecode.MetaBriIifpvid:  {"ibrpvid", TypeInteger, 16, hostOrder},
	bytecode.MetaBriIifvprot: {"ibrvproto", TypeEtherType, 16, netOrder},
	bytecode.MetaTimeNs:      {"time", TypeTimeDate, 64, hostOrder},
	bytecode.MetaTimeDay:     {"day", TypeTimeDay, 8, hostOrder},
	bytecode.MetaTimeHour:    {"hour", TypeTimeHour, 32, hostOrder},
	bytecode.MetaSdif:        {"sdif", TypeIfindex, 32, hostOrder},
	bytecode.MetaSdifname:    {"sdifname", TypeIfname, 128, hostOrder},
	bytecode.MetaBroute:      {"broute", TypeInteger, 8, hostOrder},
}

// metaBare are the keys that print without the word "meta".
var metaBare = map[bytecode.MetaKey]bool{
	bytecode.MetaIif: true, bytecode.MetaOif: true, bytecode.MetaIifname: true, bytecode.MetaOifname: true,
	bytecode.MetaIifgroup: true, bytecode.MetaOifgroup: true,
}

// ctKeys is by key of [CT] (nft(8), "CONNTRACK EXPRESSIONS"). The old address keys and the ports take their datatype from
// the protocol of the rule.
var ctKeys = map[bytecode.CtKey]keyInfo{
	bytecode.CtState:      {"state", TypeCtState, 32, hostOrder},
	bytecode.CtDirection:  {"direction", TypeCtDir, 8, hostOrder},
	bytecode.CtStatus:     {"status", TypeCtStatus, 32, hostOrder},
	bytecode.CtMark:       {"mark", TypeMark, 32, hostOrder},
	bytecode.CtSecmark:    {"secmark", TypeInteger, 32, hostOrder},
	bytecode.CtExpiration: {"expiration", TypeTime, 32, hostOrder},
	bytecode.CtHelperName: {"helper", TypeString, 128, hostOrder},
	bytecode.CtL3proto:    {"l3proto", TypeNfproto, 8, hostOrder},
	bytecode.CtSrc:        {"saddr", TypeInvalid, 0, netOrder},
	bytecode.CtDst:        {"daddr", TypeInvalid, 0, netOrder},
	bytecode.CtProtocol:   {"protocol", TypeInetProto, 8, netOrder},
	bytecode.CtProtoSrc:   {"proto-src", TypeInetService, 16, netOrder},
	bytecode.CtProtoDst:   {"proto-dst", TypeInetService, 16, netOrder},
	bytecode.CtLabels:     {"label", TypeCtLabel, 128, hostOrder},
	bytecode.CtPkts:       {"packets", TypeInteger, 64, hostOrder},
	bytecode.CtBytes:      {"bytes", TypeInteger, 64, hostOrder},
	bytecode.CtAvgpkt:     {"avgpkt", TypeInteger, 64, hostOrder},
	bytecode.CtZone:       {"zone", TypeInteger, 16, hostOrder},
	bytecode.CtEventmask:  {"event", TypeCtEventbit, 32, hostOrder},
	bytecode.CtSrcIP:      {"ip saddr", TypeIPAddr, 32, netOrder},
	bytecode.CtDstIP:      {"ip daddr", TypeIPAddr, 32, netOrder},
	bytecode.CtSrcIP6:     {"ip6 saddr", TypeIP6Addr, 128, netOrder},
	bytecode.CtDstIP6:     {"ip6 daddr", TypeIP6Addr, 128, netOrder},
	bytecode.CtID:         {"id", TypeInteger, 32, netOrder},
}

// socketKeys is by key of [Socket].
var socketKeys = map[bytecode.SocketKey]keyInfo{
	bytecode.SocketTransparent: {"transparent", TypeInteger, 8, hostOrder},
	bytecode.SocketMark:        {"mark", TypeMark, 32, hostOrder},
	bytecode.SocketWildcard:    {"wildcard", TypeInteger, 8, hostOrder},
	bytecode.SocketCgroupV2:    {"cgroupv2", TypeCgroupV2, 64, hostOrder},
}

// rtKeys is by key of [Rt] (enum nft_rt_keys).
var rtKeys = map[uint32]struct {
	family string
	keyInfo
}{
	0: {"", keyInfo{"classid", TypeRealm, 32, hostOrder}},
	1: {"ip", keyInfo{"nexthop", TypeIPAddr, 32, netOrder}},
	2: {"ip6", keyInfo{"nexthop", TypeIP6Addr, 128, netOrder}},
	3: {"", keyInfo{"mtu", TypeInteger, 16, hostOrder}},
	4: {"", keyInfo{"ipsec", TypeBoolean, 8, hostOrder}},
}

// xfrmKeys is by key of [Xfrm] (enum nft_xfrm_keys).
var xfrmKeys = map[uint32]struct {
	family string
	keyInfo
}{
	1: {"ip", keyInfo{"daddr", TypeIPAddr, 32, netOrder}},
	2: {"ip6", keyInfo{"daddr", TypeIP6Addr, 128, netOrder}},
	3: {"ip", keyInfo{"saddr", TypeIPAddr, 32, netOrder}},
	4: {"ip6", keyInfo{"saddr", TypeIP6Addr, 128, netOrder}},
	5: {"", keyInfo{"reqid", TypeInteger, 32, hostOrder}},
	6: {"", keyInfo{"spi", TypeInteger, 32, netOrder}},
}

// tunnelKeys is by key of [Tunnel] (enum nft_tunnel_keys).
var tunnelKeys = map[uint32]keyInfo{
	0: {"path", TypeBoolean, 8, hostOrder},
	1: {"id", TypeInteger, 32, hostOrder},
}

// The result types of [Fib] (enum nft_fib_result).
var fibResults = map[uint32]keyInfo{
	1: {"oif", TypeIfindex, 32, hostOrder},
	2: {"oifname", TypeString, 128, hostOrder},
	3: {"type", TypeFibAddr, 32, hostOrder},
}

// fibFlags are the flags of [Fib] in their order of bits (enum nft_fib_flags); the next one, fibPresent, asks only whether there
// is a route.
var fibFlags = []string{"saddr", "daddr", "mark", "iif", "oif"}

const fibPresent = 1 << 5
