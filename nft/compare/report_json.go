package compare

import (
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"rechain/nft/packet"
	"rechain/nft/trace"
)

// The report as JSON. Names stay as they are; new ones may come.
type (
	jsonReport struct {
		Version    int            `json:"version"` // 1
		Result     string         `json:"result"`  // same, different, undecided
		A          jsonSide       `json:"a"`
		B          jsonSide       `json:"b"`
		Functions  []jsonFunction `json:"functions"`
		Findings   []jsonFinding  `json:"findings"`
		More       bool           `json:"more"`
		State      []jsonFinding  `json:"state"`
		Log        []jsonFinding  `json:"log"`
		Opaque     []jsonOpaque   `json:"opaque"`
		Structural []jsonChanges  `json:"structural"`
		Notes      []string       `json:"notes"`
	}
	jsonSide struct {
		Name  string `json:"name"`
		Kind  string `json:"kind"` // iptables, nft
		Rules int    `json:"rules"`
	}
	jsonFunction struct {
		Family  string `json:"family"` // ip, ip6
		Hook    string `json:"hook"`
		Result  string `json:"result"`
		State   string `json:"state,omitempty"` // same, different, undecided: what rules remember
		Problem string `json:"problem,omitempty"`
	}
	jsonFinding struct {
		Function      string            `json:"function"` // ip/forward
		Chain         string            `json:"chain"`    // filter/FORWARD
		A             string            `json:"a"`        // accept, drop, reject, queue, stolen
		B             string            `json:"b"`
		AOutcome      string            `json:"a_outcome"` // in words, with what else is done
		BOutcome      string            `json:"b_outcome"`
		ANAT          []jsonNAT         `json:"a_nat,omitempty"`
		BNAT          []jsonNAT         `json:"b_nat,omitempty"`
		Severity      string            `json:"severity"` // access, nat, effect, refusal
		Certain       bool              `json:"certain"`
		Needs         map[string]bool   `json:"needs,omitempty"`
		OneSided      []string          `json:"one_sided,omitempty"`
		MidConnection bool              `json:"mid_connection"`
		Packet        map[string]string `json:"packet"`
		Line          string            `json:"line"` // the packet as "rechain trace" takes it
		Region        []jsonConstraint  `json:"region"`
		APath         []jsonHop         `json:"a_path"`
		BPath         []jsonHop         `json:"b_path"`
		Because       []string          `json:"because,omitempty"`
		Hunks         []int             `json:"hunks,omitempty"` // numbers in structural, of the family's
	}
	jsonNAT struct {
		Kind string `json:"kind"`
		To   string `json:"to"`
	}
	jsonConstraint struct {
		Field  string   `json:"field"`
		Not    bool     `json:"not,omitempty"`  // all values but these
		Mask   string   `json:"mask,omitempty"` // these bits of the field have the value
		Values []string `json:"values"`         // single values, ranges FROM-TO, networks; of opaque matches yes or no
	}
	jsonHop struct {
		Table  string `json:"table"`
		Chain  string `json:"chain"`
		File   string `json:"file,omitempty"`
		Line   int    `json:"line,omitempty"`
		Handle uint64 `json:"handle,omitempty"`
		Key    string `json:"key,omitempty"`
		Text   string `json:"text"`
	}
	jsonOpaque struct {
		Key      string `json:"key"`
		Stateful bool   `json:"stateful"`
		A        int    `json:"a"` // rules
		B        int    `json:"b"`
	}
	jsonChanges struct {
		Family  string            `json:"family"`
		Added   int               `json:"added"`
		Removed int               `json:"removed"`
		Moved   int               `json:"moved"`
		Changed int               `json:"changed"`
		Renamed map[string]string `json:"renamed,omitempty"`
		Hunks   []jsonHunk        `json:"hunks"`
	}
	jsonHunk struct {
		Kind    string    `json:"kind"`
		Chain   string    `json:"chain"`
		A       []jsonHop `json:"a,omitempty"`
		B       []jsonHop `json:"b,omitempty"`
		Fields  []string  `json:"fields,omitempty"`
		Meaning string    `json:"meaning,omitempty"` // nothing, something; not there: not tried
	}
)

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	out := jsonReport{Version: 1, Result: r.Result.String(), More: r.More, Notes: append([]string{}, r.Notes...),
		A: jsonSide{r.A.Name, r.A.Kind, r.RulesA}, B: jsonSide{r.B.Name, r.B.Kind, r.RulesB},
		Functions: []jsonFunction{}, Opaque: []jsonOpaque{}, Structural: []jsonChanges{}}
	for _, f := range r.Functions {
		out.Functions = append(out.Functions, r.jsonFunction(f))
	}
	for _, o := range r.Opaque {
		out.Opaque = append(out.Opaque, jsonOpaque(o))
	}
	for _, s := range r.Structures {
		out.Structural = append(out.Structural, jsonStructure(s))
	}
	out.Findings, out.State, out.Log = r.jsonFindings(r.Findings), r.jsonFindings(r.States), r.jsonFindings(r.LogLines)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(out)
}

func jsonFamily(ipv6 bool) string {
	if ipv6 {
		return "ip6"
	}
	return "ip"
}

