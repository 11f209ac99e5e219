package packet

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// String writes the packet as [ParseLine] reads it. What is as [Line.Fill] would make it is left out, and so is a field that the
// packet does not name: it would come back filled.
func (l *Line) String() string {
	p := l.Packet
	out := []string{l.Route.String(), L4Proto.Text(p.Get(L4Proto)), l.endpoint(l.Src(), SrcPort), ">", l.endpoint(l.Dst(), DstPort)}
	fields := slices.Collect(maps.Keys(p.Fields))
	slices.SortFunc(fields, func(a, b Field) int {
		return cmp.Or(cmp.Compare(linePlace(a), linePlace(b)), cmp.Compare(a.Name, b.Name))
	})
	for _, f := range fields {
		if !l.shown(f) {
			out = append(out, lineName(f)+"="+valueText(f, p.Get(f)))
		}
	}
	if l.Moved != MovedByKind {
		out = append(out, "dnat="+movedNames[l.Moved])
	}
	for _, key := range slices.Sorted(maps.Keys(p.Opaque)) {
		out = append(out, strconv.Quote(key)+"="+map[bool]string{false: "no", true: "yes"}[p.Opaque[key]])
	}
	return strings.Join(out, " ")
}

// Src and Dst are the fields of the packet's addresses.
func (l *Line) Src() Field {
	if l.IPv6 {
		return IPv6Src
	}
	return IPv4Src
}

// Dst is the field of the destination.
func (l *Line) Dst() Field {
	if l.IPv6 {
		return IPv6Dst
	}
	return IPv4Dst
}

func linePlace(f Field) int {
	if i := slices.Index(lineFields, f); i >= 0 {
		return i
	}
	return len(lineFields)
}

// lineName names a field; one that only a rule set knows in quotes, as its name may be anything.
func lineName(f Field) string {
	if found, ok := findField(fieldWord(f), nil); ok && found == f {
		return fieldWord(f)
	}
	return strconv.Quote(f.Name)
}

// shown says whether a field stands among the addresses, or is as it would be if it was not said.
func (l *Line) shown(f Field) bool {
	switch f {
	case L4Proto, l.Src(), l.Dst():
		return true
	case SrcPort, DstPort:
		return l.port(f)
	case UID, GID:
		if l.Packet.Get(HasSocket) != Num(2) {
			return true // there is no process that it could be of
		}
	}
	return l.Packet.Get(f) == l.usual(f)
}

// port says whether a port stands behind its address.
func (l *Line) port(f Field) bool {
	_, has := l.Packet.Fields[f]
	return has && hasPorts(l.Packet)
}

func (l *Line) endpoint(addr, port Field) string {
	text := addr.Text(l.Packet.Get(addr))
	if !l.port(port) {
		return text
	}
	n := uint16(l.Packet.Get(port).Lo)
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a, n).String()
	}
	return text
}

// Word is how a packet's line names the field: in quotes if only a rule set knows it.
func (f Field) Word() string { return lineName(f) }

// LineText writes a value as a packet's line has it.
func (f Field) LineText(v Value) string { return valueText(f, v) }
