package probe

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Run sends flows, all at once, while the listeners listen. The results are in the order of the flows. An error says that nothing
// could be tried; a flow that could not has its own.
func (l *Lab) Run(ctx context.Context, flows []Flow, listeners []Listener) ([]Result, error) {
	seen := newArrivals()
	open, err := l.listen(listeners, seen)
	if err != nil {
		return nil, err
	}
	defer open.close()

	results := make([]Result, len(flows))
	tries := make([]try, len(flows))
	ports := map[uint16]treatment{}
	for i, f := range flows {
		t, err := l.prepare(f, ports)
		if err != nil {
			results[i].Err = err
			continue
		}
		defer t.close()
		tries[i] = t
	}
	tracing, err := l.trace(ports)
	if err != nil {
		return nil, fmt.Errorf("trace the packets: %w", err)
	}
	defer tracing.close()
	stop := make(chan struct{})
	go tracing.collect(stop)

	var all sync.WaitGroup
	for i, t := range tries {
		if t == nil {
			continue
		}
		all.Go(func() {
			if ctx.Err() == nil {
				results[i] = t.run(flows[i])
				l.arrival(&results[i], flows[i], seen)
			} else {
				results[i].Err = ctx.Err()
			}
		})
	}
	all.Wait()
	close(stop)
	hops := tracing.hops(<-tracing.steps)
	for i := range results {
		results[i].follow(flows[i], hops)
		if from := results[i].From; from.IsValid() {
			l.flows = append(l.flows, connection{flows[i].Kind.protocol(), from, flows[i].To})
		}
	}
	return results, ctx.Err()
}

// try is a flow with its sockets, ready to be sent.
type try interface {
	ports() map[uint16]treatment
	run(Flow) Result
	close()
}

// prepare makes the sockets of a flow, and says how the packets from their ports are to be treated. A port that the kernel gives
// may be one that another flow has in the other namespace or the other family; then it is asked again.
func (l *Lab) prepare(f Flow, ports map[uint16]treatment) (try, error) {
	for {
		var t try
		err := As(l.space(f.Outside), f.Owner, func() (err error) {
			t, err = open(f)
			return err
		})
		if err != nil {
			return nil, err
		}
		wants := t.ports()
		if !clash(ports, wants) {
			maps.Copy(ports, wants)
			return t, nil
		}
		t.close()
	}
}

func clash(ports, wants map[uint16]treatment) bool {
	for p, want := range wants {
		if have, ok := ports[p]; ok && have != want {
			return true
		}
	}
	return false
}

func open(f Flow) (try, error) {
	from := netip.AddrPortFrom(f.From, 0)
	switch f.Kind {
	case TCP:
		s, err := bind(unix.SOCK_STREAM, 0, from)
		return (*stream)(s), err
	case UDP:
		s, err := bind(unix.SOCK_DGRAM, 0, from)
		return (*datagram)(s), err
	case Orphan:
		return newOrphan(from, f.To)
	case Malformed:
		return newMalformed(from)
	}
	return nil, fmt.Errorf("no kind of flow has the number %d", f.Kind)
}

// outcome says what an error of a connection means.
func outcome(err error) Outcome {
	switch err {
	case nil:
		return Answered
	case unix.ECONNREFUSED, unix.ECONNRESET, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EACCES:
		return Refused
	case unix.ETIMEDOUT:
		return Silent
	}
	return Untried
}

func (s *socket) result(err error) Result {
	r := Result{From: s.from, Outcome: outcome(err)}
	if r.Outcome == Untried {
		r.Err = err
	}
	return r
}

// stream is a [TCP] flow.
type stream socket

func (s *stream) close()                      { (*socket)(s).close() }
func (s *stream) ports() map[uint16]treatment { return map[uint16]treatment{s.from.Port(): traceFirst} }

func (s *stream) run(f Flow) Result {
	c := (*socket)(s)
	return c.result(c.connect(f.To, f.Wait))
}

// datagram is a [UDP] flow.
type datagram socket

func (d *datagram) close() { (*socket)(d).close() }
func (d *datagram) ports() map[uint16]treatment {
	return map[uint16]treatment{d.from.Port(): traceFirst}
}

// question is a DNS query (RFC 1035, 4.1) for the name "probe.invalid.", type A: what a real name server would understand, should
// one be there. No such name can exist (RFC 6761, 6.4).
var question = []byte("\x72\x63\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05probe\x07invalid\x00\x00\x01\x00\x01")

func (d *datagram) run(f Flow) Result {
	s := (*socket)(d)
	err := s.connect(f.To, 0)
	if err == nil {
		_, err = unix.Write(s.fd, question)
	}
	if err == nil {
		err = s.poll(unix.POLLIN, f.Wait)
	}
	if err == nil {
		_, err = unix.Read(s.fd, make([]byte, 512))
	}
	return s.result(err)
}

// arrival completes a result by what a listener saw. A connection that was made is accepted in no time, if by a listener of ours
// and on a machine that is not busy.
func (l *Lab) arrival(r *Result, f Flow, seen *arrivals) {
	if f.Kind != TCP && f.Kind != UDP || !r.From.IsValid() {
		return
	}
	wait := time.Duration(0)
	if r.Outcome == Answered {
		wait = time.Second
	}
	if a, ok := seen.wait(source{f.Kind.protocol(), r.From}, wait); ok {
		r.Arrived, r.Original, r.Outside, r.Listener = a.at, a.original, a.outside, a.listener
	}
}

// follow completes a result by the trace: the rules, and for lack of a listener where the packet went. It goes no further than
// that: the kernel makes a packet's number of its place in memory (nft_trace_init in nf_tables_trace.c), where a later packet of
// the same source may be.
func (r *Result) follow(f Flow, hops map[source][]*Hop) {
	for _, h := range hops[source{f.Kind.protocol(), r.From}] {
		if h.Table.Name != tableName {
			r.Trace = append(r.Trace, *h)
			continue
		}
		outside := h.Chain.Name == "postrouting" && h.Oif != loopback
		if h.Chain.Name != "input" && !outside {
			continue
		}
		if r.Listener == 0 {
			r.Arrived, r.Outside = h.To, outside
		}
		return
	}
}
