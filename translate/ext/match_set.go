package ext

import (
	"math"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// setCounts are the conditions on what an element has counted.
var setCounts = []string{"--packets-eq", "--packets-lt", "--packets-gt", "--bytes-eq", "--bytes-lt", "--bytes-gt"}

// xt_set.c, set_match_v4, and ip_set_test in ip_set_core.c: whether the packet's values are in an ipset. A packet that does not have
// them is not in it, and a set of the other family or of more dimensions than are given holds nothing.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "set",
		Options: slices.Concat([]*iptables.OptionSpec{
			{Name: "--match-set", Aliases: []string{"--set"}, Kind: setKind{}, Neg: true, Required: true},
			{Name: "--return-nomatch", Kind: iptables.Flag},
			{Name: "--update-counters", Kind: iptables.Flag, Neg: true},
			{Name: "--update-subcounters", Kind: iptables.Flag, Neg: true},
		}, setCountOptions()),
		Canonical: func(_ *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			return slices.DeleteFunc(options, func(o iptables.Option) bool { // without "!" they say the usual
				return !o.Neg && (o.Spec.Name == "--update-counters" || o.Spec.Name == "--update-subcounters")
			})
		},
		Listing: listed("", "! match-set * *", "--match-set", "return-nomatch", "--return-nomatch",
			"! update-counters", "--update-counters", "! update-subcounters", "--update-subcounters",
			"! packets-eq *", "--packets-eq", "packets-lt *", "--packets-lt", "packets-gt *", "--packets-gt",
			"! bytes-eq *", "--bytes-eq", "bytes-lt *", "--bytes-lt", "bytes-gt *", "--bytes-gt"),
	},
	Limits: Limits{
		Refused: "options that count packets or bytes; sets of the other family; elements that nft cannot say",
		Lossy:   "--update-counters, --update-subcounters",
		Kernel:  "5.6", // networks beside other values (nft_set_pipapo)
	},
	Meaning: setMeaning,
	Lower:   lowerSet,
})

func setCountOptions() []*iptables.OptionSpec {
	var specs []*iptables.OptionSpec
	for _, name := range setCounts {
		specs = append(specs, &iptables.OptionSpec{Name: name, Kind: iptables.Uint(0, math.MaxUint64), Neg: name[len(name)-2:] == "eq"})
	}
	return specs
}

func lowerSet(c *Context, m *iptables.Match) Cond {
	set, _ := m.Get("--match-set")
	ref := set.Value.(setRef)
	s := c.ipset(set, "set", ref)
	if s == nil {
		return All{}
	}
	if s.Family != 0 && s.Family != c.Family {
		c.Refuse(set.Pos, "set", "", "set %s is of the other family", iptables.Quote(s.Name))
	}
	for _, o := range m.Options {
		switch {
		case o.Spec.Name == "--return-nomatch":
			ref.returned = true
		case slices.Contains(setCounts, o.Spec.Name):
			c.Refuse(o.Pos, "set", "", "nftables cannot ask what an element has counted")
		case o.Spec.Name == "--update-counters" && s.Counters, o.Spec.Name == "--update-subcounters" && c.memberCounts(s):
			c.Lossy(o.Pos, "set", "", "elements count this packet too")
		}
	}
	if c.Refused() {
		return All{}
	}
	return negated(c.inIPSet(s, ref, set.Pos), set.Neg)
}

// ipset finds the set that an option names, and refuses one that was not given.
func (c *Context) ipset(o iptables.Option, extension string, ref setRef) *ipset.Set {
	s := c.Sets.Get(ref.Name)
	if s == nil {
		c.Refuse(o.Pos, extension, `give what "ipset save" prints`, "set %s is not known", iptables.Quote(ref.Name))
	}
	return s
}

func (c *Context) memberCounts(list *ipset.Set) bool {
	return list.Type.Name == "list:set" && slices.ContainsFunc(list.Entries, func(e *ipset.Entry) bool {
		s := c.Sets.Get(e.Values[0].Name)
		return s != nil && s.Counters
	})
}

// inIPSet is whether the packet is in a set.
func (c *Context) inIPSet(s *ipset.Set, ref setRef, pos iptables.Pos) Cond {
	ref.returned = ref.returned && (hasNet(s) || s.Type.Name == "list:set")
	switch {
	case len(ref.Src) < len(s.Type.Dims), s.Family != 0 && s.Family != c.Family:
		return Any{}
	case s.Type.Name == "list:set":
		return c.inList(s, ref, pos)
	case !c.sayable(s):
		return All{}
	case s.Type.Name == "bitmap:port":
		l4 := &nft.Set{Type: []nft.Datatype{nft.TypeInetProto}, Flags: bytecode.SetAnonymous | bytecode.SetConstant,
			Elements: []nft.Element{{Key: []byte{protoTCP}}, {Key: []byte{protoUDP}}}}
		proto := &nft.Meta{Key: bytecode.MetaL4proto}
		return All{&Test{Stmts: []nft.Stmt{&nft.InSet{Key: proto, Set: l4}}, Inverse: []nft.Stmt{&nft.InSet{Key: proto, Set: l4, Not: true}}},
			c.Whole(), c.lookup(s, withPorts, ref)}
	case slices.Contains(s.Type.Dims, ipset.MAC):
		// nft wants to see in the same rule that there are Ethernet addresses (ARPHRD_ETHER).
		ethernet := present(&nft.Meta{Key: bytecode.MetaIiftype}, hostU16(1))
		return &Test{Stmts: slices.Concat(ethernet.Stmts, c.lookup(s, withPorts, ref).Stmts)}
	}
	// A later fragment has no port, but in IPv4 one of a protocol without ports is as good as another packet (ip_set_get_ip4_port,
	// ip_set_get_ip6_port).
	var whole, any Any
	for _, class := range classes(s) {
		t := c.lookup(s, class, ref)
		if !c.neverFragment() && hasPort(s) && (class != portless || c.Family == iptables.IPv6) {
			whole = append(whole, t)
		} else {
			any = append(any, t)
		}
	}
	if whole != nil {
		any = append(Any{All{c.Whole(), oneOf(whole)}}, any...)
	}
	return oneOf(any)
}

