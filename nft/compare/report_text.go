package compare

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteText writes the report for people. brief is only its first line.
func (r *Report) WriteText(w io.Writer, brief bool) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, r.Headline())
	if !brief {
		for i, d := range r.Findings {
			r.finding(b, i+1, d)
		}
		if r.More {
			fmt.Fprintln(b, "\nthere are further differences; --max-findings says how many are shown")
		}
		r.changes(b)
		if scope := r.Scope(); scope != nil {
			fmt.Fprintln(b)
			for _, s := range scope {
				fmt.Fprintln(b, s)
			}
		}
	}
	return b.Flush()
}

// Headline is the answer in one line.
func (r *Report) Headline() string {
	pair := r.A.Name + " and " + r.B.Name
	switch {
	case r.Result == IsUndecided:
		return "undecided: " + pair + ": " + r.why()
	case r.Result == IsSame && r.question.Where != nil:
		return "same: " + pair + " do the same with every such packet, " + r.hooksWords()
	case r.Result == IsSame:
		return "same: " + pair + " do the same with every packet, " + r.hooksWords()
	case len(r.Findings) == 0:
		return "different: " + pair + " do the same with every packet, but remember other ones"
	}
	return fmt.Sprintf("different: %s, %s", pair, r.countWords())
}

// why is what kept a hook from being decided.
func (r *Report) why() string {
	for _, f := range r.Functions {
		if f.Undecided != nil {
			return fmt.Sprintf("%v (%s, %v)", f.Undecided, familyName(f.IPv6), f.Hook)
		}
	}
	return "comparing what rules remember took too much"
}

func (r *Report) countWords() string {
	var parts []string
	for s, noun := range []string{"in what gets through", "in translations", "in what is done with packets", "in how packets are refused"} {
		n := 0
		for _, d := range r.Findings {
			if int(d.Severity) == s {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, noun))
		}
	}
	s := strings.Join(parts, ", ")
	if r.More {
		return "at least " + s
	}
	return s
}

// hooksWords are the hooks that are the same.
func (r *Report) hooksWords() string {
	var families []string
	for _, ipv6 := range []bool{false, true} {
		var hooks []string
		for _, f := range r.Functions {
			if f.IPv6 == ipv6 && len(f.Findings) == 0 && f.Undecided == nil {
				hooks = append(hooks, f.Hook.String())
			}
		}
		if hooks != nil {
			families = append(families, familyName(ipv6)+" at "+strings.Join(hooks, ", "))
		}
	}
	if families == nil {
		return "there being no base chain at all"
	}
	return strings.Join(families, "; ")
}

func (r *Report) finding(w io.Writer, n int, d *Difference) {
	a, b := d.Outcomes()
	fmt.Fprintf(w, "\n%d. %s (%s, %v): %s → %s", n, d.Place(), familyName(d.IPv6), d.Hook, a, b)
	if d.Needs != nil {
		fmt.Fprint(w, "; may differ")
	}
	if d.MidConnection {
		fmt.Fprint(w, "; only mid-connection")
	}
	fmt.Fprintln(w)
	row := func(name string, lines ...string) {
		for _, line := range lines {
			fmt.Fprintf(w, "   %-8s %s\n", name, line)
			name = ""
		}
	}
	row("example", d.Example())
	words := d.Words()
	if words == nil {
		words = []string{"every packet at this hook"}
	}
	row("any", strings.Join(words, "; "))
	row("needs", d.NeedWords()...)
	row(label(r.A.Name, "A"), d.PathLines(false)...)
	row(label(r.B.Name, "B"), d.PathLines(true)...)
	for i, h := range d.Causes {
		name := "because"
		if i > 0 {
			name = "and"
		}
		row(name, h.Words())
	}
}

// label is what a side is called in front of its rules.
func label(name, letter string) string {
	if len(name) > 8 {
		return letter
	}
	return name
}

// changes tells what changed in the rules.
func (r *Report) changes(w io.Writer) {
	for i, s := range r.Structures {
		if len(s.Hunks) == 0 && len(s.Renamed) == 0 {
			continue
		}
		family := ""
		if len(r.Structures) > 1 {
			family = " of " + familyName(i == 1)
		}
		fmt.Fprintf(w, "\nrules%s: %s\n", family, s.Words())
		for _, h := range s.Hunks {
			if len(s.Hunks) > MaxHunks {
				break
			}
			fmt.Fprintf(w, "   %s%s\n", h.Words(), r.meaning(s, h))
		}
	}
}

