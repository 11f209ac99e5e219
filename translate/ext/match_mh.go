package ext

import (
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// protoMobility is the protocol number of the mobility header.
const protoMobility = 135

// ip6t_mh.c, mh_mt6: the message's type, at offset 2 of struct ip6_mh.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "mh",
		Families:  []iptables.Family{iptables.IPv6},
		Protocols: []uint8{protoMobility},
		Options:   []*iptables.OptionSpec{{Name: "--mh-type", Kind: mobilityKind{mobilityRange}, Neg: true}},
		Listing:   listMobility,
	},
	Header:  Header{Size: 6}, // struct ip6_mh
	Meaning: mhMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		if d := c.demandNothingBehind(); d != nil {
			all = append(all, d)
		}
		for _, o := range m.Options {
			kind := &nft.Exthdr{Type: protoMobility, Offset: 2, Len: 1}
			in := Cond(All{})
			if t := numberIn(kind, o.Value.(iptables.Range), 255, func(v uint64) []byte { return []byte{uint8(v)} }); t != nil {
				in = t
			}
			all = append(all, negated(in, o.Neg))
		}
		return all
	},
})

// demandNothingBehind is that the mobility header says of no other header that it follows (RFC 6275), or nil.
func (c *Context) demandNothingBehind() *Demand {
	if !c.DropMalformed {
		return nil
	}
	d := &Demand{Name: "mobility-last", Proto: protoMobility}
	d.say(bytecode.Return, &nft.Match{Op: bytecode.CmpEq, Left: transport(0, 1), Right: value([]byte{ipNoNext})})
	return d.orDrop("names a header behind its mobility header")
}

// mobilityKind leaves out all types.
type mobilityKind struct{ iptables.Kind }

func (mobilityKind) Vacuous(v any) bool { return v.(iptables.Range) == iptables.Range{Lo: 0, Hi: 255} }

// mobilityTypes are the names of mobility header types (RFC 6275, 6.1.1), and iptables' short ones.
var mobilityTypes = map[string]int{
	"binding-refresh-request": 0, "brr": 0, "home-test-init": 1, "hoti": 1, "careof-test-init": 2, "coti": 2, "home-test": 3, "hot": 3,
	"careof-test": 4, "cot": 4, "binding-update": 5, "bu": 5, "binding-acknowledgement": 6, "ba": 6, "binding-error": 7, "be": 7,
}

var mobilityNumbers = iptables.UintRange(0, 255, ":")

// mobilityRange is "a" or "a:b", with a number or a name for each end. Value: iptables.Range.
var mobilityRange = iptables.NewKind(
	func(w string, f iptables.Family) (iptables.Range, error) {
		ends := strings.Split(w, ":")
		for i, end := range ends {
			if n, named := mobilityTypes[strings.ToLower(end)]; named {
				ends[i] = strconv.Itoa(n)
			}
		}
		v, err := mobilityNumbers.Parse([]string{strings.Join(ends, ":")}, f)
		if err != nil {
			return iptables.Range{}, err
		}
		return v.(iptables.Range), nil
	},
	func(r iptables.Range) string { return mobilityNumbers.Format(r) })

var mobilityListing = listed("mh", "!*", "--mh-type")

// listMobility reads "mh", "mh !4:7" and "mh binding-update".
func listMobility(words []string) ([]string, int) {
	args, taken := mobilityListing(words)
	if taken == 2 {
		first, _, _ := strings.Cut(args[len(args)-1], ":")
		if _, named := mobilityTypes[first]; !named && (first == "" || first[0] < '0' || first[0] > '9') {
			return nil, 1 // what another match or the target printed
		}
	}
	return args, taken
}

// mhMeaning is mh_mt6, of which the type is the third byte. The transport header of a packet of this protocol is the mobility header, which
// counts among the extension headers as well.
func mhMeaning(_ *Context, m *iptables.Match) packet.Pred {
	has := packet.Extended(protoMobility)
	return packet.All{firstFragment, has, optionsMeaning(m, func(o iptables.Option) packet.Pred {
		return rangeMeaning(packet.ExtensionByte(protoMobility, 2), o.Value)
	})}
}
