package trace

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"rechain/nft/packet"
)

// Report is a way in words, for people (Write) and as JSON.
type Report struct {
	// Packet is the packet as it began, in a line.
	Packet string `json:"packet"`
	// Route is in, forward, out or loop, as far as the packet got.
	Route string       `json:"route"`
	Hooks []HookReport `json:"hooks"`
	// Fate is accepted, dropped, rejected, queued, stolen, expired or lost; Detail how it is rejected, or which queue.
	Fate   string `json:"fate"`
	Detail string `json:"detail,omitempty"`
	// By is the rule or policy that dropped it.
	By *HopReport `json:"by,omitempty"`
	// Became is the packet as it was left: its protocol, addresses, and what rules changed.
	Became string `json:"became"`
	// Assumed are the answers that rules needed and nobody gave.
	Assumed []AssumedReport `json:"assumed,omitempty"`
	Notes   []string        `json:"notes,omitempty"`
	// Kernel says that the kernel took the packet its way, and not the model.
	Kernel bool `json:"kernel,omitempty"`

	end string
}

// HookReport is a hook.
type HookReport struct {
	Hook  string      `json:"hook"`
	Rules []HopReport `json:"rules"`
	// Became is the packet behind it, if it was changed.
	Became string `json:"became,omitempty"`
}

