package ext

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// setMaps are the options of --map-set.
var setMaps = []string{"--map-set", "--map-mark", "--map-prio", "--map-queue"}

// xt_set.c, set_target_v3: adds to an ipset, and deletes from one.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "SET",
		Options: []*iptables.OptionSpec{
			{Name: "--add-set", Kind: setKind{}},
			{Name: "--exist", Kind: iptables.Flag},
			{Name: "--timeout", Kind: iptables.Uint(0, math.MaxUint32/1000)},
			{Name: "--del-set", Kind: setKind{}},
			{Name: "--map-set", Kind: setKind{}},
			{Name: "--map-mark", Kind: iptables.Flag},
			{Name: "--map-prio", Kind: iptables.Flag},
			{Name: "--map-queue", Kind: iptables.Flag},
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if !slices.ContainsFunc(options, func(o iptables.Option) bool { _, ok := o.Value.(setRef); return ok }) {
				return &iptables.Problem{Pos: r.Target.Pos, Ext: "SET", Msg: "needs --add-set, --del-set or --map-set"}
			}
			return nil
		},
		Listing: listed("", "add-set * *", "--add-set", "del-set * *", "--del-set", "map-set * *", "--map-set", "exist", "--exist",
			"timeout *", "--timeout", "map-mark", "--map-mark", "map-prio", "--map-prio", "map-queue", "--map-queue"),
	},
	Limits: Limits{
		Refused: "--map-set; a set that tables share; sets of networks, Ethernet addresses, bitmaps or lists, or with forceadd",
		Kernel:  "5.4", // NFT_DYNSET_OP_DELETE
	},
	Lower:   lowerSetTarget,
	Meaning: setTargetMeaning,
})

// setTargetMeaning is set_target_v3. An element with a port is only made of packets that have one (ip_set_get_ip4_port, ip_set_get_ip6_port).
func setTargetMeaning(c *Context, t *iptables.Target) (steps []packet.Step) {
	for _, o := range t.Options {
		ref, ok := o.Value.(setRef)
		if !ok {
			continue
		}
		s := c.Sets.Get(ref.Name)
		if s == nil || o.Spec.Name == "--map-set" || len(ref.Src) < len(s.Type.Dims) {
			steps = append(steps, do(&packet.Note{Key: "-j SET" + optionText([]iptables.Option{o})})...)
			continue
		}
		of, needs := elementMeaning(c.Family, s, ref)
		x := packet.SetLacks(s.Name, of)
		if o.Spec.Name == "--add-set" {
			x = packet.SetHolds(s.Name, of, 0)
			if s.Timeout != nil {
				x = packet.SetHolds(s.Name, of, lifetime(t, s))
			}
		}
		steps = append(steps, packet.When(needs, do(x)...))
	}
	return steps
}

// elementMeaning names the element that a packet makes, and says which packets make one.
func elementMeaning(f iptables.Family, s *ipset.Set, ref setRef) (string, packet.All) {
	var names []string
	var needs packet.All
	ends := map[iptables.Family][2]packet.Field{iptables.IPv4: {packet.IPv4Dst, packet.IPv4Src}, iptables.IPv6: {packet.IPv6Dst, packet.IPv6Src}}
	for i, dim := range s.Type.Dims {
		src := 0
		if ref.Src[i] {
			src = 1
		}
		switch dim {
		case ipset.IP:
			addr := ends[f][src]
			mask := packet.Ones(uint(addr.Bits))
			if s.Netmask != 0 {
				mask = mask.AndNot(packet.Ones(uint(addr.Bits) - uint(s.Netmask)))
			}
			names = append(names, packet.Bits(addr, mask))
		case ipset.Port:
			needs = append(needs, packet.Eq(packet.FragOffset, packet.Value{}), packet.Set(packet.HasTransport))
			names = append(names, packet.L4Proto.Name, [2]packet.Field{packet.DstPort, packet.SrcPort}[src].Name)
		case ipset.Mark:
			mask := s.MarkMask
			if mask == 0 {
				mask = math.MaxUint32
			}
			names = append(names, packet.Bits(packet.Mark, packet.Num(uint64(mask))))
		default:
			names = append(names, fmt.Sprint(dim, src))
		}
	}
	return strings.Join(names, " . "), needs
}

func lowerSetTarget(c *Context, t *iptables.Target) Action {
	var act Action
	for _, o := range t.Options {
		switch {
		case slices.Contains(setMaps, o.Spec.Name):
			c.Refuse(o.Pos, "SET", "", "nftables sets do not hold marks, priorities and queues for packets")
		case o.Spec.Name == "--add-set" || o.Spec.Name == "--del-set":
			if s := c.changeSet(t, o); s != nil {
				act.Rules = append(act.Rules, append(c.wholeForPorts(t, o), s...))
			}
		}
	}
	return act
}

