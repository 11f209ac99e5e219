package live_test

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rechain/nft/compare"
	"rechain/nft/kernel/testlab"
	"rechain/nft/packet"
	"rechain/nft/trace"
	"rechain/nft/trace/live"
	"rechain/translate"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// TestWitnesses edits dumps, and sends the packets that compare names as treated differently through two kernels' rule sets: the one before
// the edit, and the one after it. RECHAIN_WITNESSES=N tries N edits.
func TestWitnesses(t *testing.T) {
	files, _ := filepath.Glob("../../../../shared/corpus/*.v4.rules")
	if len(files) == 0 {
		t.Skip("needs ../shared/corpus, which is not here")
	}
	testlab.Need(t, os.Geteuid() == 0, "root")
	testlab.Users(t)
	_, err := os.Stat("/dev/net/tun")
	testlab.Need(t, err == nil, "/dev/net/tun")
	edits, all := setting(t, "RECHAIN_WITNESSES", 150)
	until := time.Now().Add(20 * time.Second)
	sent, unsendable := 0, 0
	for seed := range int64(edits) {
		if !all && time.Now().After(until) {
			break
		}
		r := rand.New(rand.NewSource(seed))
		file := files[r.Intn(len(files))]
		before, after := readDump(t, file), readDump(t, file)
		if before == nil {
			continue
		}
		what := edit(r, after)
		if what == "" {
			continue
		}
		switch witnessed(t, fmt.Sprintf("seed %d: %s: %s", seed, filepath.Base(file), what), before, after) {
		case "sent":
			sent++
		case "unsendable":
			unsendable++
		}
	}
	t.Logf("%d packets were sent through both rule sets, and fared as told; %d cannot be sent, or fare alike behind later hooks", sent, unsendable)
	if sent == 0 {
		t.Error("no packet was sent")
	}
}

func readDump(t *testing.T, file string) *iptables.Ruleset {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), "\n") > 400 {
		return nil
	}
	rs, err := iptables.ParseText(string(text), file, iptables.IPv4, ext.Vocabulary)
	if err != nil {
		return nil
	}
	return rs
}

// edit takes a rule away, or makes it do the opposite, and says so.
func edit(r *rand.Rand, rs *iptables.Ruleset) string {
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
	c := chains[r.Intn(len(chains))]
	i := r.Intn(len(c.Rules))
	rule := *c.Rules[i]
	opposite := map[string]string{"ACCEPT": "DROP", "DROP": "ACCEPT", "RETURN": "DROP"}
	if t := rule.Target; t != nil && opposite[t.Name] != "" && r.Intn(2) == 0 {
		target := *t
		target.Name = opposite[t.Name]
		rule.Target = &target
		c.Rules[i] = &rule
		return fmt.Sprintf("%v of %s does the opposite", &rule, c.Name)
	}
	c.Rules = slices.Delete(c.Rules, i, i+1)
	return fmt.Sprintf("%v of %s is gone", &rule, c.Name)
}

// witnessed sends the first packet that is named.
func witnessed(t *testing.T, what string, before, after *iptables.Ruleset) string {
	programs := [2]*packet.Program{translate.Meaning(before, nil), translate.Meaning(after, nil)}
	opening := func(bool) (packet.Pred, bool) { return packet.Eq(packet.CTState, packet.Num(packet.StateNew)), true }
	report, err := compare.Make(compare.Question{A: compare.Side{Name: "before", Kind: "iptables", V4: programs[0]},
		B: compare.Side{Name: "after", Kind: "iptables", V4: programs[1]}, States: compare.Ignore, Nodes: 1 << 20, Where: opening})
	if err != nil {
		t.Fatal(what, err)
	}
	if len(report.Findings) == 0 || report.Findings[0].Needs != nil {
		return ""
	}
	line, err := packet.ParseLine(report.Findings[0].Example())
	if err != nil || strange(line.Packet) {
		return "unsendable"
	}
	var told, seen [2]string
	for i, rs := range []*iptables.Ruleset{before, after} {
		want, err := trace.Through(programs[i], line, false)
		if err != nil || len(want.Assumed) > 0 {
			return "unsendable"
		}
		told[i] = fate(want, true)
		out, _ := translate.Ruleset(rs, nil, translate.Options{})
		if out == nil {
			return "unsendable"
		}
		lab, err := live.Open(out)
		if err != nil {
			t.Fatal(what, err)
		}
		got, err := lab.Send(line)
		lab.Close()
		if err != nil {
			return "unsendable"
		}
		seen[i] = fate(got, true)
	}
	if told[0] == told[1] {
		return "unsendable"
	}
	if seen != told {
		t.Errorf("%s: %s\ntold:\n%s%skernel:\n%s%s", what, line, told[0], told[1], seen[0], seen[1])
	}
	return "sent"
}

// strange says that the kernel sends a packet another way than it says: to itself.
func strange(p *packet.Packet) bool {
	loopback := packet.Test(packet.IPv4Dst, packet.FromBytes([]byte{255, 0, 0, 0}), packet.FromBytes([]byte{127, 0, 0, 0}))
	return packet.Holds(loopback, p) || packet.Holds(packet.Eq(packet.Oif, packet.Name("lo")), p)
}
