package nft

// The operations of an extension header expression (enum nft_exthdr_op).
const (
	exthdrIPv6 uint32 = 0
	exthdrTCP  uint32 = 1
	exthdrIPv4 uint32 = 2
	exthdrSCTP uint32 = 3
	exthdrDCCP uint32 = 4
)

// exthdrPresent is NFT_EXTHDR_F_PRESENT.
const exthdrPresent uint32 = 1

// header is an extension header, an option or a chunk. Fields are as in [protocol].
type header struct {
	name   string
	op     uint32
	typ    uint8
	id     uint32 // nft's number of an IPv6 header in "typeof" notes (enum exthdr_desc_id); the others go by typ
	fields []field
}

func (h *header) find(off, bits uint32) *field {
	for i := range h.fields {
		if f := &h.fields[i]; f.off == off && f.bits == bits {
			return f
		}
	}
	return nil
}

// headersOf returns the headers of a kind and type. Routing headers share one type and differ in their fields.
func headersOf(op uint32, typ uint8) (found []*header) {
	for i := range headers {
		if h := &headers[i]; h.op == op && h.typ == typ {
			found = append(found, h)
		}
	}
	return found
}

// headers lists the IPv6 extension headers (RFC 8200, routing 0 RFC 2460, srh RFC 8754, mh RFC 6275), the TCP options (IANA TCP
// option kinds), the IPv4 options (RFC 791, router alert RFC 2113) and the SCTP chunks (RFC 9260, RFC 5061, RFC 3758).
var headers = append([]header{
	{name: "hbh", op: exthdrIPv6, typ: 0, id: 1, fields: []field{
		{name: "nexthdr", off: 0, bits: 8, typ: TypeInetProto}, {name: "hdrlength", off: 8, bits: 8, typ: TypeInteger}}},
	{name: "rt", op: exthdrIPv6, typ: 43, id: 2, fields: []field{
		{name: "nexthdr", off: 0, bits: 8, typ: TypeInetProto}, {name: "hdrlength", off: 8, bits: 8, typ: TypeInteger},
		{name: "type", off: 16, bits: 8, typ: TypeInteger}, {name: "seg-left", off: 24, bits: 8, typ: TypeInteger}}},
	{name: "srh", op: exthdrIPv6, typ: 43, id: 5, fields: []field{
		{name: "last-entry", off: 32, bits: 8, typ: TypeInteger}, {name: "flags", off: 40, bits: 8, typ: TypeInteger},
		{name: "tag", off: 48, bits: 16, typ: TypeInteger}, {name: "sid[1]", off: 64, bits: 128, typ: TypeIP6Addr},
		{name: "sid[2]", off: 192, bits: 128, typ: TypeIP6Addr}}},
	{name: "rt0", op: exthdrIPv6, typ: 43, id: 3, fields: []field{
		{name: "reserved", off: 32, bits: 32, typ: TypeInteger}, {name: "addr[1]", off: 64, bits: 128, typ: TypeIP6Addr},
		{name: "addr[2]", off: 192, bits: 128, typ: TypeIP6Addr}}},
	{name: "frag", op: exthdrIPv6, typ: 44, id: 6, fields: []field{
		{name: "nexthdr", off: 0, bits: 8, typ: TypeInetProto}, {name: "reserved", off: 8, bits: 8, typ: TypeInteger},
		{name: "frag-off", off: 16, bits: 13, typ: TypeInteger}, {name: "reserved2", off: 29, bits: 2, typ: TypeInteger},
		{name: "more-fragments", off: 31, bits: 1, typ: TypeInteger}, {name: "id", off: 32, bits: 32, typ: TypeInteger}}},
	{name: "dst", op: exthdrIPv6, typ: 60, id: 7, fields: []field{
		{name: "nexthdr", off: 0, bits: 8, typ: TypeInetProto}, {name: "hdrlength", off: 8, bits: 8, typ: TypeInteger}}},
	{name: "mh", op: exthdrIPv6, typ: 135, id: 8, fields: []field{
		{name: "nexthdr", off: 0, bits: 8, typ: TypeInetProto}, {name: "hdrlength", off: 8, bits: 8, typ: TypeInteger},
		{name: "type", off: 16, bits: 8, typ: TypeMHType}, {name: "reserved", off: 24, bits: 8, typ: TypeInteger},
		{name: "checksum", off: 32, bits: 16, typ: TypeInteger}}},

	{name: "eol", op: exthdrTCP, typ: 0, fields: tcpOption()[:1]},
	{name: "nop", op: exthdrTCP, typ: 1, fields: tcpOption()[:1]},
	{name: "maxseg", op: exthdrTCP, typ: 2, fields: tcpOption(field{name: "size", off: 16, bits: 16, typ: TypeInteger})},
	{name: "window", op: exthdrTCP, typ: 3, fields: tcpOption(field{name: "count", off: 16, bits: 8, typ: TypeInteger})},
	{name: "sack-perm", op: exthdrTCP, typ: 4, fields: tcpOption()},
	{name: "sack", op: exthdrTCP, typ: 5, fields: tcpOption(
		field{name: "left", off: 16, bits: 32, typ: TypeInteger}, field{name: "right", off: 48, bits: 32, typ: TypeInteger},
		field{name: "left", off: 80, bits: 32, typ: TypeInteger}, field{name: "right", off: 112, bits: 32, typ: TypeInteger},
		field{name: "left", off: 144, bits: 32, typ: TypeInteger}, field{name: "right", off: 176, bits: 32, typ: TypeInteger},
		field{name: "left", off: 208, bits: 32, typ: TypeInteger}, field{name: "right", off: 240, bits: 32, typ: TypeInteger})},
	{name: "timestamp", op: exthdrTCP, typ: 8, fields: tcpOption(
		field{name: "tsval", off: 16, bits: 32, typ: TypeInteger}, field{name: "tsecr", off: 48, bits: 32, typ: TypeInteger})},
	{name: "md5sig", op: exthdrTCP, typ: 19, fields: tcpOption()},
	{name: "mptcp", op: exthdrTCP, typ: 30, fields: tcpOption(field{name: "subtype", off: 16, bits: 4, typ: TypeInteger})},
	{name: "fastopen", op: exthdrTCP, typ: 34, fields: tcpOption()},

	{name: "rr", op: exthdrIPv4, typ: 7, fields: routeOption()},
	{name: "lsrr", op: exthdrIPv4, typ: 131, fields: routeOption()},
	{name: "ssrr", op: exthdrIPv4, typ: 137, fields: routeOption()},
	{name: "ra", op: exthdrIPv4, typ: 148, fields: []field{
		{name: "type", off: 0, bits: 8, typ: TypeInteger}, {name: "length", off: 8, bits: 8, typ: TypeInteger},
		{name: "value", off: 16, bits: 16, typ: TypeInteger}}},
}, sctpChunks()...)

