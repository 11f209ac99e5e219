package bytecode

import "slices"

// MetaKey is a kind of packet metadata (enum nft_meta_keys).
type MetaKey uint32

// The keys, with the kernel's numbers.
const (
	MetaLen         MetaKey = 0
	MetaProtocol    MetaKey = 1
	MetaPriority    MetaKey = 2
	MetaMark        MetaKey = 3
	MetaIif         MetaKey = 4
	MetaOif         MetaKey = 5
	MetaIifname     MetaKey = 6
	MetaOifname     MetaKey = 7
	MetaIiftype     MetaKey = 8
	MetaOiftype     MetaKey = 9
	MetaSkuid       MetaKey = 10
	MetaSkgid       MetaKey = 11
	MetaNftrace     MetaKey = 12
	MetaRtclassid   MetaKey = 13
	MetaSecmark     MetaKey = 14
	MetaNfproto     MetaKey = 15
	MetaL4proto     MetaKey = 16
	MetaBriIifname  MetaKey = 17
	MetaBriOifname  MetaKey = 18
	MetaPkttype     MetaKey = 19
	MetaCPU         MetaKey = 20
	MetaIifgroup    MetaKey = 21
	MetaOifgroup    MetaKey = 22
	MetaCgroup      MetaKey = 23
	MetaPrandom     MetaKey = 24
	MetaSecpath     MetaKey = 25
	MetaIifkind     MetaKey = 26
	MetaOifkind     MetaKey = 27
	MetaBriIifpvid  MetaKey = 28
	MetaBriIifvprot MetaKey = 29
	MetaTimeNs      MetaKey = 30
	MetaTimeDay     MetaKey = 31
	MetaTimeHour    MetaKey = 32
	MetaSdif        MetaKey = 33
	MetaSdifname    MetaKey = 34
	MetaBroute      MetaKey = 35
)

var metaKeys = slices.Concat(
	[]keyName{{"len", "length"}},
	plain("protocol", "priority", "mark", "iif", "oif", "iifname", "oifname", "iiftype", "oiftype", "skuid", "skgid", "nftrace",
		"rtclassid", "secmark", "nfproto", "l4proto"),
	[]keyName{{"bri_iifname", "ibrname"}, {"bri_oifname", "obrname"}},
	plain("pkttype", "cpu", "iifgroup", "oifgroup", "cgroup"),
	[]keyName{{"prandom", "random"}, {"secpath", "ipsec"}},
	plain("iifkind", "oifkind"),
	[]keyName{{"bri_iifpvid", "ibrpvid"}, {"bri_iifvproto", "ibrvproto"}},
	plain("time", "day", "hour", "sdif", "sdifname", "broute"))

// String is the key's name in the text of --debug=netlink (libnftnl), "unknown" if it has none.
func (k MetaKey) String() string { return keyNameOf(metaKeys, k).debug }

// Keyword is the key's name in nft's language, its number in hexadecimal if it has none.
func (k MetaKey) Keyword() string { return keyNameOf(metaKeys, k).keyword }

// ParseMetaKey reads a keyword of nft's language.
func ParseMetaKey(s string) (MetaKey, error) { return parseKey[MetaKey](metaKeys, "meta", s) }

// CtKey is a kind of conntrack data (enum nft_ct_keys).
type CtKey uint32

// The keys, with the kernel's numbers.
const (
	CtState      CtKey = 0
	CtDirection  CtKey = 1
	CtStatus     CtKey = 2
	CtMark       CtKey = 3
	CtSecmark    CtKey = 4
	CtExpiration CtKey = 5
	CtHelperName CtKey = 6
	CtL3proto    CtKey = 7
	CtSrc        CtKey = 8
	CtDst        CtKey = 9
	CtProtocol   CtKey = 10
	CtProtoSrc   CtKey = 11
	CtProtoDst   CtKey = 12
	CtLabels     CtKey = 13
	CtPkts       CtKey = 14
	CtBytes      CtKey = 15
	CtAvgpkt     CtKey = 16
	CtZone       CtKey = 17
	CtEventmask  CtKey = 18
	CtSrcIP      CtKey = 19
	CtDstIP      CtKey = 20
	CtSrcIP6     CtKey = 21
	CtDstIP6     CtKey = 22
	CtID         CtKey = 23
)

var ctKeys = slices.Concat(
	plain("state", "direction", "status", "mark", "secmark", "expiration", "helper"),
	[]keyName{{"l3protocol", "l3proto"}, {"src", "saddr"}, {"dst", "daddr"}},
	plain("protocol"),
	[]keyName{{"proto_src", "proto-src"}, {"proto_dst", "proto-dst"}},
	plain("label", "packets", "bytes", "avgpkt", "zone", "event"),
	[]keyName{{"src_ip", "ip saddr"}, {"dst_ip", "ip daddr"}, {"src_ip6", "ip6 saddr"}, {"dst_ip6", "ip6 daddr"}},
	plain("id"))

// String is the key's name in the text of --debug=netlink (libnftnl), "unknown" if it has none.
func (k CtKey) String() string { return keyNameOf(ctKeys, k).debug }

// Keyword is the key's name in nft's language, its number in hexadecimal if it has none.
func (k CtKey) Keyword() string { return keyNameOf(ctKeys, k).keyword }

// ParseCtKey reads a keyword of nft's language.
func ParseCtKey(s string) (CtKey, error) { return parseKey[CtKey](ctKeys, "ct", s) }

// SocketKey is a socket attribute (enum nft_socket_keys).
type SocketKey uint32

// The keys.
const (
	SocketTransparent SocketKey = 0
	SocketMark        SocketKey = 1
	SocketWildcard    SocketKey = 2
	SocketCgroupV2    SocketKey = 3
)

var socketKeys = []string{"transparent", "mark", "wildcard", "cgroupv2"}

// String is the key's name in nft, "unknown" if it has none.
func (k SocketKey) String() string { return nameOf(socketKeys, k) }
