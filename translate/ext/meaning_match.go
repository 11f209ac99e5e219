package ext

import (
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// What the meanings of matches have in common.

// rangeOf is a range of numbers.
func rangeOf(r iptables.Range) packet.Range {
	return packet.Range{From: packet.Num(r.Lo), To: packet.Num(r.Hi)}
}

// rangeMeaning says that a field lies in a range of numbers, which may go beyond what the field can be.
func rangeMeaning(f packet.Field, value any) packet.Pred {
	r := rangeOf(value.(iptables.Range))
	if most := packet.Ones(uint(f.Bits)); r.To.Cmp(most) > 0 {
		r.To = most
	}
	return packet.Between(f, r.From, r.To)
}

// unitsMeaning says that so many bytes are (n+first)*unit, n being the field.
func unitsMeaning(f packet.Field, bytes, unit, first uint64) packet.Pred {
	n := bytes/unit - first
	if bytes%unit != 0 || bytes/unit < first || n > packet.Ones(uint(f.Bits)).Lo {
		return packet.Any{}
	}
	return packet.Eq(f, packet.Num(n))
}

// extensionIs says that bytes of an extension header are these.
func extensionIs(header uint8, offset uint32, want []byte) packet.Pred {
	return packet.PartsTest(packet.Extension(header, offset, uint32(len(want))), packet.Ones(128), packet.FromBytes(want))
}

// addressField is the address that a packet comes from, or goes to.
func addressField(f iptables.Family, destination bool) packet.Field {
	switch {
	case f == iptables.IPv6 && destination:
		return packet.IPv6Dst
	case f == iptables.IPv6:
		return packet.IPv6Src
	case destination:
		return packet.IPv4Dst
	}
	return packet.IPv4Src
}

// prefixValue is the mask of a prefix length.
func prefixValue(f iptables.Family, ones uint64) packet.Value {
	bits := uint(addrLen(f) * 8)
	return packet.Ones(bits).AndNot(packet.Ones(bits - uint(ones)))
}

// portField is the port that an option --sport or --dport is about.
func portField(o iptables.Option) packet.Field {
	if o.Spec.Name == "--sport" {
		return packet.SrcPort
	}
	return packet.DstPort
}

// stateful is a match with a memory of which only the text is known.
func stateful(m *iptables.Match) packet.Pred { return opaqueMatch(m, true) }

// never says that no name is taken.
func never(string) bool { return false }
