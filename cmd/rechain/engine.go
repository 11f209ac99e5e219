package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"sync"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/kernel"
	"rechain/nft/kernel/route"
	"rechain/translate/iptables"
	"rechain/translate/redirect"
)

// engine brings one network namespace to what a plan says: rules by nf_tables, and beside them policy rules, routes and
// addresses by rtnetlink.
type engine struct {
	conn  *kernel.Conn
	route *route.Conn
	there []route.Entry // what was there of routing when the engine started
	want  []*bytecode.Table
	state []route.Item
	// proved waits for the proof that want is what the plan's chains mean; nil: there is none.
	proved func() error
}

// engine opens the kernel for a plan; nil wants nothing to be there. The kernel lists its routes while the rules are compiled.
func (s *settings) engine(p *redirect.Plan) (*engine, error) {
	e := &engine{}
	opened := make(chan error, 1)
	go func() { opened <- e.open(s.netns) }()
	err := e.compile(p, s.prove)
	if openErr := <-opened; openErr != nil {
		return nil, cmp.Or(err, openErr)
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *engine) compile(p *redirect.Plan, prove func(v4, v6 *iptables.Ruleset, rs *nft.Ruleset) error) error {
	if p == nil {
		return nil
	}
	rs, from, err := compiled(p)
	if err != nil {
		return err
	}
	if prove != nil { // beside all that follows; only what changes something waits for it
		proved := make(chan error, 1)
		go func() { proved <- prove(from[0], from[1], rs) }()
		e.proved = sync.OnceValue(func() error { return <-proved })
	}
	e.want = nft.Lower(rs).Tables
	e.state = items(p.SystemState())
	return nil
}

func (e *engine) open(netns string) error {
	ns, err := kernel.OpenNamespace(netns)
	if err != nil {
		return kernelSays(err)
	}
	defer ns.Close()
	if e.conn, err = kernel.Dial(ns); err != nil {
		return kernelSays(err)
	}
	if e.route, err = route.Dial(ns); err != nil {
		e.conn.Close()
		return kernelSays(err)
	}
	if e.there, err = e.route.Read(); err != nil {
		e.close()
		return kernelSays(err)
	}
	return nil
}

func (e *engine) close() {
	e.conn.Close()
	e.route.Close()
}

// items says a configuration's state in the kernel's terms.
func items(s redirect.State) []route.Item {
	var out []route.Item
	for _, r := range s.Rules {
		out = append(out, route.MarkRule(r.Family == iptables.IPv6, r.Mark, 0, r.Table))
	}
	for _, r := range s.Routes {
		out = append(out, route.LocalDefault(r.Family == iptables.IPv6, r.Table))
	}
	for _, a := range s.Addresses {
		out = append(out, route.LoopbackAddress(a))
	}
	return out
}

// difference is what lies between the kernel and what is wanted.
type difference struct {
	edits   []bytecode.Edit
	missing []route.Item
	extra   []route.Entry
}

func (d *difference) empty() bool { return len(d.edits)+len(d.missing)+len(d.extra) == 0 }

func (d *difference) write(w io.Writer) {
	for _, i := range d.missing {
		fmt.Fprintf(w, "+ %s\n", i)
	}
	writeEdits(w, d.edits)
	for _, i := range d.extra {
		fmt.Fprintf(w, "- %s\n", i.Removal())
	}
}

// summary says in one line what was done.
func (d *difference) summary() string {
	var parts []string
	if len(d.edits) > 0 {
		parts = append(parts, summary(d.edits))
	}
	for _, i := range d.missing {
		parts = append(parts, "+ "+i.String())
	}
	for _, i := range d.extra {
		parts = append(parts, "- "+i.Removal())
	}
	if parts == nil {
		return summary(nil)
	}
	return strings.Join(parts, "\n")
}

// difference is what lies between the kernel and a plan.
func (s *settings) difference(p *redirect.Plan) (*difference, error) {
	e, err := s.engine(p)
	if err != nil {
		return nil, err
	}
	defer e.close()
	return e.difference()
}

// difference reads the kernel and compares.
func (e *engine) difference() (*difference, error) {
	have, err := e.conn.Ruleset(oursOr(e.want))
	if err != nil {
		return nil, kernelSays(err)
	}
	if err := notForeign(have.Tables); err != nil {
		return nil, err
	}
	return &difference{
		edits:   bytecode.Diff(have.Tables, e.want),
		missing: route.Missing(e.there, e.state),
		extra:   route.Extra(e.there, e.state),
	}, nil
}

// apply makes the kernel hold what is wanted, and says what had to be done for it. Routes come first, since they change nothing
// until rules mark packets; when the rules then cannot be had, the routes go again.
func (e *engine) apply() (*difference, error) {
	var d difference
	var err error
	if d.missing, err = e.route.Add(route.Missing(e.there, e.state)); err != nil {
		return nil, kernelSays(err)
	}
	d.edits, err = reach(e.conn, oursOr(e.want), func(have []*bytecode.Table) ([]*bytecode.Table, error) {
		if err := notForeign(have); err != nil {
			return nil, err
		}
		if e.proved != nil && len(bytecode.Diff(have, e.want)) > 0 {
			return e.want, e.proved()
		}
		return e.want, nil
	})
	if err != nil {
		if undo := e.route.Undo(d.missing); undo != nil {
			return nil, kernelSays(fmt.Errorf("%w\nand what was added before could not be taken back: %w", err, undo))
		}
		return nil, err
	}
	if d.extra, err = e.route.Remove(route.Extra(e.there, e.state)); err != nil {
		return nil, kernelSays(err)
	}
	return &d, nil
}
