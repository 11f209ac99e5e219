package packet

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Fill gives the packet what its line did not say, as far as there is something usual:
//
//   - the connection is new (ct=new), and its addresses are the packet's, unless connection tracking takes no such packet for a beginning: it
//     calls TCP with other flags than a SYN or an ACK invalid, and answers and errors of ICMP, and does not track the discovery of
//     neighbours (ct=untracked); with ct=established the connection was seen in both directions;
//   - TCP in a new connection is a SYN, else an ACK; ICMP is a request (type 8, in IPv6 128); the source port is 40000;
//   - what this host sends comes from a process of user and group 0; what it receives or forwards has no socket;
//   - the routes find what the packet's own route says: "in" leads to an address of this host (fib daddr type local) and "out" comes from
//     one, all others are unicast, unless the address alone tells (127.0.0.0/8, 224.0.0.0/4, ff00::/8, 255.255.255.255); an answer would go back
//     the way that the packet came;
//   - there are 64 hops left, there is a transport header unless the packet is a later fragment, no payload, and lengths fit;
//   - a device but lo is an Ethernet one; what came in by it has an Ethernet header, and is for this host alone unless its address says
//     otherwise. lo has the index 1. "loop" goes out and comes in by lo.
//
// All else is 0: no mark, no device where none was said.
func (l *Line) Fill() {
	p := l.Packet
	for _, u := range usuals(l.IPv6) {
		if _, said := p.Fields[u.field]; said {
			continue
		}
		if v := u.value(l); !v.IsZero() || u.always {
			p.Set(u.field, v)
		}
	}
}

// usual is what a field is if nobody says.
func (l *Line) usual(f Field) Value {
	for _, u := range usuals(l.IPv6) {
		if u.field == f {
			return u.value(l)
		}
	}
	return Value{}
}

// likelyRoute is that of a line that names none.
func (l *Line) likelyRoute() Route {
	p := l.Packet
	switch {
	case !p.Get(Iif).IsZero() && !p.Get(Oif).IsZero():
		return Forwarded
	case !p.Get(Oif).IsZero() || !p.Get(HasSocket).IsZero():
		return Sent
	}
	return Received
}

// fromHere and toHere say where the packet begins and ends.
func (l *Line) fromHere() bool { return l.Route == Sent || l.Route == Looped }
func (l *Line) toHere() bool   { return l.Route == Received || l.Route == Looped }

// usualValue is one field's. It may depend on those before it only.
type usualValue struct {
	field  Field
	value  func(*Line) Value
	always bool // is there even if it is 0
}

func fixed(n uint64) func(*Line) Value { return func(*Line) Value { return Num(n) } }

// when is n where a condition holds, else 0.
func when(cond func(*Line) bool, n uint64) func(*Line) Value {
	return func(l *Line) Value {
		if cond(l) {
			return Num(n)
		}
		return Value{}
	}
}

func usuals(ipv6 bool) []usualValue {
	if ipv6 {
		return usuals6
	}
	return usuals4
}

var usuals4, usuals6 = allUsuals(false), allUsuals(true)

