package trace

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rechain/nft/packet"
)

// Way is a packet's way through all hooks of its route, one after the other: what a hook made of it is there in the next.
//
// A packet is received (prerouting, input), forwarded (prerouting, forward, postrouting), sent (output, postrouting), or loops: what this host
// sends to itself goes out and comes in again. A translation of the destination may change the route: REDIRECT leads here, and so does
// loopback's address; another address leads away from where "in" led, and changes nothing else, unless [packet.Line.Moved] says
// otherwise. A packet that a transparent proxy takes stays here.
//
// Chains before connection tracking (priority -200) find the packet without an entry, for which both ct state of nft and the state match of
// iptables say invalid (nft_ct_get_eval, conntrack_mt); from then on it has the state that its line says, unless a rule said notrack. Where no rule has
// connections tracked, none are, and chains of type nat see no packet (nf_nat_inet_fn), unless the line says a state.
type Way struct {
	// Legs are the hooks that the packet came to.
	Legs []Leg
	// Route is the packet's, as far as it got.
	Route packet.Route
	// Outcome is the last leg's.
	Outcome Outcome
	// Expired says that there were no hops left when it was to be forwarded.
	Expired bool
	// Assumed are the answers that rules needed and nobody gave.
	Assumed []Assumption
	// Notes say what the kernel does with the packet outside of the rules.
	Notes []string
	// Line is the packet as it began.
	Line *packet.Line
	// Kernel says that the kernel took the packet its way. Lost then says where it was lost without a rule that took it; "" else.
	Kernel bool
	Lost   string
}

// Leg is one hook.
type Leg struct {
	Hook packet.Hook
	// Packet is the packet as it came.
	Packet *packet.Packet
	*Trace
}

// Assumption is something that a rule asked. Key is a field or an opaque predicate, as a packet's line would name it, and Value what was taken
// for the answer; or Text says it all.
type Assumption struct{ Key, Value, Text string }

// String is the assumption, as a packet's line could say it, or in words.
func (a Assumption) String() string {
	if a.Text != "" {
		return a.Text
	}
	key := a.Key
	if strings.ContainsAny(key, " \"'=") && key[0] != '"' {
		if key = strconv.Quote(a.Key); !strings.Contains(a.Key, "'") {
			key = "'" + a.Key + "'"
		}
	}
	return key + "=" + a.Value
}

func (w *Way) assume(a Assumption) {
	if !slices.Contains(w.Assumed, a) {
		w.Assumed = append(w.Assumed, a)
	}
}

// journey is a packet underway.
type journey struct {
	*Way
	program  *packet.Program
	packet   *packet.Packet
	leg      *leg
	iif, oif device
}

// device is what a packet knows of a device.
type device struct{ name, index, group, typ packet.Value }

var (
	iifFields = [4]packet.Field{packet.Iif, packet.IifIndex, packet.IifGroup, packet.IifType}
	oifFields = [4]packet.Field{packet.Oif, packet.OifIndex, packet.OifGroup, packet.OifType}
)

func deviceOf(p *packet.Packet, f [4]packet.Field) device {
	return device{p.Get(f[0]), p.Get(f[1]), p.Get(f[2]), p.Get(f[3])}
}

func (d device) put(p *packet.Packet, f [4]packet.Field) {
	for i, v := range []packet.Value{d.name, d.index, d.group, d.typ} {
		p.Set(f[i], v)
	}
}

// loopback is lo: index 1, ARPHRD_LOOPBACK.
var loopback = device{name: packet.Name("lo"), index: packet.Num(1), typ: packet.Num(772)}

// Through takes a packet its way. All says that rules which do not take it are hops as well, with what they failed on. A chain that leads back to
// itself is an error, and so is a packet of the other family.
func Through(p *packet.Program, line *packet.Line, all bool) (*Way, error) {
	if line.IPv6 != p.IPv6 {
		return nil, fmt.Errorf("the packet is of another family than the program")
	}
	j := &journey{Way: &Way{Route: line.Route, Line: line}, program: p, packet: line.Packet.Clone()}
	j.iif, j.oif = deviceOf(j.packet, iifFields), deviceOf(j.packet, oifFields)
	j.leg = &leg{way: j.Way, all: all, state: j.packet.Get(packet.CTState)}
	j.packet.Set(packet.CTState, packet.Num(packet.StateInvalid))
	if p.Tracks && (!j.packet.Get(packet.FragOffset).IsZero() || j.packet.Get(packet.FragFlags).Bit(0)) {
		j.Notes = append(j.Notes, "the rule set has connections tracked: the kernel puts fragments together before any rule sees them")
	}
	if !p.Tracks && !mayTrack(p) && !line.Said(packet.CTState) {
		j.leg.state = packet.Num(packet.StateInvalid)
		if slices.ContainsFunc(p.Chains, func(c *packet.Chain) bool { return c.Base != nil && c.Base.NAT }) {
			j.Notes = append(j.Notes, "no rule has connections tracked, so that chains of type nat see no packet; ct=new says that they are tracked")
		}
	}
	if err := j.travel(); err != nil {
		return nil, err
	}
	j.Outcome = j.Legs[len(j.Legs)-1].Outcome
	return j.Way, nil
}

