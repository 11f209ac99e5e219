package ext

import (
	"fmt"
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// ipNoNext is the protocol number that says that nothing follows (RFC 8200).
const ipNoNext = 59

// ipv6Headers are the kinds of headers that ipv6header knows, in the order in which iptables-save prints them, under the name that it
// prints (from /etc/protocols where that has one), and the others that it reads.
var ipv6Headers = []struct {
	number uint8
	names  []string
}{
	{ipHopByHop, []string{"hop-by-hop", "hop", "hopopt", "0", "ip", "IP", "HOPOPT"}},
	{ipDestination, []string{"ipv6-opts", "IPv6-Opts", "dst", "60"}},
	{ipRouting, []string{"ipv6-route", "IPv6-Route", "route", "43"}},
	{ipFragment, []string{"ipv6-frag", "IPv6-Frag", "frag", "44"}},
	{protoAH, []string{"ah", "AH", "IPSEC-AH", "auth", "51"}},
	{protoESP, []string{"esp", "ESP", "IPSEC-ESP", "50"}},
	{ipNoNext, []string{"ipv6-nonxt", "IPv6-NoNxt", "none", "59"}},
	{lastProtocol, []string{"protocol", "prot", "255"}},
}

// lastProtocol stands for any header that is none of the others (IPPROTO_RAW).
const lastProtocol = 255

// Places in ipv6Headers.
const (
	authentication = 4
	firstEnd       = 5 // from here on kinds of the last header
)

// headerKinds is a set of kinds, by their place in ipv6Headers.
type headerKinds [8]bool

// ip6t_ipv6header.c, ipv6header_mt6: which kinds of headers there are; without --soft these and no others. Behind a fragment header it
// goes on even where the fragment is not the first, and takes data for headers; nftables stops there.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:     "ipv6header",
		Families: []iptables.Family{iptables.IPv6},
		Options: []*iptables.OptionSpec{
			{Name: "--header", Kind: headerKindList, Neg: true, Required: true},
			{Name: "--soft", Kind: iptables.Flag},
		},
		Listing: listHeaders,
	},
	Limits:  Limits{Refused: "auth together with esp, none or prot", Lossy: "esp, none and prot with --soft; " + laterFragments},
	Meaning: ipv6headerMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o, _ := m.Get("--header")
		if !c.wholeBefore(m) {
			c.Lossy(o.Pos, "ipv6header", "", "a later fragment has no headers behind that for fragments; iptables takes its data for those of the first")
		}
		kinds := o.Value.(headerKinds)
		_, soft := m.Get("--soft")
		ends := 0
		for _, given := range kinds[firstEnd:] {
			if given {
				ends++
			}
		}
		if !soft && ends != 1 { // every packet has one kind of end
			return negated(Any{}, o.Neg)
		}
		const why = "nftables does not look behind an authentication header, where the last header is"
		switch {
		case ends == 0:
		case kinds[authentication] && !(soft && o.Neg):
			c.Refuse(o.Pos, "ipv6header", "ask for auth alone, with --soft", why)
		case soft && !kinds[authentication]:
			c.Lossy(o.Pos, "ipv6header", "", why)
		}
		var all All
		for i, given := range kinds {
			switch kind := headerOf(ipv6Headers[i].number); {
			case given:
				all = append(all, negated(kind, soft && o.Neg))
			case !soft && i < firstEnd:
				all = append(all, Not{kind})
			}
		}
		return negated(all, o.Neg && !soft)
	},
})

// headerOf tests for a kind of header. An authentication header, or else the last header, is what nftables takes for the transport's.
func headerOf(number uint8) Cond {
	switch number {
	case lastProtocol:
		return All{Not{headerOf(protoESP)}, Not{headerOf(ipNoNext)}}
	case protoAH, protoESP, ipNoNext:
		return present(&nft.Meta{Key: bytecode.MetaL4proto}, []byte{number})
	}
	return hasHeader(number)
}

// headerKindList is a list of kinds of headers. Value: headerKinds.
var headerKindList = iptables.NewKind(
	func(w string, _ iptables.Family) (headerKinds, error) {
		var k headerKinds
		for part := range strings.SplitSeq(w, ",") {
			found := false
			for i, h := range ipv6Headers {
				for _, name := range h.names {
					if part == name {
						k[i], found = true, true
					}
				}
			}
			if !found {
				return k, fmt.Errorf("%s is not a kind of header: hop, dst, route, frag, auth, esp, none or prot", iptables.Quote(part))
			}
		}
		return k, nil
	},
	func(k headerKinds) string {
		var names []string
		for i, given := range k {
			if given {
				names = append(names, ipv6Headers[i].names[0])
			}
		}
		return strings.Join(names, ",")
	})

var headersListing = listed("ipv6header", "flags:!*", "--header", "soft", "--soft")

// listHeaders reads "ipv6header flags:!0x0C soft" too: with -n iptables prints the kinds as bits, the highest for the first.
func listHeaders(words []string) ([]string, int) {
	args, taken := headersListing(words)
	for i, a := range args {
		bits, err := strconv.ParseUint(a, 0, 8)
		if err != nil {
			continue
		}
		var names []string
		for k, h := range ipv6Headers {
			if bits&(0x80>>k) != 0 {
				names = append(names, h.names[0])
			}
		}
		args[i] = strings.Join(names, ",")
	}
	return args, taken
}

// ipv6headerMeaning is ipv6header_mt6. Each kind has a bit: those of the extension headers that are there, and one for the last header,
// which is behind an authentication header where there is one.
func ipv6headerMeaning(_ *Context, m *iptables.Match) packet.Pred {
	o, _ := m.Get("--header")
	_, soft := m.Get("--soft")
	last := func(number uint8) packet.Pred {
		is := func(f packet.Field) packet.Pred {
			if number == lastProtocol {
				return packet.Not{P: packet.OneOf(f, packet.Num(protoESP), packet.Num(ipNoNext))}
			}
			return packet.Eq(f, packet.Num(uint64(number)))
		}
		ah := packet.Eq(packet.L4Proto, packet.Num(protoAH))
		return packet.Any{packet.All{packet.Not{P: ah}, is(packet.L4Proto)}, packet.All{ah, is(packet.Named("protocol behind ah", 8, packet.Protocol))}}
	}
	var all packet.All
	for i, given := range o.Value.(headerKinds) {
		number := ipv6Headers[i].number
		there := packet.Extended(number)
		switch number {
		case protoAH:
			there = packet.Eq(packet.L4Proto, packet.Num(protoAH))
		case protoESP, ipNoNext, lastProtocol:
			there = last(number)
		}
		switch {
		case given:
			all = append(all, packet.Negate(there, soft && o.Neg))
		case !soft:
			all = append(all, packet.Not{P: there})
		}
	}
	return readsData("ipv6header", m, packet.Negate(all, o.Neg && !soft))
}
