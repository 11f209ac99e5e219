package compare_test

import (
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rechain/nft/compare"
	"rechain/nft/packet"
	"rechain/nft/trace"
	"rechain/translate"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// corpus reads real dumps of at most so many lines.
func corpus(t *testing.T, lines int) map[string]string {
	files, _ := filepath.Glob("../../../shared/corpus/*.rules")
	if len(files) == 0 {
		t.Skip("needs ../shared/corpus, which is not here")
	}
	out := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), "\n") <= lines {
			out[filepath.Base(f)] = string(text)
		}
	}
	return out
}

// dump reads a dump; nil when a rule needs what is not here.
func dump(name, text string) *iptables.Ruleset {
	family := iptables.IPv4
	if strings.HasSuffix(name, ".v6.rules") {
		family = iptables.IPv6
	}
	rs, err := iptables.ParseText(text, name, family, ext.Vocabulary)
	if err != nil {
		return nil
	}
	return rs
}

// mutation is a random edit of one rule.
type mutation struct{ *rand.Rand }

// apply edits a rule set, and says how.
func (m mutation) apply(rs *iptables.Ruleset) string {
	var chains []*iptables.Chain
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			if len(c.Rules) > 0 {
				chains = append(chains, c)
			}
		}
	}
	if chains == nil {
		return ""
	}
	c := chains[m.Intn(len(chains))]
	i := m.Intn(len(c.Rules))
	r := *c.Rules[i]
	what := "changed"
	switch m.Intn(6) {
	case 0:
		c.Rules = slices.Delete(slices.Clone(c.Rules), i, i+1)
		return fmt.Sprintf("removed %v of %s", &r, c.Name)
	case 1:
		rules := slices.Delete(slices.Clone(c.Rules), i, i+1)
		c.Rules = slices.Insert(rules, m.Intn(len(rules)+1), c.Rules[i])
		return fmt.Sprintf("moved %v of %s", &r, c.Name)
	case 2:
		switch {
		case r.Target == nil || r.Target.Ext != nil:
			return ""
		case r.Target.Name == "ACCEPT":
			r.Target = &iptables.Target{Name: "DROP"}
		default:
			r.Target = &iptables.Target{Name: "ACCEPT"}
		}
	case 3:
		switch {
		case r.Src != nil:
			a := *r.Src
			a.Neg = !a.Neg
			r.Src = &a
		case r.In != nil:
			d := *r.In
			d.Neg = !d.Neg
			r.In = &d
		default:
			return ""
		}
	case 4:
		if r.Dst == nil || len(r.Dst.Mask) == 0 || r.Dst.Mask[0] == 0 {
			return ""
		}
		a := *r.Dst
		b := a.Addr.AsSlice()
		b[0] ^= 1
		a.Addr, _ = netip.AddrFromSlice(b)
		r.Dst = &a
	case 5:
		if len(r.Matches) == 0 {
			return ""
		}
		j := m.Intn(len(r.Matches))
		what = "lost a match of"
		r.Matches = slices.Delete(slices.Clone(r.Matches), j, j+1)
	}
	c.Rules = slices.Clone(c.Rules)
	c.Rules[i] = &r
	return fmt.Sprintf("%s %v of %s", what, &r, c.Name)
}

// biased makes packets with values on both sides of what two programs ask.
type biased struct {
	*rand.Rand
	values map[packet.Field][]packet.Value
	opaque map[string]bool
	tracks bool
}

func bias(r *rand.Rand, programs ...*packet.Program) *biased {
	b := &biased{Rand: r, values: map[packet.Field][]packet.Value{}, opaque: map[string]bool{}, tracks: true}
	for _, p := range programs {
		b.tracks = b.tracks && p.Tracks
		for _, c := range p.Chains {
			for _, rule := range c.Rules {
				b.steps(rule.Steps)
			}
		}
	}
	for f, d := range map[packet.Field][]packet.Range{packet.CTState: packet.Domain(packet.CTState), packet.HasSocket: packet.Domain(packet.HasSocket)} {
		for _, r := range d {
			b.values[f] = append(b.values[f], r.From, r.To)
		}
	}
	for f, values := range b.values { // what is not in the set is no packet
		if domain := packet.Domain(f); domain != nil {
			b.values[f] = slices.DeleteFunc(values, func(v packet.Value) bool { return !packet.Contains(domain, v) })
		}
	}
	return b
}

func (b *biased) steps(steps []packet.Step) {
	for _, s := range steps {
		switch v := s.(type) {
		case *packet.Require:
			b.pred(v.P)
		case *packet.Choose:
			for _, c := range v.Cases {
				b.pred(c.When)
				b.steps(c.Steps)
			}
		}
	}
}

func (b *biased) add(f packet.Field, values ...packet.Value) {
	ones := packet.Ones(uint(f.Bits))
	for _, v := range values {
		b.values[f] = append(b.values[f], v.And(ones))
	}
}

func (b *biased) pred(p packet.Pred) {
	switch v := p.(type) {
	case *packet.In:
		for _, r := range v.Ranges {
			b.add(v.Field, r.From, r.To, r.From.Prev(), r.To.Next(), packet.Value{})
		}
	case *packet.Masked:
		b.add(v.Field, v.Value, v.Mask, v.Value.Xor(packet.Ones(128)), packet.Value{})
	case *packet.Opaque:
		b.opaque[v.Key] = v.Stateful
	case packet.Not:
		b.pred(v.P)
	case packet.All:
		for _, q := range v {
			b.pred(q)
		}
	case packet.Any:
		for _, q := range v {
			b.pred(q)
		}
	}
}

