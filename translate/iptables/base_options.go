package iptables

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// baseOption is an option of iptables itself.
type baseOption struct {
	name  string   // "-s"
	long  []string // without the dashes
	args  int
	neg   bool
	apply func(p *ruleParser, value string, at Pos)
}

// baseOptions are the options that a rule can have (original_opts in iptables.c and ip6tables.c).
var baseOptions = []*baseOption{
	{"-s", []string{"source", "src"}, 1, true, (*ruleParser).source},
	{"-d", []string{"destination", "dst"}, 1, true, (*ruleParser).destination},
	{"-i", []string{"in-interface"}, 1, true, (*ruleParser).inInterface},
	{"-o", []string{"out-interface"}, 1, true, (*ruleParser).outInterface},
	{"-p", []string{"protocol"}, 1, true, (*ruleParser).protocol},
	{"-f", []string{"fragments"}, 0, true, (*ruleParser).fragments},
	{"-m", []string{"match"}, 1, false, (*ruleParser).match},
	{"-j", []string{"jump"}, 1, false, (*ruleParser).jump},
	{"-g", []string{"goto"}, 1, false, (*ruleParser).gotoChain},
	{"-c", []string{"set-counters"}, 1, false, (*ruleParser).counters},
	{"-4", []string{"ipv4"}, 0, false, (*ruleParser).anyFamily},
	{"-6", []string{"ipv6"}, 0, false, (*ruleParser).anyFamily},
	{"-v", []string{"verbose"}, 0, false, (*ruleParser).verbose},
}

func (p *ruleParser) source(v string, at Pos) { p.src = p.addresses(p.oneSrc[:0], "-s", v, at) }

func (p *ruleParser) destination(v string, at Pos) { p.dst = p.addresses(p.oneDst[:0], "-d", v, at) }

// addresses reads the list of -s or -d. The rule is made once for each.
func (p *ruleParser) addresses(list []*AddrMatch, option, v string, at Pos) []*AddrMatch {
	neg := p.takeNeg()
	for part := range strings.SplitSeq(v, ",") {
		n, err := parseHost(strings.TrimSpace(part), p.family)
		if err != nil {
			p.problem(at, option, err.Error(), p.otherHost(part))
			continue
		}
		list = append(list, p.addrs.put(AddrMatch{Neg: neg, Addr: n.Addr, Mask: n.Mask, Pos: at}))
	}
	return list
}

// otherHost is a hint about an address that is of the other family.
func (p *ruleParser) otherHost(w string) string {
	host, _, _ := strings.Cut(w, "/")
	a, err := netip.ParseAddr(host)
	switch {
	case err != nil || a.Is4() == (p.family == IPv4):
		return ""
	case a.Is4():
		return "is the source of iptables?"
	}
	return "is the source of ip6tables?"
}