// HopReport is a rule that the packet came to, or a policy.
type HopReport struct {
	Table string `json:"table"`
	Chain string `json:"chain"`
	// Depth counts the jumps that led to the chain.
	Depth  int    `json:"depth"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Key    string `json:"key,omitempty"`
	Handle uint64 `json:"handle,omitempty"`
	Rule   string `json:"rule,omitempty"` // "" for a policy
	// Matched says that the rule took the packet; else Failed says what it wanted.
	Matched bool     `json:"matched"`
	Failed  string   `json:"failed,omitempty"`
	Did     []string `json:"did,omitempty"`
	// Verdict is accept, drop, reject …, or "" where the packet goes on with the next rule; To is the chain of a jump or goto.
	Verdict string `json:"verdict,omitempty"`
	Detail  string `json:"detail,omitempty"`
	To      string `json:"to,omitempty"`
}

// AssumedReport is an [Assumption].
type AssumedReport struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
	Text  string `json:"text"`
}

// Report says a way in words.
func (w *Way) Report() *Report {
	r := &Report{Packet: w.Line.String(), Route: w.Route.String(), Detail: w.Outcome.Detail, Notes: w.Notes, Kernel: w.Kernel}
	changed := &changes{line: w.Line}
	for i := range w.Legs {
		leg := &w.Legs[i]
		hook := HookReport{Hook: leg.Hook.String(), Rules: []HopReport{}}
		before := changed.text(leg.Packet)
		for i := range leg.Hops {
			h := &leg.Hops[i]
			changed.add(h.Became)
			hook.Rules = append(hook.Rules, h.report())
		}
		r.Became = changed.text(leg.Outcome.Packet)
		if r.Became != before {
			hook.Became = r.Became
		}
		r.Hooks = append(r.Hooks, hook)
	}
	for _, a := range w.Assumed {
		r.Assumed = append(r.Assumed, AssumedReport{a.Key, a.Value, a.String()})
	}
	w.fate(r)
	return r
}

var fates = [...]string{"accepted", "dropped", "rejected", "queued", "stolen"}

func (w *Way) fate(r *Report) {
	r.Fate = fates[w.Outcome.Kind]
	last := &w.Legs[len(w.Legs)-1]
	switch {
	case w.Lost != "":
		r.Fate, r.end = "lost", "lost: "+w.Lost
	case w.Expired:
		r.Fate, r.end = "expired", "expired: it had no hop left to be forwarded, which is answered with time exceeded"
	case w.Outcome.Kind == packet.Accept && w.Route != packet.Received && w.Route != packet.Looped:
		r.end = "accepted: sent out"
		if oif := w.Outcome.Packet.Get(packet.Oif); !oif.IsZero() {
			r.end += " by " + packet.Oif.Text(oif)
		}
		r.end += " as " + r.Became
	case w.Outcome.Kind == packet.Accept:
		r.end = "accepted: delivered to this host as " + r.Became
	default:
		r.end = r.Fate
		if r.Detail != "" {
			r.end += " (" + r.Detail + ")"
		}
		r.end += " in " + last.Hook.String()
		if n := len(last.Hops); n > 0 {
			by := last.Hops[n-1].report()
			r.By = &by
			r.end += " by " + by.name()
		}
	}
}

func (h *Hop) report() HopReport {
	out := HopReport{Table: h.Chain.Table, Chain: h.Chain.Name, Depth: h.Depth, Matched: h.Failed == nil, Did: effectTexts(h)}
	if h.Rule != nil {
		o := h.Rule.Origin
		out.File, out.Line, out.Key, out.Handle = o.File, o.Line, o.Key, o.Handle
		if out.Rule = "a rule"; h.Rule.Text != nil {
			out.Rule = h.Rule.Text()
		}
	}
	if h.Failed != nil {
		out.Failed = failedText(h)
	}
	if v := h.Verdict; v != nil && v.Kind != packet.Continue {
		out.Verdict, out.Detail = verdictNames[v.Kind], v.Detail
		if v.Chain != nil {
			out.To = v.Chain.Name
		}
	}
	return out
}

// changes are the fields that rules wrote to.
type changes struct {
	line   *packet.Line
	fields []packet.Field
}

func (c *changes) add(list []Change) {
	for _, x := range list {
		if translates(x.Field) || x.Field.Scratch() {
			continue
		}
		c.fields = append(without(c.fields, x.Field), x.Field)
	}
}

func without(list []packet.Field, f packet.Field) (out []packet.Field) {
	for _, x := range list {
		if x != f {
			out = append(out, x)
		}
	}
	return out
}

// text is a packet in short: its protocol, addresses, and what was changed of the rest.
func (c *changes) text(p *packet.Packet) string {
	short := &packet.Line{IPv6: c.line.IPv6, Packet: &packet.Packet{}}
	for _, f := range []packet.Field{packet.L4Proto, short.Src(), short.Dst(), packet.SrcPort, packet.DstPort} {
		if v, ok := p.Fields[f]; ok {
			short.Packet.Set(f, v)
		}
	}
	s := strings.TrimPrefix(short.String(), short.Route.String()+" ")
	for _, f := range c.fields {
		s += " " + changeText(Change{f, p.Get(f)})
	}
	return s
}

// name is how a sentence calls a rule or policy.
func (h *HopReport) name() string {
	s := h.Table + " " + h.Chain
	if h.Rule == "" {
		return "the policy of " + s
	}
	if at := h.place(); at != "" {
		s += ", " + at
	}
	return s
}

// place is where a rule stands in its source.
func (h *HopReport) place() string {
	switch {
	case h.Line > 0 && h.File != "":
		return fmt.Sprintf("%s:%d", h.File, h.Line)
	case h.Line > 0:
		return fmt.Sprintf("line %d", h.Line)
	case h.Key != "":
		return h.Key
	case h.Handle > 0:
		return fmt.Sprintf("handle %d", h.Handle)
	}
	return ""
}

// Write writes the way, a paragraph for each hook.
func (r *Report) Write(out io.Writer) error {
	var b strings.Builder
	b.WriteString(r.Packet + "\n")
	if r.Kernel {
		b.WriteString("as the kernel took it\n")
	}
	oneFile := r.oneFile()
	for _, h := range r.Hooks {
		h.write(&b, oneFile)
	}
	b.WriteString("\n" + r.end + "\n")
	for _, n := range r.Notes {
		b.WriteString("note: " + n + "\n")
	}
	for _, a := range r.Assumed {
		b.WriteString("assumed: " + a.Text + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// oneFile says whether all rules that the packet came to stand in one file.
func (r *Report) oneFile() bool {
	file := ""
	for _, h := range r.Hooks {
		for _, x := range h.Rules {
			if x.File != "" && file != "" && x.File != file {
				return false
			}
			file = cmp.Or(x.File, file)
		}
	}
	return true
}

func (h *HookReport) write(b *strings.Builder, oneFile bool) {
	fmt.Fprintf(b, "\n%s\n", h.Hook)
	if len(h.Rules) == 0 {
		b.WriteString("  no rules\n")
	}
	at, shown := "", map[string]bool{}
	for i := range h.Rules {
		x := &h.Rules[i]
		indent := strings.Repeat("  ", x.Depth+1)
		if name := x.Table + " " + x.Chain; fmt.Sprint(x.Depth, name) != at {
			at = fmt.Sprint(x.Depth, name)
			again := ""
			if shown[at] && x.Rule != "" {
				again = ", again"
			}
			shown[at] = true
			fmt.Fprintf(b, "%s%s%s\n", indent, name, again)
		}
		x.write(b, indent+"  ", oneFile)
	}
	if h.Became != "" {
		fmt.Fprintf(b, "  = %s\n", h.Became)
	}
}

func (h *HopReport) write(b *strings.Builder, indent string, oneFile bool) {
	what := append([]string{}, h.Did...)
	switch {
	case h.Rule == "":
		fmt.Fprintf(b, "%spolicy %s\n", indent, h.Verdict)
		return
	case !h.Matched:
		what = append(what, "no: "+h.Failed)
	case h.Verdict != "":
		v := h.Verdict
		if h.To != "" {
			v += " " + h.To
		}
		if h.Detail != "" {
			v += " (" + h.Detail + ")"
		}
		what = append(what, v)
	case len(what) == 0:
		what = append(what, "goes on")
	}
	place := h.place()
	if oneFile && h.Line > 0 {
		place = fmt.Sprintf("line %d", h.Line)
	}
	if place != "" {
		place += "  "
	}
	fmt.Fprintf(b, "%s%s%s\n%s  -> %s\n", indent, place, h.Rule, indent, strings.Join(what, ", "))
}
