package packet

import (
	"fmt"
	"strings"
)

// The words in which both sides name what is not a field, so that the same thing has the same name.

// Unreachable is how a packet is rejected with an ICMP error, of the type for "unreachable" (3 of ICMP, 1 of ICMPv6) and a code.
func Unreachable(code uint8) Verdict {
	return Verdict{Kind: Reject, Detail: fmt.Sprintf("icmp unreachable code %d", code)}
}

// Reset is how TCP is rejected with a RST.
func Reset() Verdict { return Verdict{Kind: Reject, Detail: "tcp reset"} }

// Queued is a packet for one of the queues first to last of userspace. Bypass: it is accepted where nobody listens; fanout: the queue is chosen
// by CPU.
func Queued(first, last uint16, bypass, fanout bool) Verdict {
	s := fmt.Sprintf("queue %d", first)
	if last != first {
		s += fmt.Sprintf("-%d", last)
	}
	return Verdict{Kind: Queue, Detail: s + flagged(bypass, " bypass") + flagged(fanout, " fanout")}
}

func flagged(is bool, word string) string {
	if is {
		return word
	}
	return ""
}

// Logged is a line of the kernel log. Flags are NF_LOG_*.
func Logged(prefix string, level, flags uint32) *Note {
	return &Note{Key: fmt.Sprintf("log %q level %d flags %#x", prefix, level, flags), Log: true}
}

// Copied is a copy to an nfnetlink group, whole or its first snaplen bytes.
func Copied(group uint16, prefix string, snaplen *uint32, threshold uint16) *Note {
	size := "whole"
	if snaplen != nil {
		size = fmt.Sprintf("snaplen %d", *snaplen)
	}
	return &Note{Key: fmt.Sprintf("nflog group %d %q %s threshold %d", group, prefix, size, threshold), Log: true}
}

// Limited is a token bucket: it holds while there are tokens, rate of them in so many seconds, of packets or of bytes. name tells
// buckets apart that a rule has for each of something; "": the rule has one.
func Limited(name string, rate, seconds uint64, burst uint32, bytes bool) *Opaque {
	unit := "packets"
	if bytes {
		unit = "bytes"
	}
	for _, n := range []uint64{2, 3, 5} { // 60 in 60 seconds is 1 in 1
		for rate%n == 0 && seconds%n == 0 {
			rate, seconds = rate/n, seconds/n
		}
	}
	return &Opaque{Key: strings.TrimSpace(fmt.Sprintf("%s limit %d %s in %d s, burst %d", name, rate, unit, seconds, burst)), Stateful: true}
}

// BelowQuota holds until so many bytes have passed.
func BelowQuota(name string, bytes uint64) *Opaque {
	return &Opaque{Key: strings.TrimSpace(fmt.Sprintf("%s quota %d bytes", name, bytes)), Stateful: true}
}

// MoreConnections holds where the set has counted more than count connections, for each value of by ("ip saddr/24", "all").
func MoreConnections(count uint32, by string) *Opaque {
	return &Opaque{Key: fmt.Sprintf("more than %d connections of %s", count, by), Stateful: true}
}

// Every holds for one packet in n, the counter being first when the rule is loaded.
func Every(n, packet uint32) *Opaque {
	return &Opaque{Key: fmt.Sprintf("every %d, from %d on", n, packet), Stateful: true}
}

// ByChance holds for limit of 2^31 values of a random number.
func ByChance(limit uint64) *Opaque {
	return &Opaque{Key: fmt.Sprintf("random %d of 2^31", limit), Stateful: true}
}

// Listener says that a socket takes the packet for a transparent proxy; addr and port are where it must listen, 0 for the packet's own.
func Listener(addr Value, port uint16) *Opaque {
	return &Opaque{Key: fmt.Sprintf("a socket for %x.%x port %d", addr.Hi, addr.Lo, port)}
}

// Proxied is a packet that was given to that socket.
func Proxied(addr Value, port uint16) *Note {
	return &Note{Key: fmt.Sprintf("to the socket for %x.%x port %d", addr.Hi, addr.Lo, port)}
}

// Bits names what a memory goes by: some bits of a field, "ip saddr" for all, "ip saddr & 0xffffff00". Several stand behind each other
// with " . " between.
func Bits(f Field, mask Value) string {
	if mask == Ones(uint(f.Bits)) {
		return f.Name
	}
	return fmt.Sprintf("%s & %s", f.Name, Field{Show: Hex}.Text(mask))
}

// SetName is a set's name without a number behind it, which tells it from one of the same name in another family.
func SetName(name string) string {
	return strings.TrimSuffix(strings.TrimRight(name, "0123456789"), "-")
}

// Bucket names limits that a set has for each of something.
func Bucket(set, by string) string { return SetName(set) + " of " + by }

// Remembered says that a set that packets change holds something, which stays there for so many milliseconds; 0: for ever.
func Remembered(set, what string, stays uint64) *Opaque {
	if stays != 0 {
		what += fmt.Sprintf(" of the last %d ms", stays)
	}
	return &Opaque{Key: what + " in " + SetName(set), Stateful: true}
}
