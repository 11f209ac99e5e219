//go:build linux

package twin

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// loader loads what a site's rules are.
type loader func(*site) error

// trial sends packets through two sites.
type trial struct {
	tables        *tables
	legacy, other *site
	loose         bool            // ports may be drawn
	taken         map[string]bool // what rules logged, on the side of legacy
}

// newTrial makes two sites of the dump's shape, and loads one each.
func newTrial(t testing.TB, tables *tables, legacy, other loader) (*trial, error) {
	t.Helper()
	x := &trial{tables: tables, legacy: newSite(t), other: newSite(t), taken: map[string]bool{}}
	x.loose = tables.has("MASQUERADE", "SNAT") || slices.ContainsFunc(tables.all, func(r *rule) bool {
		_, random := r.args["--random"]
		return random || strings.Contains(r.args["--to-ports"], "-") || strings.Contains(r.args["--to-destination"], "-")
	})
	for i, s := range x.sites() {
		must(t, s.build(tables.shape()))
		if err := []loader{legacy, other}[i](s); err != nil {
			x.close()
			return nil, err
		}
		s.departures()
		s.events()
		s.connections()
	}
	return x, nil
}

func (x *trial) sites() []*site { return []*site{x.legacy, x.other} }

func (x *trial) close() {
	x.legacy.close()
	x.other.close()
}

// fate is what became of a packet, and of all that it brought about.
type fate struct {
	told       string // what the sender was told
	departures []departure
	events     []event
	conns      []connection // as they were made or changed
}

// take adds what happened since the last time.
func (f *fate) take(s *site) {
	f.departures = append(f.departures, s.departures()...)
	f.events = append(f.events, s.events()...)
	f.conns = append(f.conns, s.connections()...)
}

// lines are what must be alike.
func (f *fate) lines(loose bool) []string {
	var out []string
	if f.told != "" {
		out = append(out, "the sender is told: "+f.told)
	}
	for _, d := range f.departures {
		out = append(out, fmt.Sprintf("leaves by %s: %s", d.dev, shown(d.packet, loose)))
	}
	for _, e := range f.events {
		out = append(out, e.text(loose))
	}
	for _, c := range f.conns {
		out = append(out, c.text(loose))
	}
	return out
}

// patience is how long packets may take that a side has not shown yet.
const patience = 24 * time.Millisecond

// step does the same at both sites and says how it differs there: "" when it does not.
func (x *trial) step(act func(s *site) error) (a, b *fate, diff string) {
	a, b = &fate{}, &fate{}
	for i, s := range x.sites() {
		if err := act(s); err != nil {
			[]*fate{a, b}[i].told = err.Error()
		}
	}
	for waited := time.Duration(0); ; waited += patience / 3 {
		a.take(x.legacy)
		b.take(x.other)
		if diff = x.difference(a, b); diff == "" || waited >= patience {
			x.note(a)
			return a, b, diff
		}
		time.Sleep(patience / 3)
	}
}

// note notes the rules that logged.
func (x *trial) note(f *fate) {
	for _, e := range f.events {
		if e.group == numbered {
			x.taken[e.prefix] = true
		}
	}
}

func (x *trial) difference(a, b *fate) string {
	want, got := a.lines(false), b.lines(false)
	if slices.Equal(want, got) {
		return ""
	}
	if x.loose {
		if want, got = a.lines(true), b.lines(true); slices.Equal(want, got) {
			return ""
		}
	}
	var s strings.Builder
	only := func(whose string, mine, others []string) {
		rest := slices.Clone(others)
		for _, l := range mine {
			if i := slices.Index(rest, l); i >= 0 {
				rest = slices.Delete(rest, i, i+1)
				continue
			}
			fmt.Fprintf(&s, "\n    only %s: %s", whose, l)
		}
	}
	only("legacy", want, got)
	only("rechain", got, want)
	if s.Len() == 0 {
		fmt.Fprintf(&s, "\n    in another order:\n    %s\n    %s", strings.Join(want, " | "), strings.Join(got, " | "))
	}
	return s.String()
}

// converse sends a packet, lets its receiver answer, sends it again, and lets an ICMP error tell about it. It says what differs.
func (x *trial) converse(p *packet) string {
	first := *p
	if p.mirrored {
		first = p.mirror()
	}
	a, b, diff := x.step(func(s *site) error { return send(s, &first, first.wire()) })
	if diff != "" {
		return "sent:" + diff
	}
	seen := map[*site]*fate{x.legacy: a, x.other: b}
	// What left, or what came back, is answered.
	reply := func(make func([]byte) []byte) func(*site) error {
		return func(s *site) error {
			if ds := seen[s].departures; len(ds) > 0 {
				if packet := make(ds[0].packet); packet != nil {
					return s.arrive(ds[0].dev, p.mac, mac, packet)
				}
			}
			return nil
		}
	}
	if _, _, diff := x.step(reply(answer)); diff != "" {
		return "answered:" + diff
	}
	if first.pieces == "" && first.broken == "" {
		if _, _, diff := x.step(func(s *site) error { return send(s, &first, [][]byte{again(first.whole())}) }); diff != "" {
			return "again:" + diff
		}
	}
	if _, _, diff := x.step(reply(complaint)); diff != "" {
		return "an ICMP error about it:" + diff
	}
	return ""
}

// send sends a packet's pieces on its path.
func send(s *site, p *packet, pieces [][]byte) error {
	for _, b := range pieces {
		var err error
		if p.path == "in" || p.path == "fwd" {
			err = s.arrive(p.dev, p.mac, p.receiver(), b)
		} else {
			err = s.leave(sender{p.v6(), p.uid, p.gid}, p.mark, p.dst, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// receiver is who the frame is for.
func (p *packet) receiver() [6]byte {
	switch p.cast {
	case "broadcast":
		return [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	case "multicast":
		return [6]byte{1, 0, 0x5e, 0, 0, 1}
	}
	return mac
}

func unreachableHost(v6 bool) netip.Addr {
	if v6 {
		return netip.MustParsePrefix(unreachable6).Addr().Next()
	}
	return netip.MustParsePrefix(unreachable4).Addr().Next()
}

// tries is how often a difference must show.
const tries = 3

// finding is what differs about a packet.
type finding struct {
	packet *packet
	what   string
}

// enough is how many packets are looked into.
const enough = 4

// compare sends packets through sites of a dump until it is clear what differs: what does so in each of some tries. It also says what
// rules logged.
func compare(t testing.TB, tables *tables, legacy, other loader, packets []*packet, tries int) (found []finding, taken map[string]bool, err error) {
	t.Helper()
	differed := map[*packet]bool{}
	for try := range tries {
		x, err := newTrial(t, tables, legacy, other)
		if err != nil {
			return nil, nil, err
		}
		found = nil
		for _, p := range packets {
			if diff := x.converse(p); diff != "" && (try == 0 || differed[p]) {
				if found = append(found, finding{p, diff}); len(found) == enough {
					break
				}
			}
		}
		x.close()
		taken = x.taken
		clear(differed)
		for _, f := range found {
			differed[f.packet] = true
		}
		if found == nil {
			break
		}
	}
	return found, taken, nil
}
