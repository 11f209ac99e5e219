package packet

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Line is a packet as people write it, in one line: where it comes from, and what it is.
//
//	tcp 10.0.0.2:4000 > 10.0.0.1:80 iif=eth0
//	out udp 10.0.0.1:5353 > 224.0.0.251:5353 uid=1337 mark=0x1
//	in icmp 1.2.3.4 > 10.0.0.1 type=8
//	forward tcp [2001:db8::1]:4000 > [2001:db8::2]:443 iif=eth0 oif=eth1 flags=syn ct=new
//	in udp 1.2.3.4:53 > 10.0.0.1:4000 "-m string --string foo --algo bm"=yes
//
// The words are the route, the protocol (a name or a number), the two addresses, and fields by name. Where no route is named, it shows by
// the devices and the owner: with both devices the packet is forwarded, with only oif or an owner it is sent, else received. "to" may
// stand for ">", which shells take for themselves.
//
// A field is any of this package's, its name written with "-": ct-mark=0x1, ip-id=7. Some have short names: flags, type, code, ct, frag,
// proto. A name in quotes that is no field's is an opaque predicate, which holds or does not: yes or no; one with state holds each time
// or never.
//
// What is not said is what is usual, see [Line.Fill].
type Line struct {
	Route  Route
	IPv6   bool
	Packet *Packet
	// Moved says where a new destination leads that a rule gives to the packet.
	Moved Moved

	said map[Field]bool
}

// Said says whether the text that was read names a field.
func (l *Line) Said(f Field) bool { return l.said[f] }

// Route is a packet's way through the hooks, as long as no rule changes it.
type Route uint8

// The routes.
const (
	Received  Route = iota // "in": from a device to this host; prerouting, input
	Forwarded              // "forward": from a device to a device; prerouting, forward, postrouting
	Sent                   // "out": from this host to a device; output, postrouting
	Looped                 // "loop": from this host to itself, over lo; output, postrouting, prerouting, input
)

var routeNames = []string{"in", "forward", "out", "loop"}

// String is the word for a route.
func (r Route) String() string { return routeNames[r] }

// Moved says where the destination is that an address translation gave to a packet, which only the host's routes know.
type Moved uint8

// The answers: what the kind of the translation and the address suggest; this host ("dnat=local"); elsewhere ("dnat=away").
const (
	MovedByKind Moved = iota
	MovedHere
	MovedAway
)

var movedNames = []string{"", "local", "away"}

// SyntaxError is what is wrong with a packet's line.
type SyntaxError struct {
	Word string // "" at the end
	Col  int    // 1 is the first
	Msg  string
}

func (e *SyntaxError) Error() string {
	if e.Word == "" {
		return fmt.Sprintf("packet: %s", e.Msg)
	}
	return fmt.Sprintf("packet: column %d: %s: %s", e.Col, e.Word, e.Msg)
}

