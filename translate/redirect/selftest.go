package redirect

import (
	"fmt"
	"net/netip"
	"time"
)

// SelfTest is what to try in order to see whether a host does what a plan promises.
type SelfTest struct {
	Wires  []Wire
	Trials []Trial
}

// Surroundings are what a self-test must know of the namespace that it is for.
type Surroundings struct {
	IPv6       bool // interfaces get IPv6 addresses
	Interfaces []string
	Addresses  []netip.Addr
	Taken      []netip.Prefix // of all addresses and routes
}

// Wire is an interface that the test lays to a made-up world, in which every address answers.
type Wire struct {
	Name string
	// Own and Far are the addresses of the two ends, one for each family in use.
	Own, Far []netip.Addr
	// Through are addresses that the far end reaches through this wire, besides Own.
	Through []netip.Addr
}

// Protocol is what a trial sends.
type Protocol uint8

// The protocols.
const (
	TCP Protocol = iota // a connection
	UDP                 // a datagram that wants an answer
	// Orphan is a TCP packet that belongs to no socket, and is the first of its connection that connection tracking sees.
	Orphan
	// Invalid is a TCP packet that connection tracking calls invalid.
	Invalid
)

var protocolNames = [...]string{"tcp", "udp", "tcp", "tcp"}

// String is the name of the protocol on the wire.
func (p Protocol) String() string { return protocolNames[p] }

// Trial is one thing to try, and what is promised of it.
type Trial struct {
	// What says in a few words what it is, with the option's value where there is one.
	What     string
	Protocol Protocol
	// Outside says that it comes from the far end of a wire, else from this host.
	Outside bool
	From    netip.Addr
	To      netip.AddrPort
	// UID and GID are whose socket sends it, or for an Orphan sent what came before it, if it comes from this host.
	UID, GID uint32
	// Local says that To is this host's own.
	Local bool
	// Unheard says that nobody may listen on the proxy's inbound port.
	Unheard bool
	// Wait is how long an answer may take.
	Wait time.Duration
	Want Fate
	// Skip says why it cannot be tried; "" if it can.
	Skip string
}

// Fate is what becomes of a packet. The zero value: it is left alone, and gets where it was sent to.
type Fate struct {
	// Port is where the proxy gets it; 0: it does not.
	Port uint16
	// TProxy says that it keeps its destination on the way to the proxy.
	TProxy bool
	// Dropped says that it gets nowhere.
	Dropped bool
}

// String says the fate in a few words.
func (f Fate) String() string {
	switch {
	case f.Dropped:
		return "dropped"
	case f.TProxy:
		return fmt.Sprintf("captured at %d by TPROXY", f.Port)
	case f.Port != 0:
		return fmt.Sprintf("captured at %d", f.Port)
	}
	return "untouched"
}

// How long to wait: for an answer that is expected, long enough for a slow machine; for one that is not, long enough to be sure.
const (
	answerWait  = time.Second
	silenceWait = 200 * time.Millisecond
)

// Listener is where the proxy listens, on all addresses.
type Listener struct {
	Protocol Protocol
	Port     uint16
}

// Listeners returns where the proxy listens, the inbound port last.
func (p *Plan) Listeners() []Listener {
	return []Listener{{TCP, p.ProxyPort}, {TCP, dnsPort}, {UDP, dnsPort}, {TCP, p.CapturePort}}
}

// SelfTest returns what to try.
func (p *Plan) SelfTest(s Surroundings) *SelfTest {
	b := &testBuilder{Plan: p, around: s, app: p.appOwner()}
	b.wire(b.freeName("rcprobe0"))
	families := []netip.Addr{netip.IPv4Unspecified()}
	if s.IPv6 {
		families = append(families, netip.IPv6Unspecified())
	}
	for _, any := range families {
		b.v4 = any.Is4()
		b.own, b.far = b.ends(b.wires[0])
		b.inbound()
		b.outbound()
		b.self()
		b.dns()
		b.interfaces()
		b.routed()
	}
	if p.IPv6 && !s.IPv6 {
		b.skip("IPv6", "IPv6 is switched off in this namespace")
	}
	return &SelfTest{Wires: b.wires, Trials: b.trials}
}

// testBuilder collects the trials. What depends on the family is for the one in turn.
type testBuilder struct {
	*Plan
	around   Surroundings
	app      owns // somebody whose traffic is to be captured, if anybody's is
	v4       bool
	own, far netip.Addr // of the first wire
	wires    []Wire
	trials   []Trial
}

// owns is whose socket sends something.
type owns struct{ uid, gid uint32 }

// skip adds a trial that cannot be made.
func (b *testBuilder) skip(what, why string) {
	b.trials = append(b.trials, Trial{What: what, Skip: why})
}

// add adds a trial, promised what the plan means for it.
func (b *testBuilder) add(t Trial, over string) {
	t.Local = b.isOwn(t.To.Addr())
	t.Want = b.fate(b.packet(t, over))
	t.Wait = min(answerWait, b.ProbeTimeout)
	if t.Want.Dropped {
		t.Wait = silenceWait
	}
	b.trials = append(b.trials, t)
}

// packet is the first packet of a trial. It goes over a wire unless both ends are this host's.
func (b *testBuilder) packet(t Trial, over string) packet {
	q := packet{protocol: t.Protocol, from: t.From, to: t.To, owned: !t.Outside && t.Protocol != Orphan, uid: t.UID, gid: t.GID,
		inbound: t.Outside, over: over, unheard: t.Unheard}
	if !t.Outside && t.Local {
		q.over = "lo"
	}
	return q
}
