package live_test

import (
	"fmt"
	"hash/fnv"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rechain/nft/kernel/testlab"
	"rechain/nft/meaning"
	"rechain/nft/packet"
	"rechain/nft/trace"
	"rechain/nft/trace/live"
	"rechain/translate"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// TestModelIsKernel takes packets through translated dumps, in the model and in the kernel: the same rules take them, in the same order, with
// the same verdicts, and the same becomes of them. It takes a sample of the dumps; RECHAIN_TRACES=N sends N packets through each, and
// RECHAIN_SEED=N others.
func TestModelIsKernel(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/corpus/*.rules")
	if len(files) == 0 {
		t.Skip("needs ../shared/corpus, which is not here")
	}
	testlab.Need(t, os.Geteuid() == 0, "root")
	testlab.Users(t)
	_, err := os.Stat("/dev/net/tun")
	testlab.Need(t, err == nil, "/dev/net/tun")
	packets, all := setting(t, "RECHAIN_TRACES", 12)
	seed, _ := setting(t, "RECHAIN_SEED", 1)
	for _, file := range files {
		h := fnv.New32()
		h.Write([]byte(filepath.Base(file)))
		if !all && h.Sum32()%6 != 0 {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			traceDump(t, file, packets, seed)
		})
	}
}

// setting is a number from the environment.
func setting(t *testing.T, name string, usual int) (n int, said bool) {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return usual, false
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n, true
}

func traceDump(t *testing.T, file string, packets, seed int) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ipv6 := strings.HasSuffix(file, ".v6.rules")
	family := iptables.IPv4
	if ipv6 {
		family = iptables.IPv6
	}
	rs, err := iptables.Parse(strings.NewReader(string(text)), file, family, ext.Vocabulary)
	if err != nil {
		t.Skip(strings.SplitN(err.Error(), "\n", 2)[0])
	}
	v4, v6 := rs, (*iptables.Ruleset)(nil)
	if ipv6 {
		v4, v6 = nil, rs
	}
	out, report := translate.Ruleset(v4, v6, translate.Options{AllowLossy: true})
	if out == nil {
		t.Skip(report.Refused()[0])
	}
	lab, err := live.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	program := meaning.RuleByRule(lab.Ruleset(), ipv6)
	g := &generator{Rand: rand.New(rand.NewSource(int64(seed))), ipv6: ipv6, values: map[packet.Field][]packet.Value{}}
	g.collect(program)
	compared := 0
	for range packets {
		line := g.line(t)
		want, err := trace.Through(program, line, false)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(want.Assumed, func(a trace.Assumption) bool { return a.Key != "" }) { // the kernel knows better
			continue
		}
		got, err := lab.Send(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		compared++
		exact := len(want.Assumed) == 0 // else what a translation makes of addresses is not known
		if source, err := trace.Through(translate.Meaning(rs, nil), line, false); err != nil || fate(source, exact) != fate(got, exact) {
			t.Errorf("%s\niptables: %v, kernel:\n%s", line, err, cmp.Diff(fate(source, exact), fate(got, exact)))
		}
		if a, b := told(want, exact), told(got, exact); a != b {
			t.Errorf("%s (-model +kernel)\n%s", line, cmp.Diff(strings.Split(a, "\n"), strings.Split(b, "\n")))
		}
	}
	t.Logf("%d of %d packets compared", compared, packets)
}

// told is a way as both must tell it. Exact says that it ends with the packet.
func told(w *trace.Way, exact bool) string {
	var b strings.Builder
	for _, l := range w.Legs {
		for i := range l.Hops {
			h := &l.Hops[i]
			if h.Failed != nil {
				continue
			}
			fmt.Fprintf(&b, "  %s %s %s", l.Hook, h.Chain.Table, h.Chain.Name)
			verdict := "goes on"
			if v := h.Verdict; v != nil && v.Kind != packet.Continue {
				verdict = fmt.Sprint(v.Kind, v.Detail)
				if v.Chain != nil {
					verdict += " " + v.Chain.Name
				}
			}
			if h.Rule == nil {
				fmt.Fprintf(&b, " policy %s\n", verdict)
			} else {
				fmt.Fprintf(&b, " %d at depth %d: %s\n", h.Rule.Handle, h.Depth, verdict)
			}
		}
	}
	return b.String() + fate(w, exact)
}

// fate is what became of a packet.
func fate(w *trace.Way, exact bool) string {
	var b strings.Builder
	r := w.Report()
	fmt.Fprintf(&b, "  %s %s %s\n", r.Route, r.Fate, r.Detail)
	if p := w.Outcome.Packet; exact && w.Outcome.Kind == packet.Accept {
		for _, f := range []packet.Field{w.Line.Src(), packet.SrcPort, w.Line.Dst(), packet.DstPort, packet.Mark, packet.TTL, packet.DSCP} {
			fmt.Fprintf(&b, "  %s=%s\n", f.Word(), f.LineText(p.Get(f)))
		}
	}
	return b.String()
}

// generator makes packets of the values that rules ask for.
type generator struct {
	*rand.Rand
	ipv6   bool
	values map[packet.Field][]packet.Value
}

func (g *generator) collect(p *packet.Program) {
	var pred func(packet.Pred)
	pred = func(p packet.Pred) {
		switch v := p.(type) {
		case *packet.In:
			for _, r := range v.Ranges {
				g.values[v.Field] = append(g.values[v.Field], r.From, r.To)
			}
		case packet.Not:
			pred(v.P)
		case packet.All:
			for _, q := range v {
				pred(q)
			}
		case packet.Any:
			for _, q := range v {
				pred(q)
			}
		}
	}
	var steps func([]packet.Step)
	steps = func(list []packet.Step) {
		for _, s := range list {
			switch v := s.(type) {
			case *packet.Require:
				pred(v.P)
			case *packet.Choose:
				for _, c := range v.Cases {
					pred(c.When)
					steps(c.Steps)
				}
			}
		}
	}
	for _, c := range p.Chains {
		for _, r := range c.Rules {
			steps(r.Steps)
		}
	}
}

// pick is a value that rules ask of a field, or one of others.
func (g *generator) pick(f packet.Field, others ...string) string {
	if v := g.values[f]; len(v) > 0 && g.Intn(3) > 0 {
		if s := f.Text(v[g.Intn(len(v))]); !strings.ContainsAny(s, "\"\\") {
			return s
		}
	}
	return others[g.Intn(len(others))]
}

// line is a random packet that can be sent.
func (g *generator) line(t *testing.T) *packet.Line {
	route := []string{"in", "in", "forward", "out", "loop"}[g.Intn(5)]
	proto := g.pick(packet.L4Proto, "tcp", "udp", "icmp")
	if g.ipv6 && proto == "icmp" {
		proto = "icmpv6"
	}
	addr := func(v4, v6 packet.Field, at4, at6 string) string {
		if g.ipv6 {
			return g.usable(v6, at6)
		}
		return g.usable(v4, at4)
	}
	src, dst := addr(packet.IPv4Src, packet.IPv6Src, "192.0.2.7", "2001:db8::7"), addr(packet.IPv4Dst, packet.IPv6Dst, "198.51.100.9", "2001:db8:1::9")
	if src == dst {
		src = map[bool]string{false: "192.0.2.8", true: "2001:db8::8"}[g.ipv6]
	}
	text := fmt.Sprintf("%s %s %s > %s", route, proto, src, dst)
	switch proto {
	case "tcp", "udp", "udplite", "sctp", "dccp":
		text += fmt.Sprintf(" sport=%s dport=%s", g.pick(packet.SrcPort, "40000"), g.pick(packet.DstPort, "80", "53", "443"))
	}
	device := func(f packet.Field, other string) string {
		name := strings.Trim(g.pick(f, other), "\"")
		if name == "lo" || name == "none" || strings.ContainsAny(name, " +") || len(name) > 15 {
			return other
		}
		return name
	}
	switch route {
	case "in":
		text += " iif=" + device(packet.Iif, "eth0")
	case "forward":
		iif := device(packet.Iif, "eth0")
		oif := device(packet.Oif, "eth1")
		text += " iif=" + iif + " oif=" + oif
	case "out":
		text += " oif=" + device(packet.Oif, "eth0") + " uid=" + g.pick(packet.UID, "0", "1000")
	case "loop":
		text += " uid=" + g.pick(packet.UID, "0", "1000")
	}
	for _, f := range []packet.Field{packet.Mark, packet.TTL, packet.DSCP, packet.Length, packet.ICMPType, packet.EtherSrc} {
		isICMP := proto == "icmp" || proto == "icmpv6"
		if g.Intn(5) > 0 || f == packet.ICMPType && !isICMP || f == packet.Length && proto == "sctp" { // zeros are no chunks
			continue
		}
		value := g.pick(f, extras[f])
		if n, _ := strconv.Atoi(value); f != packet.Length || n >= 100 && n < 1500 { // else it ends in a header, or does not fit the device
			text += " " + f.Word() + "=" + value
		}
	}
	if proto == "tcp" && g.Intn(5) == 0 {
		text += []string{" flags=ack", " flags=" + g.pick(packet.TCPFlags, "fin", "rst|ack", "none"),
			" tcp-option-2=yes tcp-mss=" + g.pick(packet.TCPMSS, "1460")}[g.Intn(3)]
	}
	line, err := packet.ParseLine(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return line
}

// extras are further fields, and what they are where no rule asks.
var extras = map[packet.Field]string{
	packet.Mark: "0x1", packet.TTL: "3", packet.DSCP: "0x2e", packet.Length: "200", packet.ICMPType: "13", packet.EtherSrc: "02:00:00:00:00:01",
}

// usable is an address that a packet can be sent from and to.
func (g *generator) usable(f packet.Field, other string) string {
	s := g.pick(f, other)
	for _, bad := range []string{"0.", "127.", "255.", "22", "23", "24", "25", "ff", "fe8", "fe9", "fea", "feb", "::"} {
		if strings.HasPrefix(s, bad) {
			return other
		}
	}
	if strings.HasSuffix(s, ".0") || strings.HasSuffix(s, ".255") || strings.HasSuffix(s, "::") {
		return other
	}
	return s
}
