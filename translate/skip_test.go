//go:build linux

package translate

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// TestUnreadable makes each rule of each case one that cannot be read, in turn: it is refused, or left out with a remark in its place,
// and the others are translated.
func TestUnreadable(t *testing.T) {
	for _, file := range caseFiles(t) {
		archive, err := txtar.ParseFile(file)
		must(t, err)
		for _, part := range archive.Files {
			c, err := parseCase(part)
			must(t, err)
			for _, family := range c.families {
				unreadable(t, file+": "+part.Name, c.dump(), family)
			}
		}
	}
}

func unreadable(t *testing.T, name, dump string, family iptables.Family) {
	lines := strings.Split(dump, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "-A ") {
			continue
		}
		lines[i] = line + " --no-such-option"
		rs, err := iptables.ParseText(strings.Join(lines, "\n"), "case", family, ext.Vocabulary)
		lines[i] = line
		sets := []*iptables.Ruleset{nil, nil}
		sets[family/6] = rs
		if model, report := Ruleset(sets[0], sets[1], Options{AllowLossy: true}); model != nil || len(report.Refused()) == 0 {
			t.Errorf("%s: a rule that cannot be read is not refused: %s: %v", name, line, err)
		}
		model, report := Ruleset(sets[0], sets[1], Options{AllowLossy: true, SkipRefused: true})
		if len(report.Skipped) == 0 {
			t.Errorf("%s: a rule that cannot be read is not left out: %s", name, line)
		}
		if model != nil && !strings.Contains(textOf(t, model), "--no-such-option") {
			t.Errorf("%s: no remark stands for the rule %s", name, line)
		}
	}
}