// absent are the fields that no packet has at a hook.
var absent = map[packet.Hook][]packet.Field{
	packet.Prerouting: {packet.Oif, packet.HasSocket}, packet.Input: {packet.Oif}, packet.Forward: {packet.HasSocket}, packet.Output: {packet.Iif},
}

func (b *biased) packet(h packet.Hook) *packet.Packet {
	p := &packet.Packet{Fields: map[packet.Field]packet.Value{}, Opaque: map[string]bool{}}
	for f, values := range b.values {
		p.Set(f, values[b.Intn(len(values))])
		if f.Scratch() {
			p.Set(f, packet.Value{})
		}
	}
	for key, stateful := range b.opaque {
		if !stateful {
			p.Opaque[key] = b.Intn(2) == 0
			continue
		}
		for n := 1; n < 20; n++ {
			p.Opaque[fmt.Sprintf("%s#%d", key, n)] = b.Intn(2) == 0
		}
	}
	p.Set(packet.HasTransport, packet.Num(1))
	if b.tracks {
		p.Set(packet.FragOffset, packet.Value{})
	}
	for _, f := range absent[h] {
		p.Set(f, packet.Value{})
	}
	return p
}

// apart says whether two programs treat a packet differently at a hook.
func apart(t *testing.T, a, b *packet.Program, h packet.Hook, p *packet.Packet) bool {
	x, err := trace.Hook(a, h, p, false)
	if err != nil {
		t.Fatal(err)
	}
	y, err := trace.Hook(b, h, p, false)
	if err != nil {
		t.Fatal(err)
	}
	return !trace.Same(x.Outcome, y.Outcome)
}

// TestMutations edits real dumps at random. Each edit that is said to change something comes with packets that are treated differently when
// they are traced, and so are others of their region; where an edit is said to change nothing, thousands of packets are treated alike.
func TestMutations(t *testing.T) {
	dumps := corpus(t, 600)
	names := make([]string, 0, len(dumps))
	for name := range dumps {
		names = append(names, name)
	}
	slices.Sort(names)
	edits, until := 600, time.Now().Add(40*time.Second)
	if testing.Short() {
		edits = 60
	}
	same, different, undecided, checked := 0, 0, 0, 0
	for seed := range int64(edits) {
		if time.Now().After(until) {
			break
		}
		r := rand.New(rand.NewSource(seed))
		name := names[r.Intn(len(names))]
		before, after := dump(name, dumps[name]), dump(name, dumps[name])
		if before == nil {
			continue
		}
		what := mutation{r}.apply(after)
		if what == "" {
			continue
		}
		what = fmt.Sprintf("seed %d: %s: %s", seed, name, what)
		a, b := translate.Meaning(before, nil), translate.Meaning(after, nil)
		side := func(p *packet.Program) compare.Side {
			s := compare.Side{Name: name, Kind: "iptables", V4: p}
			if p.IPv6 {
				s.V4, s.V6 = nil, p
			}
			return s
		}
		report, err := compare.Make(compare.Question{A: side(a), B: side(b), States: compare.Ignore,
			Nodes: 1 << 20, Until: time.Now().Add(time.Second)})
		if err != nil {
			t.Fatal(what, err)
		}
		if report.Result == compare.IsUndecided {
			undecided++
			continue
		}
		random := bias(r, a, b)
		if report.Result == compare.IsSame {
			same++
			for h := packet.Prerouting; h <= packet.Postrouting; h++ {
				for range 400 {
					checked++
					if p := random.packet(h); apart(t, a, b, h, p) {
						t.Fatalf("%s: said to be the same at %v, but not for %v", what, h, p)
					}
				}
			}
			continue
		}
		different++
		for _, d := range report.Findings {
			if !apart(t, a, b, d.Hook, d.Packet) {
				t.Fatalf("%s: %v is treated alike at %v", what, d.Packet, d.Hook)
			}
			inRegion(t, what, random, a, b, d)
			if line, err := packet.ParseLine(d.Example(), fields(a, b)...); err != nil {
				t.Fatalf("%s: %s: %v", what, d.Example(), err)
			} else if d.Needs == nil && !apart(t, a, b, d.Hook, line.Packet) {
				t.Fatalf("%s: %s is treated alike at %v, where %v is not", what, d.Example(), d.Hook, d.Packet)
			}
		}
	}
	t.Logf("%d edits change something; %d change nothing, which %d packets confirm; %d are too much for a second", different, same, checked, undecided)
	if undecided > (same+different)/10 {
		t.Error("too many are not decided")
	}
}

// fields are those that programs ask.
func fields(programs ...*packet.Program) (out []packet.Field) {
	for f := range bias(rand.New(rand.NewSource(0)), programs...).values {
		out = append(out, f)
	}
	return out
}

// inRegion takes packets of a finding's region, of which each must be treated differently.
func inRegion(t *testing.T, what string, random *biased, a, b *packet.Program, d *compare.Difference) {
	for range 30 {
		p := random.packet(d.Hook)
		for _, c := range d.Region {
			switch {
			case c.Vague:
				return
			case c.Field.Name[0] == '?':
				p.Opaque[c.Field.Name[2:]] = c.Ranges[0].From == packet.Num(1)
			case c.Ranges == nil:
				p.Set(c.Field, p.Get(c.Field).AndNot(c.Mask).Or(c.Value))
			case !packet.Contains(c.Ranges, p.Get(c.Field)):
				r := c.Ranges[random.Intn(len(c.Ranges))]
				p.Set(c.Field, r.From)
				if domain := packet.Domain(c.Field); domain != nil && !packet.Contains(domain, r.From) {
					p.Set(c.Field, d.Packet.Get(c.Field))
				}
			}
		}
		if !apart(t, a, b, d.Hook, p) {
			t.Fatalf("%s: %v: %v lies in %v, but is treated alike", what, d.Hook, p, d.Words())
		}
	}
}