// oneOf is a choice, which is none if there is but one.
func oneOf(any Any) Cond {
	if len(any) == 1 {
		return any[0]
	}
	return any
}

// lookup asks for the packet in the elements of one class.
func (c *Context) lookup(s *ipset.Set, class portClass, ref setRef) *Test {
	key, set := ipsetKey(c.Family, s, class, ref), c.ipsetAs(s, class, ref.returned)
	t := &Test{Stmts: []nft.Stmt{&nft.InSet{Key: key, Name: set.Name}}}
	if !slices.ContainsFunc(s.Type.Dims, func(d ipset.Dim) bool { return d == ipset.Port || d == ipset.MAC || d == ipset.Iface }) {
		t.Inverse = []nft.Stmt{&nft.InSet{Key: key, Name: set.Name, Not: true}} // every packet has these
	}
	return t
}

// inList asks one set of a list after the other (list_set_ktest).
func (c *Context) inList(list *ipset.Set, ref setRef, pos iptables.Pos) Cond {
	any := Any{}
	for _, e := range list.Entries {
		s := c.Sets.Get(e.Values[0].Name)
		switch {
		case s == nil:
			c.Refuse(e.Pos, "set", `give what "ipset save" prints`, "set %s is not known", iptables.Quote(e.Values[0].Name))
		case s.Type.Name == "list:set":
			c.Refuse(e.Pos, "set", "", "a list cannot be in a list")
		case list.Timeout != nil && e.Timeout != 0:
			c.Refuse(e.Pos, "set", "make it permanent", "a set cannot leave a list by itself in nftables")
		default:
			any = append(any, c.inIPSet(s, ref, pos))
		}
	}
	return any
}

// sayable refuses the entries of a set that have no exact form.
func (c *Context) sayable(s *ipset.Set) bool {
	before := len(c.Problems)
	nets := 0
	for _, d := range s.Type.Dims {
		if d == ipset.Net {
			nets++
		}
	}
	overlap := map[*ipset.Entry]bool{}
	if nets > 1 || nets == 1 && s.Timeout != nil {
		overlap = s.Overlapping()
	}
	for _, e := range s.Entries {
		for _, v := range e.Values {
			switch {
			case v.AnyMAC:
				c.Refuse(e.Pos, "set", "give the Ethernet address", "the element takes its Ethernet address from the first packet")
			case v.Physdev:
				c.Refuse(e.Pos, "set", "", "ports of a bridge are not known in ip tables")
			case v.Wildcard && amongOthers(s, e):
				c.Refuse(e.Pos, "set", "name each device", "the element overlaps others, and nftables holds such only joined")
			}
		}
		if overlap[e] && (nets > 1 || e.Timeout != 0) {
			c.Refuse(e.Pos, "set", "", "the element overlaps others, and nftables holds such only joined")
		}
	}
	return len(c.Problems) == before
}

// amongOthers says whether another element of a set of networks and devices is for the same network, and for some of the devices of
// e, whose device is a prefix of names.
func amongOthers(s *ipset.Set, e *ipset.Entry) bool {
	net, dev := e.Values[0].Net, e.Values[1].Name
	return slices.ContainsFunc(s.Entries, func(o *ipset.Entry) bool {
		other := o.Values[1]
		return o != e && o.Values[0].Net == net &&
			(strings.HasPrefix(other.Name, dev) || other.Wildcard && strings.HasPrefix(dev, other.Name))
	})
}

// setMeaning is set_match_v4. What elements count changes nothing for the packet.
func setMeaning(c *Context, m *iptables.Match) packet.Pred {
	set, _ := m.Get("--match-set")
	ref := set.Value.(setRef)
	s := c.Sets.Get(ref.Name)
	if s == nil {
		return opaqueMatch(m, true)
	}
	for _, o := range m.Options {
		switch {
		case o.Spec.Name == "--return-nomatch":
			ref.returned = true
		case slices.Contains(setCounts, o.Spec.Name):
			return opaqueMatch(m, true)
		}
	}
	return packet.Negate(ipsetMeaning(c, s, ref), set.Neg)
}
