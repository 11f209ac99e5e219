package compare

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"rechain/nft/packet"
	"rechain/nft/trace"
)

// Options say what is compared, and how much that may cost.
type Options struct {
	// Nodes bounds the diagram, and so the memory: a node takes about 40 bytes. 0: as many as 1 GB holds.
	Nodes int
	// Findings bounds what is found at each hook. 0: 10.
	Findings int
	// Where leaves out all other packets. nil: none.
	Where packet.Pred
	// Logs makes log lines part of what is done with a packet.
	Logs bool
	// Hooks says at which hooks. nil: at all.
	Hooks func(packet.Hook) bool
	// RejectAsDrop takes packets that are rejected for dropped.
	RejectAsDrop bool
	// Forgetful leaves out what rules remember for later packets.
	Forgetful bool
	// Changed says of a rule that the other side does not have it where it is: what such a rule decides makes one finding, whatever the
	// other side's rules are. 0 is that it has, and more that the rule is likelier what people look for. nil: 0 of all.
	Changed func(*packet.Rule) int
	// Until is when to give up. Zero: never.
	Until time.Time
}

// Function is the answer for one hook: how packets of one family fare in all its base chains together.
type Function struct {
	IPv6 bool
	Hook packet.Hook
	// Findings are differences, each by one packet; none: the two are the same.
	Findings []*Finding
	// More says that there are further ones.
	More bool
	// Memory is a packet that leaves the rules' memories different, where the two are otherwise the same for it; nil: there is none.
	Memory *Finding
	// MemoryUnknown says that comparing the memories took too much.
	MemoryUnknown bool
	// Undecided is why there is no answer; nil: there is one.
	Undecided error
}

// Finding is packets that two programs treat differently.
type Finding struct {
	// Packet is one of them, and A and B are its ways.
	Packet *packet.Packet
	A, B   *trace.Trace
	// Needs are the opaque predicates that the difference rests on, with what they must say. Without any, it is certain.
	Needs map[string]bool
	// Region is what other packets around it have in common: those of which each constraint holds.
	Region []Constraint
}

// Same says whether two programs are the same at every hook.
func Same(functions []*Function) bool {
	return !slices.ContainsFunc(functions, func(f *Function) bool { return len(f.Findings) > 0 || f.Undecided != nil })
}

const defaultNodes = 25 << 20

// Programs compares two programs of one family, hook by hook. A chain that leads back to itself is an error.
func Programs(a, b *packet.Program, opt Options) (functions []*Function, err error) {
	if opt.Nodes == 0 {
		opt.Nodes = defaultNodes
	}
	if opt.Findings == 0 {
		opt.Findings = 10
	}
	e := newEngine(a.IPv6, opt.Nodes)
	e.logs, e.rejectAsDrop, e.until = opt.Logs, opt.RejectAsDrop, opt.Until
	defer func() {
		if p := recover(); p != nil {
			loop, ok := p.(*loopError)
			if !ok {
				panic(p)
			}
			functions, err = nil, loop
		}
	}()
	e.survey(a, b)
	if opt.Where != nil {
		e.surveyPred(opt.Where)
	}
	e.placeAll()
	e.repeated = repeated(a, b)
	for h := packet.Prerouting; h <= packet.Ingress; h++ {
		if opt.Hooks != nil && !opt.Hooks(h) || len(at(a, h))+len(at(b, h)) == 0 {
			continue
		}
		functions = append(functions, e.hook(a, b, h, opt))
	}
	return functions, nil
}

// at are a program's base chains at a hook.
func at(p *packet.Program, h packet.Hook) []*packet.Chain {
	return slices.DeleteFunc(slices.Clone(p.Chains), func(c *packet.Chain) bool { return c.Base == nil || c.Base.Hook != h })
}