// parseHost is ParseNet for the addresses of -s and -d: the address does not matter when the mask is empty, an IPv4 address may
// leave out its last bytes, which are then zero (xtables_ipparse_multiple), and a few names are known.
func parseHost(w string, family Family) (Net, error) {
	host, mask, masked := cutLast(w, "/")
	bits := unspecified(family).BitLen()
	m := prefixMask(bits, bits)
	if masked {
		var err error
		if m, err = parseMask(mask, family); err != nil {
			return Net{}, err
		}
		if !slices.ContainsFunc(m, func(b byte) bool { return b != 0 }) {
			return Net{Addr: unspecified(family), Mask: m}, nil
		}
	}
	if a, err := ParseAddr(host, family); err == nil {
		return Net{maskAddr(a, m), m}, nil
	}
	if a, ok := hosts(family)[host]; ok {
		host = a.String()
	} else if family == IPv4 && host != "" && strings.Trim(host, "0123456789.") == "" && !strings.HasSuffix(host, ".") {
		host += strings.Repeat(".0", max(0, 3-strings.Count(host, ".")))
	}
	if masked {
		host += "/" + mask
	}
	return ParseNet(host, family)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (p *ruleParser) inInterface(v string, at Pos)  { p.rule.In = p.iface("-i", v, at) }
func (p *ruleParser) outInterface(v string, at Pos) { p.rule.Out = p.iface("-o", v, at) }

// maxIfaceName is IFNAMSIZ (linux/if.h) less its NUL.
const maxIfaceName = 15

func (p *ruleParser) iface(option, v string, at Pos) *IfaceMatch {
	i := p.ifaces.put(IfaceMatch{Neg: p.takeNeg(), Name: v, Pos: at})
	switch {
	case v == "":
		p.problem(at, option, "the interface name is empty", "")
	case len(v) > maxIfaceName:
		p.problem(at, option, fmt.Sprintf("the interface name %s is longer than %d bytes", Quote(v), maxIfaceName), "")
	}
	return i
}

func (p *ruleParser) protocol(v string, at Pos) {
	neg := p.takeNeg()
	n, err := ParseProtocol(v)
	switch {
	case err != nil:
		p.problem(at, "-p", err.Error(), "give its number")
		p.lost = true
	case n == 0 && neg:
		p.problem(at, "-p", "no packet is of none of all protocols", "")
	case n != 0:
		p.rule.Proto = p.protocols.put(ProtoMatch{Neg: neg, Num: n, Pos: at})
	}
}

func (p *ruleParser) fragments(_ string, at Pos) {
	if p.family == IPv6 {
		p.problem(at, "-f", "is for IPv4 only", "use -m frag")
	}
	p.rule.Fragment = &FragmentMatch{Neg: p.takeNeg(), Pos: at}
}

func (p *ruleParser) match(v string, at Pos) {
	name := v
	if v == "icmpv6" || v == "ipv6-icmp" {
		name = "icmp6"
	}
	e := p.vocab.MatchExtension(name, p.family)
	if e == nil {
		hint := ""
		if other := IPv4 + IPv6 - p.family; p.vocab.MatchExtension(name, other) != nil {
			hint = fmt.Sprintf("it is for IPv%d only", other)
		}
		p.problem(at, v, fmt.Sprintf("there is no match of this name for IPv%d", p.family), hint)
		p.lost = true
		return
	}
	p.load(e, at)
}

func (p *ruleParser) jump(v string, at Pos) { p.setTarget(v, at, false) }

func (p *ruleParser) gotoChain(v string, at Pos) { p.setTarget(v, at, true) }

func (p *ruleParser) setTarget(v string, at Pos, chain bool) {
	if p.rule.Target != nil {
		p.problem(at, "-j", "the rule has a target already: "+p.rule.Target.Name, "")
		return
	}
	if v == "" || len(v) > maxChainName || strings.ContainsAny(v, " \t\n\v\f\r") {
		p.problem(at, "-j", Quote(v)+" cannot be the name of a target", "")
	}
	t := p.targets.put(Target{Name: v, Goto: chain, Pos: at})
	p.rule.Target = t
	if chain {
		return
	}
	if t.Ext = p.vocab.TargetExtension(v, p.family); t.Ext != nil {
		p.scopes = append(p.scopes, scope{t.Ext, &t.Options, at})
	}
}

// counters reads "-c PACKETS BYTES" or "-c PACKETS,BYTES".
func (p *ruleParser) counters(v string, at Pos) {
	packets, bytes, two := strings.Cut(v, ",")
	if !two {
		if p.next >= len(p.words) {
			p.problem(at, "-c", "needs packets and bytes", "")
			return
		}
		bytes = p.words[p.next]
		p.next++
	}
	c, ok := parseCounters(packets, bytes)
	if !ok {
		p.problem(at, "-c", "packets and bytes must be numbers", "")
		return
	}
	p.rule.Counters = c
}

// anyFamily is -4 or -6 in a rule that is for this family: which it is for was found before.
func (p *ruleParser) anyFamily(string, Pos) {}

// verbose only makes iptables-restore print the rule.
func (p *ruleParser) verbose(string, Pos) {}
