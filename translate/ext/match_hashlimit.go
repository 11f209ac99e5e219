package ext

import (
	"math"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// What --hashlimit-mode may name, in the order of iptables-save.
var hashlimitParts = []string{"srcip", "srcport", "dstip", "dstport"}

// xt_hashlimit.c, hashlimit_mt_common: a token bucket for each address or port, in a table that rules with the same name share.
// Here a set of that name has a limit in each element. Both start with a full bucket. What goes unused for the time of
// --hashlimit-htable-expire is forgotten by both.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "hashlimit",
		Options: []*iptables.OptionSpec{
			{Name: "--hashlimit-upto", Aliases: []string{"--hashlimit"}, Kind: hashrateKind, Neg: true, Excludes: []string{"--hashlimit-above"}},
			{Name: "--hashlimit-above", Kind: hashrateKind, Neg: true},
			{Name: "--hashlimit-burst", Kind: hashburstKind},
			{Name: "--hashlimit-mode", Kind: iptables.EnumList(hashlimitParts...)},
			{Name: "--hashlimit-name", Kind: iptables.Name(255), Required: true},
			{Name: "--hashlimit-htable-size", Kind: vacuousNumber{iptables.Uint(0, math.MaxUint32), 0}},
			{Name: "--hashlimit-htable-max", Kind: vacuousNumber{iptables.Uint(0, math.MaxUint32), 0}},
			{Name: "--hashlimit-htable-gcinterval", Kind: vacuousNumber{iptables.Uint(0, math.MaxUint32), 1000}},
			{Name: "--hashlimit-htable-expire", Kind: iptables.Uint(0, math.MaxUint32)},
			{Name: "--hashlimit-srcmask", Kind: prefixLength},
			{Name: "--hashlimit-dstmask", Kind: prefixLength},
			{Name: "--hashlimit-rate-match", Kind: iptables.Flag},
			{Name: "--hashlimit-rate-interval", Kind: iptables.Uint(1, math.MaxUint32)},
		},
		Canonical: canonicalHashlimit,
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			if _, ok := hashrateOf(&iptables.Match{Options: options}); !ok {
				return &iptables.Problem{Pos: r.Pos, Ext: "hashlimit", Msg: "needs --hashlimit-upto or --hashlimit-above"}
			}
			return nil
		},
		Listing: listed("limit:", "up to *", "--hashlimit-upto", "above *", "--hashlimit-above", "burst *", "--hashlimit-burst",
			"mode *", "--hashlimit-mode",
			"htable-size *", "--hashlimit-htable-size", "htable-max *", "--hashlimit-htable-max",
			"htable-gcinterval *", "--hashlimit-htable-gcinterval", "htable-expire *", "--hashlimit-htable-expire",
			"srcmask *", "--hashlimit-srcmask", "dstmask *", "--hashlimit-dstmask",
			"rate-match", "--hashlimit-rate-match", "rate-interval *", "--hashlimit-rate-interval"),
		Unlisted: func([]string) string { return "--hashlimit-name, and so not which rules count together" },
	},
	Limits:  Limits{Refused: "--hashlimit-rate-match; a name that tables share, or rules with other options; no mode in several rules; ports without -p", Lossy: "rates of bytes"},
	Meaning: hashlimitMeaning,
	Lower:   lowerHashlimit,
})

// hashrateOf is the option that says the rate.
func hashrateOf(m *iptables.Match) (iptables.Option, bool) {
	o, ok := m.Get("--hashlimit-upto")
	if !ok {
		o, ok = m.Get("--hashlimit-above")
	}
	return o, ok
}

// canonicalHashlimit says "not above" as "up to", adds the burst that is printed always, and leaves out what is the default.
func canonicalHashlimit(e *iptables.Extension, options []iptables.Option, f iptables.Family) []iptables.Option {
	other := map[string]string{"--hashlimit-upto": "--hashlimit-above", "--hashlimit-above": "--hashlimit-upto"}
	m := &iptables.Match{Options: options}
	rated, ok := hashrateOf(m)
	if !ok {
		return options
	}
	rate := rated.Value.(hashrate)
	expire := rate.expire()
	if _, ok := m.Get("--hashlimit-burst"); rate.bytes && ok {
		expire = byteExpireBurst
	}
	var out []iptables.Option
	for _, o := range options {
		switch o.Spec.Name {
		case "--hashlimit-upto", "--hashlimit-above":
			if o.Neg {
				o.Spec, o.Neg = e.Option(other[o.Spec.Name]), false
			}
		case "--hashlimit-burst":
			if rate.bytes {
				o.Value = hashburst{rate.burst(o.Value.(hashburst).n), true}
			}
		case "--hashlimit-htable-expire":
			if o.Value.(uint64) == expire {
				continue
			}
		case "--hashlimit-srcmask", "--hashlimit-dstmask":
			if o.Value.(uint64) == uint64(addrLen(f)*8) {
				continue
			}
		}
		out = append(out, o)
	}
	if !rate.bytes {
		out = withDefault(e, out, "--hashlimit-burst", hashburst{defaultBurst, false})
	}
	return out
}