func (e *engine) hook(a, b *packet.Program, h packet.Hook, opt Options) (f *Function) {
	f = &Function{IPv6: a.IPv6, Hook: h}
	defer func() {
		if p := recover(); p != nil {
			err, ok := p.(error)
			if !ok || !errors.Is(err, errBudget) {
				panic(p)
			}
			f.Undecided = err
		}
	}()
	possible := e.possible(h, a.Tracks && b.Tracks)
	if opt.Where != nil {
		possible = e.and(possible, e.pred(opt.Where))
	}
	if e.alike(at(a, h), at(b, h)) {
		if !opt.Forgetful {
			e.memories(a, b, f, func() node { return possible })
		}
		return f
	}
	fa, fb := e.visible(e.function(at(a, h))), e.visible(e.function(at(b, h)))
	differ := e.and(possible, e.different(fa, fb))
	if !opt.Forgetful {
		e.memories(a, b, f, func() node { return e.and(possible, e.not(differ)) })
	}
	var layers []layer
	if differ != no {
		layers = e.layers(fa, fb)
	}
	for differ != no {
		if len(f.Findings) == opt.Findings {
			f.More = true
			break
		}
		all, some := e.first(differ, layers)
		found := e.finding(a, b, h, differ, some)
		covered := e.covered(a, b, h, found, opt.Changed)
		found.Region = e.region(e.and(all, covered), found.Packet)
		if trace.Same(found.A.Outcome, found.B.Outcome) {
			f.Findings, f.Undecided = nil, fmt.Errorf("a difference was found that a packet does not confirm, which is a mistake of rechain; please report it: %v", found.Packet)
			return f
		}
		f.Findings = append(f.Findings, found)
		differ = e.and(differ, e.not(e.and(all, covered)))
	}
	if f.Findings == nil && e.partial {
		f.Undecided = errors.New("marks are copied in different ways, which is too much to compare")
	}
	return f
}

// memories looks for a packet of those that leaves other memories behind. Which ones there are may be too much to tell; then the answer
// is only that.
func (e *engine) memories(a, b *packet.Program, f *Function, among func() node) {
	saved := e.chains
	e.remembers, e.chains = true, map[*packet.Chain]node{}
	m := memory{}
	for c, n := range saved {
		if !m.chain(c) {
			e.chains[c] = n
		}
	}
	defer func() {
		e.remembers, e.chains = false, saved
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, errBudget) {
				panic(p)
			}
			f.MemoryUnknown = true
		}
	}()
	differ := e.different(e.memory(e.function(at(a, f.Hook))), e.memory(e.function(at(b, f.Hook))))
	if differ = e.and(among(), differ); differ != no {
		f.Memory = e.finding(a, b, f.Hook, differ, differ)
		f.Memory.Region = e.region(differ, f.Memory.Packet)
	}
}

// alike says whether base chains are the same one by one, which is enough.
func (e *engine) alike(a, b []*packet.Chain) bool {
	return slices.EqualFunc(a, b, func(a, b *packet.Chain) bool {
		return a.Base.NAT == b.Base.NAT && e.base(a) == e.base(b)
	})
}

// function is base chains one after the other: accept goes on with the next. They are put together from the first on, since what a
// translation does to the later ones goes with those before.
func (e *engine) function(chains []*packet.Chain) node {
	if len(chains) == 0 {
		return e.end(outcome{kind: packet.Accept})
	}
	n := e.base(chains[0])
	for _, c := range chains[1:] {
		n = e.seq(packet.Accept, n, e.base(c))
	}
	return e.having(n, e.begin())
}

// begin is the number of the effect that all scratch fields begin with 0.
func (e *engine) begin() int {
	x := (&effect{}).clone()
	for f := range e.codings {
		if f.Scratch() {
			x.changes[f] = change{value: packet.Value{}}
			if e.coding(f).starts == nil {
				x.changes[f] = change{bits: make([]bit, f.Bits)}
			}
		}
	}
	return e.intern(x)
}

// finding is a packet of some, which is a part of n.
func (e *engine) finding(a, b *packet.Program, h packet.Hook, n, some node) *Finding {
	f := &Finding{Packet: e.witness(some)}
	e.plain(h, f.Packet)
	f.A, f.B = follow(a, h, f.Packet, e.logs), follow(b, h, f.Packet, e.logs)
	f.Needs = e.needs(n, f.Packet)
	return f
}

func follow(p *packet.Program, h packet.Hook, pkt *packet.Packet, logs bool) *trace.Trace {
	t, err := trace.Hook(p, h, pkt, logs)
	if err != nil {
		panic(err) // no chain leads back to itself: the diagram was made
	}
	return t
}

// reaches says whether a chain is, or leads to, another.
func reaches(from, to *packet.Chain, seen map[*packet.Chain]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, r := range from.Rules {
		for _, c := range targets(r.Steps) {
			if reaches(c, to, seen) {
				return true
			}
		}
	}
	return false
}

// targets are the chains that steps lead to.
func targets(steps []packet.Step) []*packet.Chain {
	var out []*packet.Chain
	for _, s := range steps {
		switch v := s.(type) {
		case *packet.End:
			if v.Verdict.Chain != nil {
				out = append(out, v.Verdict.Chain)
			}
		case *packet.Choose:
			for _, c := range v.Cases {
				out = append(out, targets(c.Steps)...)
			}
		}
	}
	return out
}