func allUsuals(ipv6 bool) []usualValue {
	src, dst := IPv4Src, IPv4Dst
	if ipv6 {
		src, dst = IPv6Src, IPv6Dst
	}
	out := []usualValue{
		{Iif, device(func(l *Line) bool { return l.Route == Looped }), false},
		{Oif, device(func(l *Line) bool { return l.Route == Looped }), false},
		{IifIndex, when(onLoopback(Iif), 1), false},
		{OifIndex, when(onLoopback(Oif), 1), false},
		{IifType, deviceType(Iif), false},
		{OifType, deviceType(Oif), false},
		{HasSocket, when((*Line).fromHere, 2), false},
		{HasTransport, when(func(l *Line) bool { return l.Packet.Get(FragOffset).IsZero() }, 1), true},
		{SrcPort, when(func(l *Line) bool { return hasPorts(l.Packet) && has(HasTransport)(l) }, 40000), false},
		{CTState, firstState, false},
		{CTStatus, when(func(l *Line) bool { return l.Packet.Get(CTState) == Num(StateEstablished) }, 1<<1|1<<2|1<<3), false},
		{TCPFlags, tcpFlags, false},
		{ICMPType, icmpRequest, false},
		{TTL, fixed(64), false},
		{TCPDoff, func(l *Line) Value { return when(isProto(6), uint64(20+len(tcpOptions(l.Packet)))/4)(l) }, false},
		{Length, func(l *Line) Value { return Num(uint64(headerBytes(l.IPv6, l.Packet))) }, false},
	}
	if ipv6 {
		out = append(out, usualValue{IPv6Version, fixed(6), false}, usualValue{IPv6Next, firstNext, false},
			usualValue{IPv6Length, func(l *Line) Value { return lengthWithout(l.Packet, 40) }, false})
	} else {
		out = append(out, usualValue{IPv4Version, fixed(4), false}, usualValue{IPv4IHL, fixed(5), false},
			usualValue{IPv4Length, func(l *Line) Value { return l.Packet.Get(Length).And(Ones(16)) }, false})
	}
	out = append(out,
		usualValue{UDPLength, func(l *Line) Value {
			if !isProto(17)(l) && !isProto(136)(l) || !has(HasTransport)(l) {
				return Value{}
			}
			return lengthWithout(l.Packet, len(networkHeaders(l.IPv6, l.Packet)))
		}, false},
		usualValue{HasEther, when(ethernet, 1), false},
		usualValue{EtherTyp, func(l *Line) Value {
			return when(has(HasEther), map[bool]uint64{false: 0x0800, true: 0x86dd}[l.IPv6])(l) // ETH_P_IP, ETH_P_IPV6
		}, false},
		usualValue{PktType, packetType, false},
		usualValue{reversePath, when(func(l *Line) bool { return !l.fromHere() || l.Route == Looped }, 1), false},
		usualValue{CTProto, ifTracked(func(l *Line) Value { return l.Packet.Get(L4Proto) }), false},
	)
	for i, side := range []string{"saddr", "daddr"} {
		f := fibTypes(side)
		own := func(l *Line) Value {
			if i == 0 {
				return routeType(l.IPv6, l.Packet.Get(src), l.fromHere())
			}
			return routeType(l.IPv6, l.Packet.Get(dst), l.toHere())
		}
		same := func(l *Line) Value { return l.Packet.Get(f[0]) }
		out = append(out, usualValue{f[0], own, false}, usualValue{f[1], same, false}, usualValue{f[2], same, false})
	}
	for _, reply := range []bool{false, true} {
		for _, pair := range [][2]Field{{src, dst}, {dst, src}, {SrcPort, DstPort}, {DstPort, SrcPort}} {
			value := func(l *Line) Value {
				if reply == has(CTReply)(l) {
					return l.Packet.Get(pair[0])
				}
				return l.Packet.Get(pair[1])
			}
			out = append(out, usualValue{CTTuple(reply, pair[0]), ifTracked(value), false})
		}
	}
	return out
}

func has(f Field) func(*Line) bool { return func(l *Line) bool { return !l.Packet.Get(f).IsZero() } }
func isProto(n uint64) func(*Line) bool {
	return func(l *Line) bool { return l.Packet.Get(L4Proto) == Num(n) }
}
func onLoopback(f Field) func(*Line) bool {
	return func(l *Line) bool { return l.Packet.Get(f) == Name("lo") }
}

// hasPorts says whether the packet's protocol has ports.
func hasPorts(p *Packet) bool {
	return slices.Contains([]uint64{6, 17, 33, 132, 136}, p.Get(L4Proto).Lo) // TCP, UDP, DCCP, SCTP, UDP-Lite
}

func device(loopback func(*Line) bool) func(*Line) Value {
	return func(l *Line) Value {
		if loopback(l) {
			return Name("lo")
		}
		return Value{}
	}
}

// deviceType is ARPHRD_LOOPBACK or ARPHRD_ETHER of if_arp.h.
func deviceType(f Field) func(*Line) Value {
	return func(l *Line) Value {
		switch l.Packet.Get(f) {
		case Value{}:
			return Value{}
		case Name("lo"):
			return Num(772)
		}
		return Num(1)
	}
}

