package ext

import (
	"fmt"
	"math"
	"net/netip"
	"slices"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

var recentActs = []string{"--set", "--rcheck", "--update", "--remove"}

func othersOf(names []string, not string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == not })
}

// xt_recent.c, recent_mt. A list of addresses with the times when they were seen, which all rules with its name share. Here each span
// of time that any of them asks for is a set whose elements live so long. How many addresses a list keeps is a parameter of the
// module, and not in a dump.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "recent",
		Options: []*iptables.OptionSpec{
			{Name: "--set", Kind: iptables.Flag, Neg: true, Excludes: othersOf(recentActs, "--set")},
			{Name: "--rcheck", Kind: iptables.Flag, Neg: true, Excludes: othersOf(recentActs, "--rcheck")},
			{Name: "--update", Kind: iptables.Flag, Neg: true, Excludes: othersOf(recentActs, "--update")},
			{Name: "--remove", Kind: iptables.Flag, Neg: true, Excludes: othersOf(recentActs, "--remove")},
			{Name: "--seconds", Kind: iptables.Uint(1, math.MaxUint32)},
			{Name: "--reap", Kind: iptables.Flag},
			{Name: "--hitcount", Kind: iptables.Uint(0, math.MaxUint32)},
			{Name: "--rttl", Kind: iptables.Flag, Excludes: []string{"--set", "--remove"}},
			{Name: "--name", Kind: iptables.Name(199)},
			{Name: "--mask", Kind: iptables.Address},
			{Name: "--rsource", Kind: iptables.Flag},
			{Name: "--rdest", Kind: iptables.Flag},
		},
		Canonical: canonicalRecent,
		Check:     checkRecent,
		Listing: listed("", "! recent: SET", "--set", "! recent: CHECK", "--rcheck", "! recent: UPDATE", "--update",
			"! recent: REMOVE", "--remove", "seconds: *", "--seconds", "reap", "--reap", "hit_count: *", "--hitcount",
			"TTL-Match", "--rttl", "name: *", "--name", "side: source", "--rsource", "side: dest", "--rdest", "mask: *", "--mask"),
	},
	Limits: Limits{Refused: "--hitcount, --rttl; a list that tables share; --reap beside other --seconds; ! --update --seconds"},
	Steps:  recentSteps,
	Lower:  lowerRecent,
})

// canonicalRecent adds what iptables-save always prints. Of --rsource and --rdest the last counts.
func canonicalRecent(e *iptables.Extension, options []iptables.Option, f iptables.Family) []iptables.Option {
	side := "--rsource"
	var out []iptables.Option
	for _, o := range options {
		switch o.Spec.Name {
		case "--rsource", "--rdest":
			side = o.Spec.Name
		case "--hitcount":
			if o.Value.(uint64) != 0 {
				out = append(out, o)
			}
		default:
			out = append(out, o)
		}
	}
	all, _ := netip.AddrFromSlice(prefixMask(f, uint64(addrLen(f)*8)))
	out = withDefault(e, out, "--name", "DEFAULT")
	out = withDefault(e, out, "--mask", all)
	return withDefault(e, out, side, nil)
}

func checkRecent(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	m := iptables.Match{Options: options}
	_, seconds := m.Get("--seconds")
	_, reap := m.Get("--reap")
	switch {
	case !slices.ContainsFunc(options, func(o iptables.Option) bool { return slices.Contains(recentActs, o.Spec.Name) }):
		return &iptables.Problem{Pos: r.Pos, Ext: "recent", Msg: "needs one of --set, --rcheck, --update and --remove"}
	case reap && !seconds:
		return &iptables.Problem{Pos: r.Pos, Ext: "recent", Msg: "--reap needs --seconds"}
	}
	return nil
}

func lowerRecent(c *Context, m *iptables.Match) Cond {
	name, _ := m.Get("--name")
	rules, elsewhere := c.sharing("recent", "--name", name.Value)
	if elsewhere {
		c.Refuse(name.Pos, "recent", "keep the rules of a list in one table",
			"other tables have rules with the list %s too, and in nftables a set belongs to one table", name.Value)
	}
	act := m.Options[slices.IndexFunc(m.Options, func(o iptables.Option) bool { return slices.Contains(recentActs, o.Spec.Name) })]
	if o, ok := m.Get("--hitcount"); ok && o.Value.(uint64) > 1 && (act.Spec.Name == "--rcheck" || act.Spec.Name == "--update") {
		c.Refuse(o.Pos, "recent", "use hashlimit, or a set with a limit for each element",
			"nftables sets do not remember how often an address was seen")
	}
	if o, ok := m.Get("--rttl"); ok {
		c.Refuse(o.Pos, "recent", "leave it out", "nftables sets do not remember a packet's TTL")
	}
	if o, ok := m.Get("--reap"); ok && slices.ContainsFunc(rules, func(other *iptables.Match) bool {
		w := recentWindow(other)
		return w == 0 || w > recentWindow(m)
	}) {
		c.Refuse(o.Pos, "recent", "give each rule of the list the same --seconds", "it takes out addresses that another rule looks for")
	}
	if act.Spec.Name == "--update" && act.Neg && recentWindow(m) != 0 {
		c.Refuse(act.Pos, "recent", "use ! --rcheck", "it refreshes exactly the addresses that nftables has forgotten by then")
	}
	if c.Refused() {
		return All{}
	}
	return negated(recentTest(c, m, rules, act), act.Neg)
}