// ParseLine reads a packet, and fills it. More are fields that can be named besides those of this package: those that a rule set asks. Its errors
// are [SyntaxError]s.
func ParseLine(text string, more ...Field) (*Line, error) {
	words, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &lineParser{line: &Line{Packet: &Packet{Fields: map[Field]Value{}, Opaque: map[string]bool{}}}, more: more, at: map[Field]word{}}
	for _, step := range []func([]word) ([]word, error){p.route, p.proto, p.addresses, p.fields} {
		if words, err = step(words); err != nil {
			return nil, err
		}
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	if !p.routed {
		p.line.Route = p.line.likelyRoute()
	}
	p.line.said = map[Field]bool{}
	for f := range p.line.Packet.Fields {
		p.line.said[f] = true
	}
	p.line.Fill()
	return p.line, nil
}

// lineParser is a line as far as it was read.
type lineParser struct {
	line   *Line
	more   []Field
	routed bool
	at     map[Field]word // where each field was said
	portAt word           // where the destination is
}

func (p *lineParser) set(w word, f Field, v Value) error {
	if old, ok := p.line.Packet.Fields[f]; ok && old != v {
		return w.errorf("says %s, but %s says %s", f.Text(v), p.at[f].text, f.Text(old))
	}
	p.line.Packet.Set(f, v)
	p.at[f] = w
	return nil
}

func (p *lineParser) route(words []word) ([]word, error) {
	if len(words) == 0 {
		return nil, &SyntaxError{Msg: `is empty; write "in tcp 10.0.0.2:4000 > 10.0.0.1:80 iif=eth0"`}
	}
	for i, n := range routeNames {
		if words[0].text == n {
			p.line.Route, p.routed = Route(i), true
			return words[1:], nil
		}
	}
	return words, nil
}

// proto reads the protocol, which may be missing: 255 is one that nothing uses.
func (p *lineParser) proto(words []word) ([]word, error) {
	if len(words) == 0 {
		return nil, &SyntaxError{Msg: "ends before the protocol"}
	}
	w := words[0]
	v, ok := protocolNumber(w.text)
	if !ok {
		return nil, w.errorf("is neither a route (%s) nor a protocol (tcp, udp, icmp, a number)", strings.Join(routeNames, ", "))
	}
	return words[1:], p.set(w, L4Proto, v)
}

func protocolNumber(s string) (Value, bool) {
	for n, name := range protocolNames {
		if s == name {
			return Num(n), true
		}
	}
	n, err := strconv.ParseUint(s, 0, 8)
	return Num(n), err == nil
}

// addresses reads SRC[:PORT] > DST[:PORT].
func (p *lineParser) addresses(words []word) ([]word, error) {
	if len(words) < 3 {
		return nil, &SyntaxError{Msg: `ends before the addresses; write "10.0.0.2:4000 > 10.0.0.1:80" or "[2001:db8::1]:4000 > [2001:db8::2]:80"`}
	}
	from, arrow, to := words[0], words[1], words[2]
	switch arrow.text {
	case ">", "->", "to":
	default:
		return nil, arrow.errorf(`should be ">" or "to", between the addresses`)
	}
	src, sport, err := endpoint(from)
	if err != nil {
		return nil, err
	}
	dst, dport, err := endpoint(to)
	if err != nil {
		return nil, err
	}
	if src.Is4() != dst.Is4() {
		return nil, to.errorf("is not of the same family as %s", from.text)
	}
	srcField, dstField := IPv4Src, IPv4Dst
	if src.Is6() {
		p.line.IPv6, srcField, dstField = true, IPv6Src, IPv6Dst
	}
	p.portAt = to
	for _, e := range []struct {
		w          word
		addr, port Field
		ip         netip.Addr
		number     *uint16
	}{{from, srcField, SrcPort, src, sport}, {to, dstField, DstPort, dst, dport}} {
		if err := p.set(e.w, e.addr, FromBytes(e.ip.AsSlice())); err != nil {
			return nil, err
		}
		if e.number == nil {
			continue
		}
		if !hasPorts(p.line.Packet) {
			return nil, e.w.errorf("%s has no ports", L4Proto.Text(p.line.Packet.Get(L4Proto)))
		}
		if err := p.set(e.w, e.port, Num(uint64(*e.number))); err != nil {
			return nil, err
		}
	}
	return words[3:], nil
}

// endpoint reads an address, and behind a colon a port. That of an IPv6 address stands behind brackets.
func endpoint(w word) (netip.Addr, *uint16, error) {
	host, port, ported := w.text, "", false
	if inside, rest, ok := strings.Cut(strings.TrimPrefix(w.text, "["), "]"); ok && w.text[0] == '[' {
		host = inside
		if port, ported = strings.CutPrefix(rest, ":"); !ported && rest != "" {
			return netip.Addr{}, nil, w.errorf("has %q behind the brackets", rest)
		}
	} else if strings.Count(w.text, ":") == 1 {
		host, port, ported = strings.Cut(w.text, ":")
	}
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return a, nil, w.errorf("is not an address with or without a port")
	case a.Zone() != "":
		return a, nil, w.errorf("a packet has no zone; say the device with iif= or oif=")
	case a.Is4In6():
		return a, nil, w.errorf("is an IPv4 address in IPv6's notation, which no packet has; write %s", a.Unmap())
	case !ported:
		return a, nil, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return a, nil, w.errorf("%q is not a port", port)
	}
	number := uint16(n)
	return a, &number, nil
}

// check asks whether fields fit together.
func (p *lineParser) check() error {
	k := p.line.Packet
	if _, ok := k.Fields[DstPort]; !ok && hasPorts(k) && k.Get(FragOffset).IsZero() {
		return p.portAt.errorf("has no port, which %s needs", L4Proto.Text(k.Get(L4Proto)))
	}
	for f, w := range p.at {
		if ofOtherFamily(f, p.line.IPv6) {
			return w.errorf("is not a field of IPv%d", map[bool]int{false: 4, true: 6}[p.line.IPv6])
		}
	}
	return nil
}

func ofOtherFamily(f Field, ipv6 bool) bool {
	name := strings.TrimPrefix(strings.TrimPrefix(f.Name, "ct original "), "ct reply ")
	if ipv6 {
		return strings.HasPrefix(name, "ip ")
	}
	return strings.HasPrefix(name, "ip6 ") || strings.HasPrefix(name, "exthdr ")
}
