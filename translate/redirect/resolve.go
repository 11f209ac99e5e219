package redirect

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"rechain/translate/iptables"
)

// outboundMark is the mark of packets from the proxy to this host's own address in TPROXY mode (OutboundMark in Istio's
// tools/istio-iptables/pkg/constants).
const outboundMark = 1338

// defaultProxyUID is the proxy's id when there is no such user (DefaultProxyUID in the same place).
const defaultProxyUID = 1337

// maxOwnerGroups bounds the groups in one rule (maxOwnerGroupsInclude in tools/common/config/validation.go).
const maxOwnerGroups = 64

// Resolve checks the configuration and completes it with what sys knows. It names everything that is wrong, each at the place its
// value came from; the plan is nil when there is anything.
func (c *Config) Resolve(sys System) (*Plan, iptables.Problems) {
	r := &resolver{config: c, sys: sys}
	p := &Plan{
		ProxyPort:   one(r, "envoy-port", parsePort),
		CapturePort: one(r, "inbound-capture-port", parsePort),
		TunnelPort:  one(r, "inbound-tunnel-port", parsePort),

		TProxy:     r.word("istio-inbound-interception-mode", "", "REDIRECT", "TPROXY") == "TPROXY",
		Mark:       one(r, "istio-inbound-tproxy-mark", parseMark),
		RouteTable: one(r, "istio-inbound-tproxy-route-table", parseRouteTable),

		AllInbound:     r.all("istio-inbound-ports"),
		InboundPorts:   many(r, "istio-inbound-ports", parsePortRange),
		InboundExclude: many(r, "istio-local-exclude-ports", parsePortRange),

		AllOutbound:          r.all("istio-service-cidr"),
		Outbound:             many(r, "istio-service-cidr", parseCIDR),
		OutboundExclude:      many(r, "istio-service-exclude-cidr", parseCIDR),
		OutboundPorts:        many(r, "istio-outbound-ports", parsePortRange),
		OutboundPortsExclude: many(r, "istio-local-outbound-ports-exclude", parsePortRange),

		AllGroups:     r.all("outbound-owner-groups"),
		Groups:        many(r, "outbound-owner-groups", r.group),
		GroupsExclude: many(r, "outbound-owner-groups-exclude", r.group),

		ExcludeInterfaces: many(r, "istio-exclude-interfaces", interfaceName),
		VirtualInterfaces: many(r, "kube-virt-interfaces", interfaceName),
		Loopback:          one(r, "loopback-cidr", parseLoopback),

		RedirectDNS:   c.RedirectDNS,
		CaptureAllDNS: c.CaptureAllDNS,
		DropInvalid:   c.DropInvalid,

		TablePrefix:  one(r, "table-prefix", parseTablePrefix),
		ProbePort:    one(r, "iptables-probe-port", parsePort),
		ProbeTimeout: c.ProbeTimeout,
	}
	r.word("force-iptables-binary", "", "legacy", "nft")
	if c.ProbeTimeout <= 0 {
		r.wrong("probe-timeout", -1, fmt.Sprintf("%s is no time to wait", c.ProbeTimeout), "")
	}
	if p.TProxy && p.Mark == outboundMark {
		r.wrong("istio-inbound-tproxy-mark", -1, fmt.Sprintf("%d is the mark of the proxy's own packets in TPROXY mode", p.Mark),
			"take another")
	}
	if len(p.Groups) > maxOwnerGroups {
		r.wrong("outbound-owner-groups", -1,
			fmt.Sprintf("%d groups, but one rule holds at most %d", len(p.Groups), maxOwnerGroups), "")
	}
	r.proxy(p)
	r.dns(p)
	r.families(p)
	r.notes(p)
	if r.problems != nil {
		return nil, r.problems
	}
	return p, nil
}

// resolver collects what is wrong.
type resolver struct {
	config   *Config
	sys      System
	problems iptables.Problems
}

func (r *resolver) wrong(name string, item int, msg, hint string) {
	r.problems = append(r.problems, r.config.problem(name, item, msg, hint))
}

func (r *resolver) text(name string) string { return *optionNamed(name).field(r.config).(*string) }

// list is the entries of a list option, trimmed. Empty ones are kept, so that the index says which entry it is.
func (r *resolver) list(name string) []string {
	raw := *optionNamed(name).field(r.config).(*[]string)
	items := make([]string, len(raw))
	for i, s := range raw {
		items[i] = strings.TrimSpace(s)
	}
	return items
}

// one is the value of a text option; the zero value when it is wrong.
func one[T any](r *resolver, name string, parse func(string) (T, error)) T {
	v, err := parse(r.text(name))
	if err != nil {
		r.wrong(name, -1, err.Error(), "")
	}
	return v
}

