package compare

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rechain/nft/packet"
)

// Side is a rule set as it is compared.
type Side struct {
	// Name is what people called it: a file, "live".
	Name string
	// Kind is whose rules they are, "iptables" or "nft". Only between rules of one kind are changes told rule by rule.
	Kind string
	// V4 and V6 are what it does; nil: it says nothing of that family.
	V4, V6 *packet.Program
}

// Attitude is how much something matters.
type Attitude uint8

// The attitudes: it is not looked at, it is told, or it makes two rule sets different.
const (
	Ignore Attitude = iota
	Tell
	Fail
)

// Question is what is asked about two rule sets.
type Question struct {
	A, B Side
	// Findings is how many differences are told. 0: 10.
	Findings int
	// Nodes, Until and RejectAsDrop are as in [Options].
	Nodes        int
	Until        time.Time
	RejectAsDrop bool
	// Where leaves out packets of a family: all but those that it takes, all of them where ok is false. nil: none.
	Where func(ipv6 bool) (where packet.Pred, ok bool)
	// Only are the base chains ("filter/FORWARD"), tables ("nat") and hooks ("forward") that are compared. nil: all.
	Only []string
	// Logs are log lines, and States what rules remember for later packets.
	Logs, States Attitude
}

// Result is the answer in a word.
type Result uint8

// The results.
const (
	IsSame Result = iota
	IsDifferent
	IsUndecided
)

// String is the word.
func (r Result) String() string { return [...]string{"same", "different", "undecided"}[r] }

// Report is the answer.
type Report struct {
	A, B   Side
	Result Result
	// Functions are the answers hook by hook, of IPv4 and then of IPv6.
	Functions []*Function
	// Findings are the differences, those first that matter most. More says that there are further ones.
	Findings []*Difference
	More     bool
	// States are packets that leave other memories behind, LogLines some with other log lines; they are told where they do not count.
	States, LogLines []*Difference
	// StateUnknown are hooks at which comparing memories was too much.
	StateUnknown []*Function
	// Structures are what changed in the rules, of IPv4 and of IPv6; none for rule sets of different kinds.
	Structures []*Structure
	// Opaque are the matches that were taken for the same on both sides.
	Opaque []OpaqueMatch
	// Notes are what was not compared, and why.
	Notes []string
	// Rules is how many rules each side has.
	RulesA, RulesB int

	question Question
}

// Difference is a finding with what people ask about it.
type Difference struct {
	*Finding
	IPv6 bool
	Hook packet.Hook
	// Severity says how much it matters.
	Severity Severity
	// MidConnection says that no packet that begins a connection is among them.
	MidConnection bool
	// Causes are the changes that make the difference; none: not known.
	Causes []*Hunk
	// OneSided are those of Needs that only one side asks.
	OneSided []string
}

// Severity is a kind of difference, the gravest first.
type Severity uint8

// The kinds: packets get through on one side only, to other places, with other marks or other things done to them, or are turned away
// in another way.
const (
	Access Severity = iota
	Translation
	Effect
	Refusal
)

// String is the kind's word.
func (s Severity) String() string { return [...]string{"access", "nat", "effect", "refusal"}[s] }