// wholeForPorts is what keeps a later fragment, which has no port, from changing a set of ports.
func (c *Context) wholeForPorts(t *iptables.Target, o iptables.Option) []nft.Stmt {
	s := c.Sets.Get(o.Value.(setRef).Name)
	if !hasPort(s) || c.neverFragment() {
		return nil
	}
	if c.Family == iptables.IPv6 {
		c.Lossy(o.Pos, "SET", "add a match for the protocol, such as -m udp", "later fragments change the set as well, by what stands where a port would")
		return nil
	}
	return []nft.Stmt{fragment4(bytecode.CmpEq, 0)}
}

// changeSet is one change, or nil where there is none or it is refused.
func (c *Context) changeSet(t *iptables.Target, o iptables.Option) []nft.Stmt {
	ref := o.Value.(setRef)
	s := c.ipset(o, "SET", ref)
	switch {
	case s == nil:
		return nil
	case len(c.changing(ref.Name)) > 1 || c.usedElsewhere(ref.Name):
		c.Refuse(o.Pos, "SET", "keep the rules of a set in one table", "other tables use the set %s too, and in nftables a set belongs to one table", ref.Name)
	case len(ref.Src) < len(s.Type.Dims) || s.Family != c.Family:
		c.Refuse(o.Pos, "SET", "", "set %s takes no such elements", ref.Name)
	case s.Type.Name == "list:set", s.First.IsValid():
		c.Refuse(o.Pos, "SET", "use a set of type hash:ip", "packets cannot add to a set of type %s in nftables", s.Type.Name)
	case slices.Contains(s.Type.Dims, ipset.Net), slices.Contains(s.Type.Dims, ipset.MAC):
		c.Refuse(o.Pos, "SET", "use a set of type hash:ip", "packets cannot add to a set of type %s in nftables", s.Type.Name)
	case s.ForceAdd:
		c.Refuse(o.Pos, "SET", "create the set without forceadd", "a full set of nftables does not make room for new elements")
	case c.sayable(s):
		return c.update(t, o, s, ref)
	}
	return nil
}

func (c *Context) update(t *iptables.Target, o iptables.Option, s *ipset.Set, ref setRef) []nft.Stmt {
	if slices.Contains(s.Type.Dims, ipset.Port) {
		if p, ok := c.Proto(); !ok || classOf(p) != withPorts {
			c.Refuse(o.Pos, "SET", "name TCP, UDP, UDP-Lite or SCTP with -p", "only with such a protocol there are ports for sure")
			return nil
		}
	}
	key, set := ipsetKey(c.Family, s, withPorts, ref), c.ipsetAs(s, withPorts, false)
	del := &nft.UpdateSet{Op: bytecode.DynsetDelete, Name: set.Name, Key: key}
	if o.Spec.Name == "--del-set" {
		return []nft.Stmt{del}
	}
	add := &nft.UpdateSet{Op: bytecode.DynsetAdd, Name: set.Name, Key: key}
	if s.Timeout == nil {
		return []nft.Stmt{add}
	}
	add.Timeout = lifetime(t, s)
	if _, ok := t.Get("--exist"); !ok {
		return []nft.Stmt{add}
	}
	if add.Timeout == 0 || c.permanent(s) {
		// update leaves an element that stays for ever as it is, and makes none such (nft_dynset_eval).
		return []nft.Stmt{del, add}
	}
	add.Op = bytecode.DynsetUpdate
	return []nft.Stmt{add}
}

// lifetime is how long, in milliseconds, an element stays that a SET target adds; 0 for ever.
func lifetime(t *iptables.Target, s *ipset.Set) uint64 {
	if own, ok := t.Get("--timeout"); ok {
		return own.Value.(uint64) * 1000
	}
	return uint64(*s.Timeout) * 1000
}

// permanent says whether a set with timeouts may hold elements that stay for ever.
func (c *Context) permanent(s *ipset.Set) bool {
	if slices.ContainsFunc(s.Entries, func(e *ipset.Entry) bool { return e.Timeout == 0 }) {
		return true
	}
	return slices.ContainsFunc(c.changes(s.Name), func(t *iptables.Target) bool {
		add, ok := t.Get("--add-set")
		return ok && add.Value.(setRef).Name == s.Name && lifetime(t, s) == 0
	})
}

// usedElsewhere says whether rules of other tables look into an ipset, itself or in a list.
func (c *Context) usedElsewhere(name string) bool {
	names := []any{}
	for _, s := range c.Sets {
		if s.Name == name || slices.ContainsFunc(s.Entries, func(e *ipset.Entry) bool { return e.Values[0].Name == name }) {
			names = append(names, s.Name)
		}
	}
	if c.Source == nil {
		return false
	}
	for _, t := range c.Source.Tables {
		if t.Name == c.Table {
			continue
		}
		for _, ch := range t.Chains {
			for _, r := range ch.Rules {
				for _, m := range r.Matches {
					if o, ok := m.Get("--match-set"); ok && slices.Contains(names, any(o.Value.(setRef).Name)) {
						return true
					}
				}
			}
		}
	}
	return false
}