// meaning says what a change does by itself.
func (r *Report) meaning(s *Structure, h *Hunk) string {
	same := !slices.ContainsFunc(r.Functions, func(f *Function) bool { return f.IPv6 == s.a.IPv6 && (len(f.Findings) > 0 || f.Undecided != nil) })
	switch {
	case same, h.Meaning == MeansNothing:
		return ": changes nothing"
	case h.Meaning == MeansSomething:
		return ": changes what is done with packets"
	}
	return ""
}

// Words counts the changes of rules.
func (s *Structure) Words() string {
	var parts []string
	for k := Added; k <= ChainRemoved; k++ {
		n := s.Count(k)
		switch {
		case n == 0:
		case k == PolicyChanged:
			parts = append(parts, fmt.Sprintf("%d policies changed", n))
		case k >= ChainAdded:
			n = 0
			for _, h := range s.Hunks {
				if h.Kind == k {
					n++
				}
			}
			parts = append(parts, fmt.Sprintf("%d chains %s", n, strings.TrimPrefix(k.String(), "chain ")))
		default:
			parts = append(parts, fmt.Sprintf("%d %v", n, k))
		}
	}
	if n := len(s.Renamed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d chains renamed", n))
	}
	return strings.Join(parts, ", ")
}

// Scope says what the answer rests on, and what was not compared, a line each.
func (r *Report) Scope() []string {
	var out []string
	if r.Result != IsUndecided {
		for _, f := range r.Functions {
			if f.Undecided != nil {
				out = append(out, fmt.Sprintf("note: %s at %v is not decided: %v", familyName(f.IPv6), f.Hook, f.Undecided))
			}
		}
	}
	if r.Result == IsDifferent && len(r.Findings) > 0 {
		if same := r.hooksWords(); !strings.HasPrefix(same, "there") {
			out = append(out, "proved the same: "+same)
		}
	}
	for _, d := range r.States {
		out = append(out, fmt.Sprintf("note: rules remember other packets at %v (%s), such as %s", d.Hook, familyName(d.IPv6), d.Example()))
	}
	for _, f := range r.StateUnknown {
		out = append(out, fmt.Sprintf("note: what rules remember was too much to compare at %v (%s)", f.Hook, familyName(f.IPv6)))
	}
	for _, d := range r.LogLines {
		out = append(out, fmt.Sprintf("note: other log lines at %v (%s), such as for %s", d.Hook, familyName(d.IPv6), d.Example()))
	}
	for _, n := range r.Notes {
		out = append(out, "note: "+n)
	}
	if len(r.Opaque) > 0 {
		out = append(out, "taken for the same on both sides: "+r.opaqueWords())
	}
	memory := "memories of rules compared"
	if r.question.States == Ignore {
		memory = "memories of rules not compared"
	}
	return append(out, fmt.Sprintf("compared: %d and %d rules, each hook by itself; %s; not routes, helpers, flow tables and offloading", r.RulesA, r.RulesB, memory))
}

// opaqueWords counts opaque matches by their kind.
func (r *Report) opaqueWords() string {
	type kind struct {
		name       string
		keys, a, b int
	}
	var kinds []*kind
	for _, o := range r.Opaque {
		name := strings.TrimPrefix(o.Key, "-m ")
		if i := strings.IndexByte(name, ' '); i > 0 {
			name = name[:i]
		}
		i := slices.IndexFunc(kinds, func(k *kind) bool { return k.name == name })
		if i < 0 {
			kinds = append(kinds, &kind{name: name})
			i = len(kinds) - 1
		}
		k := kinds[i]
		k.keys, k.a, k.b = k.keys+1, k.a+o.A, k.b+o.B
	}
	var parts []string
	for _, k := range kinds {
		parts = append(parts, fmt.Sprintf("%s (%d, in %d and %d rules)", k.name, k.keys, k.a, k.b))
	}
	return strings.Join(parts, ", ")
}