func (r *Report) jsonFunction(f *Function) jsonFunction {
	out := jsonFunction{Family: jsonFamily(f.IPv6), Hook: f.Hook.String(), Result: IsSame.String()}
	if r.question.States != Ignore {
		switch {
		case f.Memory != nil:
			out.State = IsDifferent.String()
		case f.MemoryUnknown || f.Undecided != nil:
			out.State = IsUndecided.String()
		default:
			out.State = IsSame.String()
		}
	}
	if f.Undecided != nil {
		out.Result, out.Problem = IsUndecided.String(), f.Undecided.Error()
	}
	if len(f.Findings) > 0 {
		out.Result = IsDifferent.String()
	}
	return out
}

func (r *Report) jsonFindings(list []*Difference) []jsonFinding {
	out := make([]jsonFinding, 0, len(list))
	for _, d := range list {
		f := jsonFinding{Function: jsonFamily(d.IPv6) + "/" + d.Hook.String(), Chain: strings.Replace(d.Place(), " ", "/", 1),
			A: verdictNames[d.A.Outcome.Kind], B: verdictNames[d.B.Outcome.Kind],
			ANAT: jsonNATs(d.A.Outcome, d.IPv6), BNAT: jsonNATs(d.B.Outcome, d.IPv6),
			Severity: d.Severity.String(), Certain: d.Needs == nil, Needs: d.Needs, OneSided: d.OneSided, MidConnection: d.MidConnection,
			Packet: map[string]string{}, Line: d.Example(), Region: d.jsonRegion(),
			APath: jsonPath(Against(d.A, d.B)), BPath: jsonPath(Against(d.B, d.A))}
		f.AOutcome, f.BOutcome = d.Outcomes()
		for field, v := range d.Packet.Fields {
			if !field.Scratch() {
				f.Packet[field.Name] = field.Text(v)
			}
		}
		for _, h := range d.Causes {
			f.Because = append(f.Because, h.Words())
			f.Hunks = append(f.Hunks, r.hunkNumber(h))
		}
		out = append(out, f)
	}
	return out
}

func (r *Report) hunkNumber(h *Hunk) int {
	for _, s := range r.Structures {
		if i := slices.Index(s.Hunks, h); i >= 0 {
			return i
		}
	}
	return -1
}

func jsonNATs(o trace.Outcome, ipv6 bool) (out []jsonNAT) {
	for _, n := range []*packet.NAT{o.DNAT, o.SNAT} {
		if n != nil {
			kind, rest, _ := strings.Cut(natWords(n, ipv6), " ")
			out = append(out, jsonNAT{kind, strings.TrimPrefix(rest, "to ")})
		}
	}
	return out
}

func (d *Difference) jsonRegion() []jsonConstraint {
	out := make([]jsonConstraint, 0, len(d.Region))
	for _, c := range d.Region {
		if c.Ranges == nil || d.hidden(c) {
			if c.Ranges == nil && !c.Vague {
				out = append(out, jsonConstraint{Field: c.Field.Name, Mask: c.Field.Text(c.Mask), Values: []string{c.Field.Text(c.Value)}})
			}
			continue
		}
		not, ranges := shorter(c)
		j := jsonConstraint{Field: strings.TrimPrefix(c.Field.Name, "? "), Not: not, Values: []string{}}
		for _, r := range ranges {
			j.Values = append(j.Values, c.Field.RangesText([]packet.Range{r}))
		}
		out = append(out, j)
	}
	return out
}

func jsonPath(path []trace.Hop) []jsonHop {
	out := make([]jsonHop, 0, len(path))
	for _, h := range path {
		if h.Rule == nil {
			out = append(out, jsonHop{Table: h.Chain.Table, Chain: h.Chain.Name, File: h.Chain.File, Line: h.Chain.Line, Handle: h.Chain.Handle, Key: h.Chain.Key,
				Text: "policy " + verdictWords(*h.Verdict)})
			continue
		}
		out = append(out, jsonRule(h.Chain, h.Rule))
	}
	return out
}

func jsonRule(c *packet.Chain, r *packet.Rule) jsonHop {
	h := jsonHop{Table: c.Table, Chain: c.Name, File: r.File, Line: r.Line, Handle: r.Handle, Key: r.Key}
	if r.Text != nil {
		h.Text = r.Text()
	}
	return h
}

func jsonStructure(s *Structure) jsonChanges {
	out := jsonChanges{Family: jsonFamily(s.a.IPv6), Added: s.Count(Added), Removed: s.Count(Removed), Moved: s.Count(Moved), Changed: s.Count(Changed),
		Renamed: maps.Clone(s.Renamed), Hunks: []jsonHunk{}}
	for _, h := range s.Hunks {
		j := jsonHunk{Kind: h.Kind.String(), Chain: h.Chain.Table + "/" + h.Chain.Name, Fields: h.Fields,
			Meaning: [...]string{"", "nothing", "something"}[h.Meaning]}
		for _, r := range h.A {
			j.A = append(j.A, jsonRule(h.Chain, r))
		}
		for _, r := range h.B {
			j.B = append(j.B, jsonRule(h.Chain, r))
		}
		out.Hunks = append(out.Hunks, j)
	}
	return out
}
