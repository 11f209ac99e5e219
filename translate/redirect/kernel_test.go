//go:build linux

package redirect

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rechain/nft/kernel/testlab"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// backends are the two implementations of iptables that judge.
var backends = []string{"legacy", "nft"}

// loaded gives restore text to iptables-restore in a new network namespace, as Istio does, and returns what iptables-save says
// then: the rules of each chain, in their order. The namespace goes with the processes.
func loaded(t *testing.T, backend string, f iptables.Family, text string) map[string][]string {
	t.Helper()
	tool := map[iptables.Family]string{iptables.IPv4: "iptables-", iptables.IPv6: "ip6tables-"}[f] + backend
	testlab.Programs(t, tool+"-restore")
	cmd := exec.Command("sh", "-ec", tool+"-restore --noflush; "+tool+"-save")
	cmd.Stdin = strings.NewReader(text)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", tool, err, out, text)
	}
	return rulesOf(string(out))
}

// rulesOf are the rules in an iptables-save dump, by table and chain.
func rulesOf(dump string) map[string][]string {
	rules := map[string][]string{}
	var table string
	for line := range strings.Lines(dump) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "*"); ok {
			table = name
		}
		if rule, ok := strings.CutPrefix(line, "-A "); ok {
			chain, words, _ := strings.Cut(rule, " ")
			rules[table+" "+chain] = append(rules[table+" "+chain], words)
		}
	}
	return rules
}

// TestKernelAgrees loads the restore text of every configuration in the tests of rules, with both backends of iptables, and compares
// what iptables-save makes of it with the model: the rules, their order after the inserts, and the chains.
func TestKernelAgrees(t *testing.T) {
	testlab.Users(t)
	configs := map[string]iptables.Family{}
	for _, test := range full {
		configs[test.flags] = test.family
	}
	for _, test := range single {
		configs[strings.TrimSpace(test.with+" "+test.flags)+" --ipv6=on"] = test.family
	}
	for _, backend := range backends {
		for flags, family := range configs {
			t.Run(backend+" "+flags, func(t *testing.T) {
				p := resolved(t, pod, strings.Fields(flags)...)
				v4, v6, problems := p.Rulesets(ext.Vocabulary)
				if problems != nil {
					t.Fatal(problems)
				}
				rs := v4
				if family == iptables.IPv6 {
					rs = v6
				}
				if rs == nil { // the family is off
					return
				}
				var model strings.Builder
				if err := iptables.Print(&model, rs, iptables.PrintOptions{}); err != nil {
					t.Fatal(err)
				}
				// The groups of the machine in the test are not those of the host.
				text := strings.NewReplacer("java", "700", "ftp", "701").Replace(restore(t, p, family))
				if diff := cmp.Diff(loaded(t, backend, family, text), rulesOf(model.String())); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}
