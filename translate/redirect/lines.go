package redirect

import (
	"fmt"
	"net/netip"
	"strings"

	"rechain/translate/iptables"
)

// Line is a rule as iptables takes it.
type Line struct {
	Table, Chain string
	// Insert is the position at which -I puts the rule, from 1; 0 is -A, at the end.
	Insert int
	// Words are what follows the chain. None holds white space.
	Words []string
	// Key is the option that made the rule, with the value that did, as in "istio-local-exclude-ports=15090"; or for a rule that
	// no option makes, a word for its purpose. It does not depend on where the option's value came from.
	Key string
}

// The chains of Istio (tools/istio-iptables/pkg/constants).
const (
	chainInbound    = "ISTIO_INBOUND"
	chainInRedirect = "ISTIO_IN_REDIRECT"
	chainRedirect   = "ISTIO_REDIRECT"
	chainOutput     = "ISTIO_OUTPUT"
	chainOutputDNS  = "ISTIO_OUTPUT_DNS"
	chainDivert     = "ISTIO_DIVERT"
	chainTProxy     = "ISTIO_TPROXY"
	chainDrop       = "ISTIO_DROP"
)

// dnsPort is where the proxy takes DNS (IstioAgentDNSListenerPort in the same place).
const dnsPort = 15053

// Keys of rules that no option makes.
const (
	keyOutbound    = "outbound"            // all that this host sends goes through ISTIO_OUTPUT
	keyPassthrough = "inbound-passthrough" // what the proxy passes on to the application comes from 127.0.0.6 or ::6
	keyLoopback    = "loopback"            // ::1
)

// key is an option and its value as a [Line] has it.
func key(option string, value any) string { return fmt.Sprintf("%s=%v", option, value) }

// Lines returns the rules of a family in the order in which Istio's iptables backend gives them, table by table, groups as
// numbers. A family that is off has none.
func (p *Plan) Lines(f iptables.Family) []Line {
	return p.build(f, func(g Group) string { return fmt.Sprint(g.GID) })
}

func (p *Plan) build(f iptables.Family, spell func(Group) string) []Line {
	if f == iptables.IPv6 && !p.IPv6 {
		return nil
	}
	b := &builder{Plan: p, spell: spell, outbound: family(p.Outbound, f), exclude: family(p.OutboundExclude, f)}
	switch f {
	case iptables.IPv4:
		b.loopback, b.passthrough = p.Loopback.String(), "127.0.0.6/32"
		b.loopbackKey = key("loopback-cidr", b.loopback)
	case iptables.IPv6:
		b.loopback, b.passthrough = "::1/128", "::6/128"
		b.loopbackKey = keyLoopback
	}
	for _, a := range p.DNSServers {
		b.servers = append(b.servers, netip.PrefixFrom(a, a.BitLen()))
	}
	b.servers = family(b.servers, f)
	// The order of the tables is that in which Istio gives them to iptables-restore.
	b.mangle()
	b.nat()
	b.raw()
	return b.lines
}

// builder makes the lines of one family.
type builder struct {
	*Plan
	spell                 func(Group) string
	loopback, loopbackKey string
	passthrough           string
	outbound, exclude     []netip.Prefix
	servers               []netip.Prefix
	table                 string
	lines                 []Line
}

// add appends a rule to a chain of the present table. The format and its arguments make the words.
func (b *builder) add(chain, key, format string, args ...any) {
	b.insert(0, chain, key, format, args...)
}

// insert puts a rule at a position.
func (b *builder) insert(at int, chain, key, format string, args ...any) {
	b.lines = append(b.lines, Line{Table: b.table, Chain: chain, Insert: at, Key: key,
		Words: strings.Fields(fmt.Sprintf(format, args...))})
}

// owner is one way to know the proxy by, and the option that says so.
type owner struct {
	match string // as in "--uid-owner 1337"
	key   string
}

func (b *builder) uids() []owner { return owners("--uid-owner", "proxy-uid", b.UIDs) }
func (b *builder) gids() []owner { return owners("--gid-owner", "proxy-gid", b.GIDs) }

func owners(flag, option string, ids []uint32) []owner {
	o := make([]owner, len(ids))
	for i, id := range ids {
		o[i] = owner{match: fmt.Sprintf("%s %d", flag, id), key: key(option, id)}
	}
	return o
}