func lowerHashlimit(c *Context, m *iptables.Match) Cond {
	for _, name := range []string{"--hashlimit-rate-match", "--hashlimit-rate-interval"} {
		if o, ok := m.Get(name); ok {
			c.Refuse(o.Pos, "hashlimit", "use a limit without it", "nftables has no measure of a rate, only limits to one")
			return All{}
		}
	}
	name, _ := m.Get("--hashlimit-name")
	rules, elsewhere := c.sharing("hashlimit", "--hashlimit-name", name.Value)
	if elsewhere {
		c.Refuse(name.Pos, "hashlimit", "give each table's rules a name of their own",
			"other tables have rules with the name %s too, and in nftables a set belongs to one table", name.Value)
	}
	if slices.ContainsFunc(rules, func(other *iptables.Match) bool { return optionsText(other) != optionsText(m) }) {
		c.Refuse(name.Pos, "hashlimit", "give it a name of its own",
			"shares the name %s with a rule of other options, which iptables then ignores in one of them", name.Value)
	}
	rated, _ := hashrateOf(m)
	rate := rated.Value.(hashrate)
	burst, _ := m.Get("--hashlimit-burst")
	limit := rate.limit(burst)
	if rate.bytes {
		c.Lossy(rated.Pos, "hashlimit", "", "bytes are counted one by one, where iptables counts them in pieces of 16 and rounds up")
	}
	key, types := hashlimitKey(c, m)
	if key == nil && len(rules) > 1 {
		c.Refuse(name.Pos, "hashlimit", "use --hashlimit-mode", "several rules share one limit")
	}
	if c.Refused() {
		return All{}
	}
	limited := func(over bool) []nft.Stmt {
		l := limit
		l.Over = over
		s := nft.Stmt(&nft.Plain{Op: &l})
		if key == nil {
			return []nft.Stmt{s}
		}
		set := c.Set("hashlimit", name.Value.(string), func() *nft.Set {
			set := &nft.Set{Type: types, Flags: bytecode.SetEval | bytecode.SetTimeout, Size: dynamicSize, Timeout: rate.expire()}
			if rate.bytes && burst.Spec != nil {
				set.Timeout = byteExpireBurst
			}
			if o, ok := m.Get("--hashlimit-htable-expire"); ok {
				set.Timeout = o.Value.(uint64)
			}
			if o, ok := m.Get("--hashlimit-htable-max"); ok && o.Value.(uint64) > 0 {
				set.Size = uint32(o.Value.(uint64))
			}
			return set
		})
		return []nft.Stmt{&nft.UpdateSet{Op: bytecode.DynsetUpdate, Name: set.Name, Key: key, Stmts: []nft.Stmt{s}}}
	}
	above := strings.HasSuffix(rated.Spec.Name, "above")
	test := &Test{Stmts: limited(above), Stateful: true}
	if d := c.demandPorts(m); d != nil {
		return All{d, test}
	}
	return test
}

// demandPorts is that there are ports, where the mode asks for any; or nil. In IPv4 later fragments must have bytes in their place too, which
// count as ports (hashlimit_init_dst).
func (c *Context) demandPorts(m *iptables.Match) *Demand {
	mode, _ := m.Get("--hashlimit-mode")
	parts, _ := mode.Value.([]string)
	if !c.DropMalformed || !slices.Contains(parts, "srcport") && !slices.Contains(parts, "dstport") {
		return nil
	}
	proto, _ := c.Proto()
	d := &Demand{Name: "ports", Proto: proto}
	if c.Fragments && c.Family == iptables.IPv6 {
		d.say(bytecode.Return, append(c.guard(), fragment6(bytecode.CmpNeq, 0))...)
	}
	d.say(bytecode.Return, reaches(portsSize))
	return d.orDrop("cut off in its ports")
}

