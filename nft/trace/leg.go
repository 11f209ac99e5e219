package trace

import (
	"regexp"
	"slices"
	"strings"

	"rechain/nft/packet"
)

// leg is a hook on a way: what the walk knows of the others.
type leg struct {
	way  *Way
	hook packet.Hook
	all  bool // rules that do not take the packet are told, too
	// state is what connection tracking will say of the packet, and seen that it has.
	state packet.Value
	seen  bool
	// translatedDst and translatedSrc say that the connection's translation of that kind is settled, if only to stay as it is.
	translatedDst, translatedSrc bool
}

// conntrackPriority is NF_IP_PRI_CONNTRACK: chains before it see packets that have no entry yet.
const conntrackPriority = -200

// enter is called before each base chain of the hook. Connection tracking stands in two of them (nf_conntrack_proto.c).
func (w *walk) enter(c *packet.Chain) {
	if w.leg != nil && c.Base.Priority >= conntrackPriority {
		w.track()
	}
}

// track has connection tracking see the packet, unless a rule said that it shall not.
func (w *walk) track() {
	if w.seen || w.leg.hook != packet.Prerouting && w.leg.hook != packet.Output {
		return
	}
	w.seen = true
	if w.packet.Get(packet.CTState) != packet.Num(packet.StateUntracked) {
		w.packet.Set(packet.CTState, w.state)
	}
}

// source says whether translations at the hook are of sources (HOOK2MANIP).
func source(h packet.Hook) bool { return h == packet.Postrouting || h == packet.Input }

// settled says whether no more chains of type nat see the packet, since one has settled the translation (nf_nat_inet_fn).
func (w *walk) settled() bool {
	if w.leg == nil {
		return false
	}
	if source(w.leg.hook) {
		return w.translatedSrc
	}
	return w.translatedDst
}

// settle notes that the hook is behind the packet: one that no rule translated stays as it is (nf_nat_alloc_null_binding).
func (l *leg) settle() {
	if source(l.hook) {
		l.translatedSrc = true
	} else {
		l.translatedDst = true
	}
}

// unknown is a value that a translation leaves to the machine: the first that the rule allows.
func (w *walk) unknown(n *packet.NAT, c packet.NATWrite) packet.Value {
	if w.leg == nil {
		return w.packet.Get(c.Symbol)
	}
	old := w.packet.Get(c.Field)
	isPort := c.Field == packet.SrcPort || c.Field == packet.DstPort
	switch {
	case isPort && n.Shift: // nf_nat_l4proto_unique_tuple: NF_NAT_RANGE_PROTO_OFFSET
		return packet.Num(n.Port.From.Lo + old.Lo - uint64(n.PortBase)).And(packet.Ones(16))
	case isPort && packet.Contains([]packet.Range{*n.Port}, old) && n.Source():
		return old
	case isPort:
		return n.Port.From
	case n.Addr != nil && n.Net:
		host := n.Addr.From.Xor(n.Addr.To)
		return n.Addr.From.AndNot(host).Or(old.And(host))
	case n.Addr != nil:
		return n.Addr.From
	case n.Kind == packet.Redirect && w.leg.hook == packet.Output: // nf_nat_redirect_ipv4, _ipv6
		return loopbackAddress(w.program.IPv6)
	}
	what, device, f := "destination", "came in", packet.Iif
	if n.Kind == packet.Masquerade {
		what, device, f = "source", "goes out", packet.Oif
	}
	if name := w.packet.Get(f); name.IsZero() {
		device = "the device that it " + device + " by"
	} else {
		device = f.Text(name)
	}
	w.way.assume(Assumption{Text: "the new " + what + " is an address of " + device + ", which is not known here; the old one was kept"})
	return old
}

func loopbackAddress(ipv6 bool) packet.Value {
	if ipv6 {
		return packet.Num(1)
	}
	return packet.Num(0x7f000001)
}

// Bits of enum ip_conntrack_status.
const (
	srcNAT = 1 << 4 // IPS_SRC_NAT
	dstNAT = 1 << 5 // IPS_DST_NAT
)

// translated tells the connection of its translation, as "ct status" and the addresses of replies show it (nf_nat_setup_info).
func (w *walk) translated(n *packet.NAT) {
	if w.leg == nil {
		return
	}
	w.settle()
	bit, from, to := uint64(dstNAT), dst(w.program.IPv6), src(w.program.IPv6)
	ports := [2]packet.Field{packet.DstPort, packet.SrcPort}
	if n.Source() {
		bit, from, to = srcNAT, to, from
		ports[0], ports[1] = ports[1], ports[0]
	}
	p := w.packet
	p.Set(packet.CTStatus, p.Get(packet.CTStatus).Or(packet.Num(bit)))
	p.Set(packet.CTTuple(true, to), p.Get(from))
	p.Set(packet.CTTuple(true, ports[1]), p.Get(ports[0]))
	if !n.Source() {
		w.leadsTo(n)
	}
}

