package packet

import (
	"fmt"
	"hash/fnv"
)

// What rules do to a packet, in the words that both sides have for it.

// Fields that are there to be set.
var (
	Nftrace   = Field{"nftrace", 1, Bool}
	Secmark   = Field{"secmark", 32, Hex} // the security module's number
	CTSecmark = Field{"ct secmark", 32, Number}

	// OwnHelper is the helper that the connection itself has; 0: none. CTHelper is that of the connection by which it was expected.
	OwnHelper = Field{"ct own helper", 128, Text}
	// CTEvents are the events that the connection tells, and ExpectEvents those that its expectations do (enum ip_conntrack_events).
	CTEvents     = Field{"ct events", 32, Hex}
	ExpectEvents = Field{"ct expectation events", 32, Hex}
)

// Opening is a packet whose connection is only now being made: it is new, and nothing has confirmed it (IPS_CONFIRMED).
var Opening Pred = All{Eq(CTState, Num(StateNew)), Test(CTStatus, Num(1<<3), Value{})}

// When is steps that are taken where p holds; other packets go on without them.
func When(p Pred, steps ...Step) Step {
	return &Choose{Cases: []Case{{When: p, Steps: steps}, {When: All{}}}}
}

// Helps gives a connection that is being made a helper, unless it has one.
func Helps(name string) Step {
	const helped = 1 << 13 // IPS_HELPER
	return When(All{Opening, Eq(OwnHelper, Value{})},
		&Do{Assign(OwnHelper, Name(name))}, &Do{AssignMasked(CTStatus, Num(helped), Num(helped))})
}

// ZoneFields are what is written where a connection's zone is set, for both directions or one. A direction without a zone of its own
// has 0, as all have of packets that were given none.
func ZoneFields(original, reply bool) []Field {
	fields := []Field{CTZone}
	if original {
		fields = append(fields, CTTuple(false, CTZone))
	}
	if reply {
		fields = append(fields, CTTuple(true, CTZone))
	}
	return fields
}

// Context gives a packet the number of a security context. Which one that is only the security module knows: another stands for it.
func Context(name string) *Write {
	h := fnv.New32a()
	h.Write([]byte(name))
	return Assign(Secmark, Num(uint64(h.Sum32()|1)))
}

// RouteMSS is what the routes there and back leave for a TCP segment: the smaller MTU less the headers, or 536 (TCP_MSS_DEFAULT) where
// that is above 65535, as the loopback device's is.
var RouteMSS = Field{"route mss", 16, Number}

// Audited is a record in the audit log.
func Audited() *Note { return &Note{Key: "audit", Log: true} }

// Duplicated is a copy that goes to another host, out of a device; 0: the one that leads there.
func Duplicated(addr Value, device uint32) *Note {
	return &Note{Key: fmt.Sprintf("copy to %x.%x device %d", addr.Hi, addr.Lo, device)}
}

// Lowers sets a TCP packet's maximum segment size, if it names one that is larger (nobody ever raises it).
func Lowers(mss uint16) Step {
	return When(All{Set(HasTCPOption(2)), Between(TCPMSS, Num(uint64(mss)).Next(), Num(1<<16-1))}, &Do{Assign(TCPMSS, Num(uint64(mss)))})
}

// LowersToRoute does so with what the routes there and back allow.
func LowersToRoute() Step {
	return When(Set(HasTCPOption(2)), &Do{becomes(TCPMSS, "tcp mss, or that of the route")})
}

// RoomForOption is a TCP packet whose header has room for four bytes more, and behind which there are no data.
var RoomForOption Pred = &Opaque{Key: "room for a TCP option, and no data"}

// Adds gives a TCP packet without one a maximum segment size, or with mss 65535 that of the route (XT_TCPMSS_CLAMP_PMTU). most is what a host has that names none
// (RFC 9293, section 3.7.1).
func Adds(mss, most uint16) []Step {
	size := Effect(becomes(TCPMSS, fmt.Sprintf("mss of the route, or %d", most)))
	if mss != 1<<16-1 {
		size = Assign(TCPMSS, Num(uint64(min(mss, most))))
	}
	return []Step{&Do{Assign(HasTCPOption(2), Num(1))}, &Do{size}}
}

// becomes gives a field a value that is known by its name only.
func becomes(f Field, name string) *Copy {
	return &Copy{To: f, From: Named(name, f.Bits, f.Show), Bits: Ones(uint(f.Bits))}
}

// Answered is the cookie that answers a SYN in place of the server, with the options that are announced; acked says that it is what
// follows the client's ACK. Either way the packet goes no further.
func Answered(acked bool, mss uint16, wscale uint8, flags uint32) *Note {
	what := "SYN"
	if acked {
		what = "ACK"
	}
	return &Note{Key: fmt.Sprintf("synproxy takes %s, mss %d wscale %d flags %#x", what, mss, wscale, flags)}
}

// Sound says that a TCP packet's checksum is right, and its options are whole.
var Sound Pred = &Opaque{Key: "TCP header is sound"}

// SetHolds is a set that gets an element for so many milliseconds, 0: for ever; of says which, as [Bits] has it.
func SetHolds(set, of string, stays uint64) *Touch {
	key := SetName(set) + " holds " + of
	if stays != 0 {
		key += fmt.Sprintf(" for %d ms", stays)
	}
	return &Touch{Key: key}
}

// SetLacks is a set that loses an element.
func SetLacks(set, of string) *Touch { return &Touch{Key: SetName(set) + " lacks " + of} }