// Make answers a question. A rule set in which a chain leads back to itself is an error, and so is an Only that names nothing.
func Make(q Question) (*Report, error) {
	if q.Findings == 0 {
		q.Findings = 10
	}
	r := &Report{A: q.A, B: q.B, question: q}
	if err := r.restrict(); err != nil {
		return nil, err
	}
	r.RulesA, r.RulesB = countRules(r.A), countRules(r.B)
	families := 0
	for _, f := range []struct {
		ipv6 bool
		a, b *packet.Program
	}{{false, r.A.V4, r.B.V4}, {true, r.A.V6, r.B.V6}} {
		switch {
		case f.a == nil && f.b == nil:
		case f.b == nil:
			r.note("%s is not compared: %s has no rules for it", familyName(f.ipv6), r.B.Name)
		case f.a == nil:
			r.note("%s is not compared: %s has no rules for it", familyName(f.ipv6), r.A.Name)
		default:
			families++
			if err := r.family(f.a, f.b); err != nil {
				return nil, err
			}
		}
	}
	if families == 0 {
		return nil, fmt.Errorf("%s and %s have no family in common", r.A.Name, r.B.Name)
	}
	r.opaque()
	r.conclude()
	return r, nil
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func familyName(ipv6 bool) string {
	if ipv6 {
		return "IPv6"
	}
	return "IPv4"
}

// family compares the programs of one family.
func (r *Report) family(a, b *packet.Program) error {
	q := r.question
	opt := Options{Nodes: q.Nodes, Findings: q.Findings, RejectAsDrop: q.RejectAsDrop, Forgetful: q.States == Ignore, Until: q.Until, Logs: q.Logs == Fail}
	if q.Where != nil {
		where, ok := q.Where(a.IPv6)
		if !ok {
			r.note("%s is not compared: no packet of it is meant", familyName(a.IPv6))
			return nil
		}
		opt.Where = where
	}
	var s *Structure
	if r.A.Kind == r.B.Kind {
		s = Structural(a, b)
		r.Structures = append(r.Structures, s)
		opt.Changed = s.Changed
	}
	functions, err := s.identical(), error(nil)
	if functions == nil {
		functions, err = Programs(a, b, opt)
	}
	if err != nil {
		return err
	}
	r.Functions = append(r.Functions, functions...)
	if s != nil && slices.ContainsFunc(functions, func(f *Function) bool { return len(f.Findings) > 0 }) {
		if err := s.Attribute(opt); err != nil {
			return err
		}
	}
	for _, f := range functions {
		r.More = r.More || f.More
		for _, x := range f.Findings {
			r.Findings = append(r.Findings, r.explain(f, x, s, opt.Logs))
		}
		switch {
		case f.Memory != nil:
			r.States = append(r.States, r.explain(f, f.Memory, s, opt.Logs))
		case f.MemoryUnknown:
			r.StateUnknown = append(r.StateUnknown, f)
		}
	}
	if q.Logs == Tell {
		return r.logs(a, b, opt, functions)
	}
	return nil
}

// logs looks for packets that only leave other log lines.
func (r *Report) logs(a, b *packet.Program, opt Options, known []*Function) error {
	opt.Logs, opt.Findings, opt.Forgetful, opt.Changed = true, 1, true, nil
	opt.Hooks = func(h packet.Hook) bool {
		return slices.ContainsFunc(known, func(f *Function) bool { return f.Hook == h && len(f.Findings) == 0 && f.Undecided == nil })
	}
	functions, err := Programs(a, b, opt)
	if err != nil {
		return err
	}
	for _, f := range functions {
		for _, x := range f.Findings {
			r.LogLines = append(r.LogLines, r.explain(f, x, nil, true))
		}
	}
	return nil
}

func (r *Report) explain(f *Function, x *Finding, s *Structure, logs bool) *Difference {
	d := &Difference{Finding: x, IPv6: f.IPv6, Hook: f.Hook, Severity: severity(x)}
	state := x.Packet.Get(packet.CTState)
	d.MidConnection = state == packet.Num(packet.StateEstablished) || state == packet.Num(packet.StateRelated)
	if s != nil && x != f.Memory {
		d.Causes = s.Causes(x, f.Hook, logs)
	}
	return d
}

func severity(x *Finding) Severity {
	a, b := x.A.Outcome, x.B.Outcome
	through := func(k packet.VerdictKind) bool { return k == packet.Accept }
	switch {
	case through(a.Kind) != through(b.Kind):
		return Access
	case !through(a.Kind):
		return Refusal
	case text(a.DNAT) != text(b.DNAT) || text(a.SNAT) != text(b.SNAT):
		return Translation
	}
	return Effect
}

func text(n *packet.NAT) string {
	if n == nil {
		return ""
	}
	return n.String()
}

// conclude orders what was found, and says what it comes to.
func (r *Report) conclude() {
	slices.SortStableFunc(r.Findings, func(a, b *Difference) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), compareBools(a.MidConnection, b.MidConnection), compareBools(a.Needs != nil, b.Needs != nil),
			cmp.Compare(len(a.Region), len(b.Region)))
	})
	if len(r.Findings) > r.question.Findings {
		r.Findings, r.More = r.Findings[:r.question.Findings], true
	}
	undecided := slices.ContainsFunc(r.Functions, func(f *Function) bool { return f.Undecided != nil && len(f.Findings) == 0 })
	fails := r.question.States == Fail
	switch {
	case len(r.Findings) > 0, fails && len(r.States) > 0:
		r.Result = IsDifferent
	case undecided, fails && len(r.StateUnknown) > 0:
		r.Result = IsUndecided
	}
}

// compareBools puts false before true.
func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func countRules(s Side) (n int) {
	for _, p := range []*packet.Program{s.V4, s.V6} {
		if p == nil {
			continue
		}
		for _, c := range p.Chains {
			n += len(c.Rules)
		}
	}
	return n
}