// leadsTo says what routes say of a new destination from now on.
func (w *walk) leadsTo(n *packet.NAT) {
	const unicast, local = 1, 2 // RTN_*
	to := uint64(unicast)
	if here(w.way.Line, n, w.packet) {
		to = local
	}
	for _, with := range []string{"", " . iif", " . oif"} {
		w.packet.Set(packet.Named("fib daddr"+with+" type", 32, packet.Hex), packet.Num(to))
	}
}

// here says whether a translation leads to this host.
func here(l *packet.Line, n *packet.NAT, p *packet.Packet) bool {
	own := l.Route == packet.Sent || l.Route == packet.Looped
	switch a := p.Get(l.Dst()); {
	case l.Moved != packet.MovedByKind:
		return l.Moved == packet.MovedHere
	case n.Kind == packet.Redirect:
		return true
	case a == l.Packet.Get(l.Dst()): // only the port is new
		return l.Route == packet.Received || l.Route == packet.Looped
	case own && a == l.Packet.Get(l.Src()):
		return true
	case l.IPv6 && a == packet.Num(1), !l.IPv6 && a.Lo>>24 == 127:
		return true
	}
	return false
}

func src(ipv6 bool) packet.Field { return (&packet.Line{IPv6: ipv6}).Src() }
func dst(ipv6 bool) packet.Field { return (&packet.Line{IPv6: ipv6}).Dst() }

// ask notes what a predicate asks that the packet's line does not say.
func (w *walk) ask(p packet.Pred) {
	if w.leg == nil {
		return
	}
	switch v := p.(type) {
	case *packet.In:
		w.askField(v.Field)
	case *packet.Masked:
		w.askField(v.Field)
	case *packet.Opaque:
		if _, said := w.way.Line.Packet.Opaque[v.Key]; !said {
			w.way.assume(Assumption{Key: v.Key, Value: map[bool]string{false: "no", true: "yes"}[v.Stateful && belowLimit.MatchString(v.Key)]})
		}
	case packet.Not:
		w.ask(v.P)
	case packet.All:
		w.askInOrder(v, false)
	case packet.Any:
		w.askInOrder(v, true)
	}
}

// belowLimit is what predicates are called that hold as long as little has passed, as it is for a first packet ([packet.Limited],
// [packet.BelowQuota]). All other predicates with state say no to it.
var belowLimit = regexp.MustCompile(`(^| )(limit \d+ (packets|bytes) in \d+ s, burst|quota \d+ bytes)`)

// opaque answers a predicate with state that nothing was said about by its number.
func (w *walk) opaque(key string) bool {
	if holds, said := w.packet.Opaque[key]; said || w.leg == nil {
		return holds
	}
	return belowLimit.MatchString(key)
}

// askInOrder asks predicates up to the one that answers for all.
func (w *walk) askInOrder(ps []packet.Pred, answer bool) {
	for _, p := range ps {
		w.ask(p)
		if packet.Holds(p, w.packet) == answer {
			return
		}
	}
}

func (w *walk) askField(f packet.Field) {
	if !vague(f) || !w.packet.Get(f).IsZero() {
		return
	}
	if _, said := w.way.Line.Packet.Fields[f]; !said {
		w.way.assume(Assumption{Key: f.Word(), Value: f.Text(packet.Value{})})
	}
}

// vague says whether there is no usual value of a field.
func vague(f packet.Field) bool {
	if f.Scratch() {
		return false
	}
	return slices.Contains([]packet.Field{packet.Iif, packet.Oif, packet.IifIndex, packet.OifIndex, packet.IifGroup, packet.OifGroup, packet.Realm,
		packet.Cgroup, packet.CTExpires, packet.EtherSrc, packet.IPv4ID, packet.SocketFound, packet.Time, packet.Day, packet.Hour}, f) || strings.HasPrefix(f.Word(), `"`)
}

// found are the values of the fields that a predicate asks.
func found(p packet.Pred, pkt *packet.Packet) (out []Change) {
	add := func(f packet.Field) { out = append(out, Change{f, pkt.Get(f)}) }
	switch v := p.(type) {
	case *packet.In:
		add(v.Field)
	case *packet.Masked:
		add(v.Field)
	case packet.Not:
		out = found(v.P, pkt)
	case packet.All:
		for _, q := range v {
			out = append(out, found(q, pkt)...)
		}
	case packet.Any:
		for _, q := range v {
			out = append(out, found(q, pkt)...)
		}
	}
	return out
}
