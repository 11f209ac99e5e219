package packet

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fibTypes are the fields of what the routes say of an address (fib_info's RTN_*), as nft names them; one for each device that may be
// asked with it.
func fibTypes(side string) []Field {
	var out []Field
	for _, with := range []string{"", " . iif", " . oif"} {
		out = append(out, Field{"fib " + side + with + " type", 32, Hex})
	}
	return out
}

// reversePath says that an answer would go out by the device that the packet came in by.
var reversePath = Field{"fib saddr . iif oif exists", 8, Hex}

// tupleFields are those of a connection's addresses.
func tupleFields() (out []Field) {
	for _, reply := range []bool{false, true} {
		for _, f := range []Field{IPv4Src, IPv4Dst, IPv6Src, IPv6Dst, SrcPort, DstPort} {
			out = append(out, CTTuple(reply, f))
		}
	}
	return out
}

// lineFields are those that a line can name, in the order in which it is written.
var lineFields = slices.Concat([]Field{
	L4Proto, IPv4Src, IPv6Src, SrcPort, IPv4Dst, IPv6Dst, DstPort, // these stand for themselves
	Iif, Oif, TCPFlags, ICMPType, ICMPCode, HasSocket, UID, GID, Mark,
	CTState, CTReply, CTStatus, CTMark, CTLabel, CTZone, CTExpires, CTProto, HasHelper, CTHelper,
	DSCP, ECN, TTL, Length, FragOffset, FragFlags, HasTransport,
	IPv4Version, IPv4IHL, IPv4Length, IPv4ID, IPv4Checksum, IPv6Version, IPv6Flow, IPv6Length, IPv6Next,
	TCPSeq, TCPAck, TCPDoff, TCPReserved, TCPWindow, TCPChecksum, TCPUrgent, TCPMSS, UDPLength, UDPChecksum,
	ESPSPI, AHSPI, AHNext, AHLength, AHReserved, CompNext, CompFlags, CompCPI,
	IifIndex, OifIndex, IifGroup, OifGroup, IifType, OifType, PktType, Priority, CPU, Realm, Cgroup, IPsec,
	HasEther, EtherSrc, EtherDst, EtherTyp,
	HasRoute, IPsecOut, SocketFound, SocketWaits, SocketTransparent, SocketWildcard, SocketMark, Time, Day, Hour,
}, fibTypes("saddr"), fibTypes("daddr"), []Field{reversePath}, tupleFields())

// shortNames are what some fields are called in a line.
var shortNames = map[Field]string{
	TCPFlags: "flags", ICMPType: "type", ICMPCode: "code", CTState: "ct", FragOffset: "frag",
}

// otherNames are names that a line may have as well.
var otherNames = map[string]Field{
	"state": CTState, "proto": L4Proto, "icmpv6-type": ICMPType, "icmpv6-code": ICMPCode, "hoplimit": TTL,
}

// fieldWord is how a line names a field.
func fieldWord(f Field) string {
	if s, ok := shortNames[f]; ok {
		return s
	}
	return plainWord(f)
}

var toWord = strings.NewReplacer(" . ", "-", " ", "-")

func plainWord(f Field) string { return toWord.Replace(f.Name) }

// numbered are fields whose name has a number.
var numbered = regexp.MustCompile(`^(exthdr|tcp-option)-(\d+)(?:-@(\d+))?$`)

// findField is the field of a name. One that a rule set asks comes before one of the same name that it does not.
func findField(name string, more []Field) (Field, bool) {
	if f, ok := otherNames[name]; ok {
		return f, true
	}
	for _, f := range slices.Concat(more, lineFields) {
		if name == f.Name || name == fieldWord(f) || name == plainWord(f) {
			return f, true
		}
	}
	m := numbered.FindStringSubmatch(name)
	if m == nil {
		return Field{}, false
	}
	kind, err := strconv.ParseUint(m[2], 10, 8)
	offset, err2 := strconv.ParseUint("0"+m[3], 10, 16)
	switch {
	case err != nil || err2 != nil:
		return Field{}, false
	case m[1] == "exthdr" && m[3] != "":
		return ExtensionByte(uint8(kind), uint32(offset)), true
	case m[1] == "exthdr":
		return HasExtension(uint8(kind)), true
	case m[3] != "":
		return Field{"tcp option " + m[2] + " @" + m[3], 8, Hex}, true
	}
	return HasTCPOption(uint8(kind)), true
}

// fields reads the rest of a line.
func (p *lineParser) fields(words []word) ([]word, error) {
	for _, w := range words {
		name, value, ok := w.assignment()
		if !ok {
			return nil, w.errorf("should be a field, NAME=VALUE")
		}
		if err := p.field(w, name, value); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (p *lineParser) field(w word, name, value string) error {
	name, isQuoted := unquote(name)
	if name == "dnat" && !isQuoted {
		i := slices.Index(movedNames, value)
		if i < 1 {
			return w.errorf("the new destination is local or away")
		}
		p.line.Moved = Moved(i)
		return nil
	}
	if owner := map[string]uint64{"none": 0, "kernel": 1}; name == "uid" || name == "gid" {
		if n, ok := owner[value]; ok {
			return p.set(w, HasSocket, Num(n))
		}
		if err := p.set(w, HasSocket, Num(2)); err != nil {
			return err
		}
	}
	f, ok := findField(name, p.more)
	if !ok {
		return p.opaque(w, name, value, isQuoted)
	}
	v, err := parseValue(f, value)
	if err != "" {
		return w.errorf("%s", err)
	}
	return p.set(w, f, v)
}

func (p *lineParser) opaque(w word, name, value string, isQuoted bool) error {
	switch {
	case !isQuoted:
		return w.errorf("there is no field %s; a match that is no field stands in quotes, as \"-m string …\"=yes", name)
	case value != "yes" && value != "no":
		return w.errorf("a match holds or does not: yes or no")
	}
	p.line.Packet.Opaque[name] = value == "yes"
	return nil
}

// headerFields are those that are part of a packet's bytes.
var headerFields = func() map[Field]bool {
	out := map[Field]bool{HasTransport: true, TCPMSS: true, Length: true}
	for _, l := range [][]span{ipv4Layout, ipv6Layout, tcpLayout, udpLayout, icmpLayout, ahLayout, espLayout, compLayout} {
		for _, s := range l {
			out[s.field] = true
		}
	}
	return out
}()

// InHeader says whether the field is part of a packet's bytes, from its network header on, see [Line.Bytes].
func (f Field) InHeader() bool { return headerFields[f] || numbered.MatchString(plainWord(f)) }