// recentWindow is how many seconds ago an address must have been seen last; 0 for ever.
func recentWindow(m *iptables.Match) uint64 {
	if o, ok := m.Get("--seconds"); ok {
		return o.Value.(uint64)
	}
	return 0
}

func recentTest(c *Context, m *iptables.Match, rules []*iptables.Match, act iptables.Option) *Test {
	mask, _ := m.Get("--mask")
	_, destination := m.Get("--rdest")
	key, typ := addressKey(c.Family, destination, mask.Value.(netip.Addr).AsSlice())
	sets := recentSets(c, m, rules, typ)
	own := sets[slices.IndexFunc(sets, func(s *nft.Set) bool { return s.Timeout == recentWindow(m)*1000 || act.Spec.Name == "--set" })]
	known := &nft.InSet{Key: key, Name: own.Name}
	t := &Test{}
	if act.Spec.Name != "--set" {
		t.Stmts = append(t.Stmts, known)
	}
	if act.Spec.Name == "--rcheck" || act.Spec.Name == "--update" && act.Neg {
		t.Inverse = []nft.Stmt{&nft.InSet{Key: key, Name: own.Name, Not: true}}
		return t
	}
	t.Stateful = true
	for _, s := range sets {
		op := bytecode.DynsetUpdate
		switch {
		case act.Spec.Name == "--remove":
			op = bytecode.DynsetDelete
		case s.Timeout == 0: // there is nothing to update
			op = bytecode.DynsetAdd
		}
		t.Stmts = append(t.Stmts, &nft.UpdateSet{Op: op, Name: s.Name, Key: key})
	}
	return t
}

// recentSets are the sets of a list, one for each span that its rules ask for.
func recentSets(c *Context, m *iptables.Match, rules []*iptables.Match, typ nft.Datatype) []*nft.Set {
	windows := recentWindows(rules)
	list, _ := m.Get("--name")
	var sets []*nft.Set
	for _, w := range windows {
		sets = append(sets, c.Set("recent", spanName(list.Value.(string), w, len(windows)), func() *nft.Set {
			s := &nft.Set{Type: []nft.Datatype{typ}, Flags: bytecode.SetEval, Size: dynamicSize}
			if w > 0 {
				s.Flags |= bytecode.SetTimeout
				s.Timeout = w * 1000
			}
			return s
		}))
	}
	return sets
}

// recentWindows are the spans that rules of a list ask for.
func recentWindows(rules []*iptables.Match) []uint64 {
	var windows []uint64
	for _, r := range rules {
		if _, set := r.Get("--set"); !set {
			windows = append(windows, recentWindow(r))
		}
	}
	slices.Sort(windows)
	windows = slices.Compact(windows)
	if windows == nil { // addresses are only collected
		windows = []uint64{0}
	}
	return windows
}

// spanName names what is left of a list for one span of so many.
func spanName(list string, seconds uint64, of int) string {
	if of > 1 && seconds > 0 {
		return fmt.Sprintf("%s-%ds", list, seconds)
	}
	return list
}

// recentSteps is recent_mt: whether the address is in the list, for no longer than the rule says; and what is done with the list. --set
// always matches. Beside one another, the entries of a list are the same for all rules, but not for how long they count.
func recentSteps(c *Context, m *iptables.Match) []packet.Step {
	act := m.Options[slices.IndexFunc(m.Options, func(o iptables.Option) bool { return slices.Contains(recentActs, o.Spec.Name) })]
	hits, counted := m.Get("--hitcount")
	if _, ok := m.Get("--rttl"); ok || counted && hits.Value.(uint64) > 1 {
		return require(packet.Negate(stateful(m), act.Neg))
	}
	_, destination := m.Get("--rdest")
	mask, _ := m.Get("--mask")
	list, _ := m.Get("--name")
	address := packet.Bits(addressField(c.Family, destination), packet.FromBytes(mask.Value.(netip.Addr).AsSlice()))
	rules, _ := c.sharing("recent", "--name", list.Value)
	windows := recentWindows(rules)
	name := identifier("recent-"+list.Value.(string), never)
	known := packet.Remembered(name, address, recentWindow(m)*1000)
	var touches []packet.Step
	for _, w := range windows { // what a list holds is told by what rules can find in it, for each span
		touch := packet.SetHolds(name, address, w*1000)
		if act.Spec.Name == "--remove" {
			touch = packet.SetLacks(name, address)
		}
		touches = append(touches, &packet.Do{Effect: touch})
	}
	switch {
	case act.Spec.Name == "--set" && act.Neg:
		return append(touches, &packet.Require{P: packet.Any{}})
	case act.Spec.Name == "--set":
		return touches
	case act.Spec.Name == "--rcheck", act.Neg:
		return require(packet.Negate(known, act.Neg))
	}
	return append(require(known), touches...)
}