// portsSize is how many bytes both ports have.
const portsSize = 4

// optionsText is a match's options as they are printed.
func optionsText(m *iptables.Match) string {
	var b strings.Builder
	for _, o := range m.Options {
		b.WriteString(o.Spec.Name + " " + o.Spec.Kind.Format(o.Value) + " ")
	}
	return b.String()
}

// hashlimitKey is what has a bucket of its own; nil when there is one for all (hashlimit_init_dst).
func hashlimitKey(c *Context, m *iptables.Match) (nft.Expr, []nft.Datatype) {
	mode, ok := m.Get("--hashlimit-mode")
	if !ok {
		return nil, nil
	}
	var parts []nft.Expr
	var types []nft.Datatype
	for _, part := range mode.Value.([]string) {
		switch part {
		case "srcip", "dstip":
			ones := uint64(addrLen(c.Family) * 8)
			if o, ok := m.Get("--hashlimit-" + part[:3] + "mask"); ok {
				ones = o.Value.(uint64)
			}
			if ones == 0 {
				continue
			}
			e, t := addressKey(c.Family, part == "dstip", prefixMask(c.Family, ones))
			parts, types = append(parts, e), append(types, t)
		case "srcport", "dstport":
			if p, _ := c.Proto(); !slices.Contains(portProtocols, p) {
				c.Refuse(mode.Pos, "hashlimit", "add -p with a protocol that has ports",
					"packets of a protocol without ports count as port 0 to iptables, and nftables cannot tell them")
			}
			if c.Family == iptables.IPv6 && !c.neverFragment() { // in IPv4, both take what stands there for ports (hashlimit_init_dst)
				c.Lossy(mode.Pos, "hashlimit", "add a match for the protocol, such as -m udp",
					"later fragments count by what stands where ports would, and as port 0 to iptables")
			}
			offset := uint32(sourcePort)
			if part == "dstport" {
				offset = destinationPort
			}
			parts, types = append(parts, transport(offset, 2)), append(types, nft.TypeInetService)
		}
	}
	switch len(parts) {
	case 0:
		return nil, nil
	case 1:
		return parts[0], types
	}
	return &nft.Concat{Parts: parts}, types
}

// portProtocols are those with ports where TCP has them.
var portProtocols = []uint8{protoTCP, protoUDP, protoUDPLite, protoSCTP, protoDCCP}

// hashlimitMeaning is hashlimit_mt_common: a bucket for each value of what the mode names, in a table of that name.
func hashlimitMeaning(c *Context, m *iptables.Match) packet.Pred {
	rated, _ := hashrateOf(m)
	rate := rated.Value.(hashrate)
	burst, _ := m.Get("--hashlimit-burst")
	if rate.bytes || burst.Spec == nil { // bytes come in pieces of 16, which nothing else has
		return stateful(m)
	}
	for _, name := range []string{"--hashlimit-rate-match", "--hashlimit-rate-interval"} {
		if _, ok := m.Get(name); ok {
			return stateful(m)
		}
	}
	var by []string
	if mode, ok := m.Get("--hashlimit-mode"); ok {
		for _, part := range mode.Value.([]string) {
			switch part {
			case "srcip", "dstip":
				ones := uint64(addrLen(c.Family) * 8)
				if o, ok := m.Get("--hashlimit-" + part[:3] + "mask"); ok {
					ones = o.Value.(uint64)
				}
				if ones > 0 {
					by = append(by, packet.Bits(addressField(c.Family, part == "dstip"), prefixValue(c.Family, ones)))
				}
			case "srcport":
				by = append(by, packet.SrcPort.Name)
			case "dstport":
				by = append(by, packet.DstPort.Name)
			}
		}
	}
	bucket := ""
	if by != nil {
		name, _ := m.Get("--hashlimit-name")
		bucket = packet.Bucket(identifier("hashlimit-"+name.Value.(string), never), strings.Join(by, " . "))
	}
	n, unit := rate.perUnit()
	limited := packet.Limited(bucket, n, limitUnits[unit].seconds, uint32(burst.Value.(hashburst).n), false)
	return packet.Negate(limited, strings.HasSuffix(rated.Spec.Name, "above"))
}