func ethernet(l *Line) bool {
	return !l.fromHere() && has(Iif)(l) && !onLoopback(Iif)(l)
}

// packetType is the kind of a received frame (PACKET_* of if_packet.h), by the packet's address.
func packetType(l *Line) Value {
	if l.fromHere() {
		return Value{}
	}
	switch routeType(l.IPv6, l.Packet.Get(l.Dst()), false) {
	case Num(rtBroadcast):
		return Num(1)
	case Num(rtMulticast):
		return Num(2)
	}
	return Value{}
}

// What routes lead to: RTN_* of rtnetlink.h.
const (
	rtUnicast   = 1
	rtLocal     = 2
	rtBroadcast = 3
	rtMulticast = 5
)

// routeType is what an address is to this host.
func routeType(ipv6 bool, a Value, here bool) Value {
	b := a.Bytes(16)
	switch {
	case ipv6 && b[0] == 0xff, !ipv6 && b[12]>>4 == 14:
		return Num(rtMulticast)
	case !ipv6 && a == Num(0xffffffff):
		return Num(rtBroadcast)
	case here, ipv6 && a == Num(1), !ipv6 && b[12] == 127:
		return Num(rtLocal)
	}
	return Num(rtUnicast)
}

func tcpFlags(l *Line) Value {
	const syn, ack = 1 << 1, 1 << 4
	if !isProto(6)(l) || !has(HasTransport)(l) {
		return Value{}
	}
	switch l.Packet.Get(CTState).Lo {
	case StateNew, StateUntracked:
		return Num(syn)
	}
	return Num(ack)
}

// firstState is what connection tracking says of a packet that belongs to no connection (tcp_new and tcp_error in nf_conntrack_proto_tcp.c, where
// tcp_loose is on; icmp_new and icmp_error in nf_conntrack_proto_icmp.c; noct_valid_new in nf_conntrack_proto_icmpv6.c).
func firstState(l *Line) Value {
	const fin, syn, rst, ack = 1, 2, 4, 16
	flags, hasFlags := l.Packet.Fields[TCPFlags]
	kind, hasKind := l.Packet.Fields[ICMPType]
	state := uint64(StateNew)
	switch {
	case !has(HasTransport)(l):
	case isProto(6)(l) && hasFlags && flags.Lo&(fin|syn|rst|ack) != syn && flags.Lo&(fin|syn|rst|ack) != ack,
		isProto(1)(l) && hasKind && !slices.Contains([]uint64{8, 13, 15, 17}, kind.Lo):
		state = StateInvalid
	case isProto(58)(l) && hasKind && (kind.Lo >= 130 && kind.Lo <= 136 || kind.Lo == 143):
		state = StateUntracked
	case isProto(58)(l) && hasKind && kind.Lo != 128 && kind.Lo != 139:
		state = StateInvalid
	}
	return Num(state)
}

func icmpRequest(l *Line) Value {
	switch {
	case !has(HasTransport)(l):
	case isProto(1)(l):
		return Num(8)
	case isProto(58)(l):
		return Num(128)
	}
	return Value{}
}

func ifTracked(value func(*Line) Value) func(*Line) Value {
	return func(l *Line) Value {
		if Holds(Tracked, l.Packet) {
			return value(l)
		}
		return Value{}
	}
}

func lengthWithout(p *Packet, headers int) Value {
	return Num(max(p.Get(Length).Lo, uint64(headers)) - uint64(headers)).And(Ones(16))
}

func firstNext(l *Line) Value {
	if e := extensions(l.Packet); len(e) > 0 {
		return Num(uint64(e[0]))
	}
	return l.Packet.Get(L4Proto)
}

// kindsOf are the numbers behind a name that fields have which say that something is there, in order.
func kindsOf(p *Packet, name string) (out []uint8) {
	for f := range maps.Keys(p.Fields) {
		number, ok := strings.CutPrefix(f.Name, name)
		if n, err := strconv.ParseUint(number, 10, 8); ok && err == nil && f.Bits == 1 && !p.Get(f).IsZero() {
			out = append(out, uint8(n))
		}
	}
	slices.Sort(out)
	return out
}