// mayTrack says whether rules have expressions of xtables, of which only the name is known: such a match or target may have connections tracked.
func mayTrack(p *packet.Program) bool {
	keys := map[string]bool{}
	Asks(p, keys)
	for key := range keys {
		if strings.Contains(key, "target name ") || strings.Contains(key, "match name ") {
			return true
		}
	}
	return false
}

func (j *journey) travel() error {
	if j.Route == packet.Sent || j.Route == packet.Looped {
		if ok, err := j.pass(packet.Output); !ok {
			return err
		}
		j.reroute(packet.Output)
		if ok, err := j.pass(packet.Postrouting); !ok || j.Route == packet.Sent {
			return err
		}
		// loopback_xmit lets go of the socket; the entry of the connection stays.
		j.iif = loopback
		for _, f := range []packet.Field{packet.HasSocket, packet.UID, packet.GID} {
			j.packet.Set(f, packet.Value{})
		}
	}
	if ok, err := j.pass(packet.Prerouting); !ok {
		return err
	}
	j.reroute(packet.Prerouting)
	if j.Route != packet.Forwarded {
		_, err := j.pass(packet.Input)
		return err
	}
	ttl := j.packet.Get(packet.TTL)
	if j.Expired = ttl.Lo <= 1; j.Expired { // ip_forward, ip6_forward
		return nil
	}
	j.packet.Set(packet.TTL, ttl.Prev())
	if ok, err := j.pass(packet.Forward); !ok {
		return err
	}
	_, err := j.pass(packet.Postrouting)
	return err
}

// pass takes the packet through a hook, and says whether it goes on.
func (j *journey) pass(h packet.Hook) (bool, error) {
	j.leg.hook = h
	j.devices(h)
	if _, said := j.Line.Packet.Fields[packet.HasRoute]; !said {
		has := uint64(1)
		if h == packet.Prerouting && j.Route != packet.Looped {
			has = 0 // no route was looked up yet
		}
		j.packet.Set(packet.HasRoute, packet.Num(has))
	}
	before := j.packet.Clone()
	w := &walk{program: j.program, packet: j.packet, leg: j.leg}
	t, err := w.hook(h)
	if err != nil {
		return false, err
	}
	w.track()
	j.leg.settle()
	j.Legs = append(j.Legs, Leg{h, before, t})
	return t.Outcome.Kind == packet.Accept, nil
}

// devices gives the packet the devices that a hook knows of (struct nf_hook_state): postrouting knows where a forwarded packet came in since
// Linux 5.7.
func (j *journey) devices(h packet.Hook) {
	var iif, oif device
	if h == packet.Prerouting || h == packet.Input || j.Route == packet.Forwarded {
		iif = j.iif
	}
	if h != packet.Prerouting && h != packet.Input {
		oif = j.oif
	}
	iif.put(j.packet, iifFields)
	oif.put(j.packet, oifFields)
}

// reroute asks where the packet goes from a hook that may have given it another destination.
func (j *journey) reroute(h packet.Hook) {
	o := j.Legs[len(j.Legs)-1].Outcome
	proxied := slices.ContainsFunc(o.Notes, func(n string) bool { return strings.HasPrefix(n, "to the socket for ") })
	if h == packet.Prerouting && proxied {
		j.arrive()
		return
	}
	if o.DNAT == nil {
		return
	}
	here := here(j.Line, o.DNAT, j.packet)
	switch {
	case h == packet.Output && here:
		j.Route, j.oif = packet.Looped, loopback
	case h == packet.Output:
		if j.Route == packet.Looped {
			j.oif = device{}
		}
		j.Route = packet.Sent
	case here:
		j.arrive()
	case j.Route != packet.Looped:
		j.Route = packet.Forwarded
	}
}

// arrive makes this host the packet's end.
func (j *journey) arrive() {
	if j.Route == packet.Forwarded {
		j.Route = packet.Received
	}
}
