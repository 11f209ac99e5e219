package e2e

import (
	"os"
	"slices"
	"strings"
)

// decides applies a redirect, makes the connections of a file (see connections), and then makes them again with Istio's own rules for
// that configuration, loaded by iptables-legacy instead: both must have the outcomes that the file says.
//
//	decides FILE ARGUMENT-OF-REDIRECT...
func (s *script) decides(args []string) {
	if len(args) < 1 {
		s.Fatalf("usage: decides FILE ARGUMENT...")
	}
	byUs, byIptables := s.outcomesBoth(args[0], args[1:])
	if us, iptables := differing(byUs), differing(byIptables); us != "" || iptables != "" {
		s.Fatalf("by rechain:\n%sby iptables:\n%s", us, iptables)
	}
}

// outcomesBoth makes the connections of a file under a configuration: by rechain's rules, and by Istio's.
func (s *script) outcomesBoth(file string, configuration []string) (byUs, byIptables []*outcome) {
	redirect := func(command string, more ...string) {
		s.exitCode(0, slices.Concat([]string{"rechain", "redirect", command}, configuration, more))
	}
	redirect("apply")
	byUs = s.outcomes(file)

	// What stands beside the rules stays: iptables needs it as well.
	s.exitCode(0, []string{"nft", "list", "tables"})
	for table := range strings.Lines(s.ReadFile("stdout")) {
		if strings.Contains(table, " rechain-") {
			s.exitCode(0, append([]string{"nft", "delete"}, strings.Fields(table)...))
		}
	}
	for family, restore := range map[string]string{"-4": "iptables-legacy-restore", "-6": "ip6tables-legacy-restore"} {
		redirect("plan", "-o", "iptables", family)
		s.load(restore, s.ReadFile("stdout"))
	}
	byIptables = s.outcomes(file)
	for _, restore := range []string{"iptables-legacy-restore", "ip6tables-legacy-restore"} {
		s.load(restore, "*nat\nCOMMIT\n*mangle\nCOMMIT\n*raw\nCOMMIT\n")
	}
	return byUs, byIptables
}

// load makes rules the only ones of their tables. No rules are those of a family that is off.
func (s *script) load(restore, rules string) {
	if rules == "" {
		return
	}
	file := s.MkAbs("rules-of-" + restore)
	s.Check(os.WriteFile(file, []byte(rules), 0o600))
	s.exitCode(0, []string{restore, file})
}
