package nft

// byteOrder is the byte order of a value in a register.
type byteOrder uint8

const (
	netOrder byteOrder = iota
	hostOrder
)

// baseKind is the family of datatypes that a datatype belongs to.
type baseKind uint8

const (
	integerKind baseKind = iota
	bitmaskKind          // a set of flags
	stringKind
	otherKind
)

// typeInfo describes a datatype.
type typeInfo struct {
	name   string
	bits   uint32 // 0: it varies
	order  byteOrder
	kind   baseKind
	hex    int  // digits of a number in hexadecimal: 0 decimal, -1 as many as needed
	prefix bool // masks of leading ones print as a prefix
	quoted bool // symbols print in quotes
	// symbols are the names of values, the first of a value prints.
	symbols []symbol
}

type symbol struct {
	name  string
	value uint64
}

// types is by datatype, with nft's names (nft(8), "DATA TYPES"; "nft describe").
var types = []*typeInfo{
	TypeInvalid:     {name: "invalid", kind: otherKind, hex: -1},
	TypeVerdict:     {name: "verdict", bits: 128, kind: otherKind},
	TypeNfproto:     {name: "nf_proto", bits: 8, order: hostOrder, symbols: nfprotoSymbols},
	TypeBitmask:     {name: "bitmask", kind: bitmaskKind, hex: -1},
	TypeInteger:     {name: "integer"},
	TypeString:      {name: "string", order: hostOrder, kind: stringKind},
	TypeLLAddr:      {name: "ll_addr"},
	TypeIPAddr:      {name: "ipv4_addr", bits: 32, prefix: true},
	TypeIP6Addr:     {name: "ipv6_addr", bits: 128, prefix: true},
	TypeEtherAddr:   {name: "ether_addr", bits: 48},
	TypeEtherType:   {name: "ether_type", bits: 16, hex: 4, symbols: etherTypeSymbols},
	TypeArpOp:       {name: "arp_op", bits: 16, symbols: arpOpSymbols},
	TypeInetProto:   {name: "inet_proto", bits: 8, symbols: inetProtoSymbols},
	TypeInetService: {name: "inet_service", bits: 16},
	TypeICMPType:    {name: "icmp_type", bits: 8, symbols: icmpTypeSymbols},
	TypeTCPFlag:     {name: "tcp_flag", bits: 8, kind: bitmaskKind, hex: -1, symbols: tcpFlagSymbols},
	TypeDCCPType:    {name: "dccp_pkttype", bits: 4, symbols: dccpTypeSymbols},
	TypeMHType:      {name: "mh_type", bits: 8, symbols: mhTypeSymbols},
	TypeTime:        {name: "time", bits: 32, order: hostOrder},
	TypeMark:        {name: "mark", bits: 32, order: hostOrder, hex: 8, prefix: true},
	TypeIfindex:     {name: "iface_index", bits: 32, order: hostOrder},
	TypeArphrd:      {name: "iface_type", bits: 16, order: hostOrder, symbols: arphrdSymbols},
	TypeRealm:       {name: "realm", bits: 32, order: hostOrder, prefix: true, quoted: true, symbols: realmSymbols},
	TypeClassid:     {name: "classid", bits: 32, order: hostOrder},
	TypeUID:         {name: "uid", bits: 32, order: hostOrder},
	TypeGID:         {name: "gid", bits: 32, order: hostOrder},
	TypeCtState:     {name: "ct_state", bits: 32, order: hostOrder, kind: bitmaskKind, hex: -1, symbols: ctStateSymbols},
	TypeCtDir:       {name: "ct_dir", bits: 8, symbols: ctDirSymbols},
	TypeCtStatus:    {name: "ct_status", bits: 32, order: hostOrder, kind: bitmaskKind, hex: -1, symbols: ctStatusSymbols},
	TypeICMP6Type:   {name: "icmpv6_type", bits: 8, symbols: icmp6TypeSymbols},
	TypeCtLabel:     {name: "ct_label", bits: 128, order: hostOrder, kind: bitmaskKind},
	TypePkttype:     {name: "pkt_type", bits: 8, order: hostOrder, symbols: pkttypeSymbols},
	TypeICMPCode:    {name: "icmp_code", bits: 8, symbols: icmpCodeSymbols},
	TypeICMPv6Code:  {name: "icmpv6_code", bits: 8, symbols: icmp6CodeSymbols},
	TypeICMPXCode:   {name: "icmpx_code", bits: 8, symbols: icmpxCodeSymbols},
	TypeDevgroup:    {name: "devgroup", bits: 32, order: hostOrder, prefix: true, quoted: true, symbols: devgroupSymbols},
	TypeDSCP:        {name: "dscp", bits: 6, hex: 2, symbols: dscpSymbols},
	TypeECN:         {name: "ecn", bits: 2, hex: 1, symbols: ecnSymbols},
	TypeFibAddr:     {name: "fib_addrtype", bits: 32, order: hostOrder, symbols: fibAddrSymbols},
	TypeBoolean:     {name: "boolean", bits: 1, order: hostOrder, symbols: booleanSymbols},
	TypeCtEventbit:  {name: "ct_event", bits: 32, order: hostOrder, kind: bitmaskKind, hex: -1, symbols: ctEventSymbols},
	TypeIfname:      {name: "ifname", bits: 128, order: hostOrder, kind: stringKind},
	TypeIGMPType:    {name: "igmp_type", bits: 8, symbols: igmpTypeSymbols},
	TypeTimeDate:    {name: "time", bits: 64, order: hostOrder},
	TypeTimeHour:    {name: "hour", bits: 32, order: hostOrder},
	TypeTimeDay:     {name: "day", bits: 8, order: hostOrder, quoted: true, symbols: daySymbols},
	TypeCgroupV2:    {name: "cgroupsv2", bits: 64, order: hostOrder},
}

// info returns the description of a datatype; of the invalid one for a number that nft does not know.
func (d Datatype) info() *typeInfo {
	if int(d) < len(types) && types[d] != nil {
		return types[d]
	}
	return types[TypeInvalid]
}

// bytes is the size of a value of the datatype; 0 when it varies.
func (d Datatype) bytes() int { return int(d.info().bits+7) / 8 }

func (t *typeInfo) symbol(v uint64) (string, bool) {
	for _, s := range t.symbols {
		if s.value == v {
			return s.name, true
		}
	}
	return "", false
}