// word is the value of an option that is one of a few words.
func (r *resolver) word(name string, words ...string) string {
	s := r.text(name)
	if !slices.Contains(words, s) {
		if words[0] == "" {
			words = words[1:]
		}
		r.wrong(name, -1, fmt.Sprintf("%q is not %s", s, strings.Join(words, " or ")), "")
	}
	return s
}

// many is the values of a list option, without a "*" that stands for everything.
func many[T any](r *resolver, name string, parse func(string) (T, error)) []T {
	var values []T
	for i, s := range r.list(name) {
		switch {
		case s == "", s == "*" && optionNamed(name).wildcard:
		case s == "*":
			r.wrong(name, i, `"*" has no meaning here`, "say what, one by one")
		default:
			v, err := parse(s)
			if err != nil {
				r.wrong(name, i, err.Error(), "")
				continue
			}
			values = append(values, v)
		}
	}
	return values
}

// all reports whether a list option is "*", which must stand alone.
func (r *resolver) all(name string) bool {
	items := slices.DeleteFunc(r.list(name), func(s string) bool { return s == "" })
	star := slices.Contains(items, "*")
	if star && len(items) > 1 {
		r.wrong(name, -1, `"*" stands beside other entries`, `write "*" alone, or leave it out`)
	}
	return star
}

// group is a group by name or number.
func (r *resolver) group(s string) (Group, error) {
	number := s
	if strings.Trim(s, "0123456789") != "" {
		var err error
		if number, err = r.sys.LookupGroup(s); err != nil {
			return Group{}, fmt.Errorf("there is no group %q", s)
		}
	}
	gid, err := parseID(number)
	return Group{Given: s, GID: gid}, err
}

// proxy finds out who the proxy is.
func (r *resolver) proxy(p *Plan) {
	before := len(r.problems)
	p.UIDs = many(r, "proxy-uid", parseID)
	if len(p.UIDs) == 0 && len(r.problems) == before {
		p.UIDs = []uint32{defaultProxyUID}
		if uid, err := r.sys.LookupUser(r.config.EnvoyUser); err == nil {
			if id, err := parseID(uid); err == nil {
				p.UIDs = []uint32{id}
			}
		}
	}
	if p.GIDs = many(r, "proxy-gid", parseID); len(p.GIDs) == 0 {
		p.GIDs = p.UIDs
	}
}

// dns finds the name servers. Without any, DNS is not captured, as with Istio.
func (r *resolver) dns(p *Plan) {
	before := len(r.problems)
	servers := many(r, "dns-server", parseAddr)
	if !p.RedirectDNS || p.CaptureAllDNS || len(r.problems) > before {
		return
	}
	if len(servers) == 0 {
		text, err := r.sys.ResolvConf()
		if err != nil {
			r.wrong("redirect-dns", -1, "no name servers are known: "+err.Error(), "use --dns-server or --capture-all-dns")
			return
		}
		servers = ParseResolvConf(text)
	}
	p.DNSServers = servers
	if len(servers) == 0 {
		p.RedirectDNS = false
		p.Notes = append(p.Notes, r.config.problem("redirect-dns", -1, "DNS is not captured, for no name servers are known",
			"use --dns-server or --capture-all-dns"))
	}
}

// families decides on IPv6.
func (r *resolver) families(p *Plan) {
	switch r.word("ipv6", "auto", "on", "off") {
	case "on":
		p.IPv6 = true
	case "auto":
		const hint = "say --ipv6 on or --ipv6 off"
		addrs, err := r.sys.Addresses()
		if err != nil {
			r.wrong("ipv6", -1, "auto cannot look at the addresses: "+err.Error(), hint)
			return
		}
		var ok bool
		if p.IPv6, ok = DetectIPv6(addrs, r.config.DualStack); !ok {
			r.wrong("ipv6", -1, "auto cannot decide: there is no address other than loopback and link-local", hint)
		}
	}
}

// notes tells of options that have no effect beside others.
func (r *resolver) notes(p *Plan) {
	idle := func(option, because string) {
		p.Notes = append(p.Notes, r.config.problem(option, -1, "has no effect, "+because, ""))
	}
	if len(p.InboundExclude) > 0 && !p.AllInbound {
		idle("istio-local-exclude-ports", `for --istio-inbound-ports is not "*"`)
	}
	if len(p.GroupsExclude) > 0 && !p.AllGroups {
		idle("outbound-owner-groups-exclude", `for --outbound-owner-groups is not "*"`)
	}
}

// family returns those prefixes that are of the family, as Istio splits them: what is not IPv4 is IPv6.
func family(prefixes []netip.Prefix, f iptables.Family) []netip.Prefix {
	var of []netip.Prefix
	for _, p := range prefixes {
		if p.Addr().Is4() == (f == iptables.IPv4) {
			of = append(of, p)
		}
	}
	return of
}