func tcpOption(more ...field) []field {
	return append([]field{{name: "kind", off: 0, bits: 8, typ: TypeInteger}, {name: "length", off: 8, bits: 8, typ: TypeInteger}}, more...)
}

// routeOption holds an empty field where nft's numbering has the value of the router alert.
func routeOption() []field {
	return []field{
		{name: "type", off: 0, bits: 8, typ: TypeInteger}, {name: "length", off: 8, bits: 8, typ: TypeInteger}, {},
		{name: "ptr", off: 16, bits: 8, typ: TypeInteger}, {name: "addr", off: 24, bits: 32, typ: TypeInteger},
	}
}

func sctpChunks() []header {
	chunk := func(typ uint8, name string, more ...field) header {
		return header{name: name, op: exthdrSCTP, typ: typ, fields: append([]field{
			{name: "type", off: 0, bits: 8, typ: TypeInteger}, {name: "flags", off: 8, bits: 8, typ: TypeInteger},
			{name: "length", off: 16, bits: 16, typ: TypeInteger}}, more...)}
	}
	num := func(name string, off, bits uint32) field {
		return field{name: name, off: off, bits: bits, typ: TypeInteger}
	}
	init := []field{num("init-tag", 32, 32), num("a-rwnd", 64, 32), num("num-outbound-streams", 96, 16),
		num("num-inbound-streams", 112, 16), num("initial-tsn", 128, 32)}
	return []header{
		chunk(0, "data", num("tsn", 32, 32), num("stream", 64, 16), num("ssn", 80, 16), num("ppid", 96, 32)),
		chunk(1, "init", init...),
		chunk(2, "init-ack", init...),
		chunk(3, "sack", num("cum-tsn-ack", 32, 32), num("a-rwnd", 64, 32), num("num-gap-ack-blocks", 96, 16),
			num("num-dup-tsns", 112, 16)),
		chunk(4, "heartbeat"),
		chunk(5, "heartbeat-ack"),
		chunk(6, "abort"),
		chunk(7, "shutdown", num("cum-tsn-ack", 32, 32)),
		chunk(8, "shutdown-ack"),
		chunk(9, "error"),
		chunk(10, "cookie-echo"),
		chunk(11, "cookie-ack"),
		chunk(12, "ecne", num("lowest-tsn", 32, 32)),
		chunk(13, "cwr", num("lowest-tsn", 32, 32)),
		chunk(14, "shutdown-complete"),
		chunk(128, "asconf-ack", num("seqno", 32, 32)),
		chunk(192, "forward-tsn", num("new-cum-tsn", 32, 32)),
		chunk(193, "asconf", num("seqno", 32, 32)),
	}
}
