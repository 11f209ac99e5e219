//go:build linux

package twin

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// dump is what both sides of a trial load: a dump of iptables or ip6tables, and one of ipset if it needs sets.
type dump struct {
	name   string
	v6     bool
	text   string
	ipsets string
	// malformed: rechain is to drop malformed packets as iptables does, and they are sent.
	malformed bool
	maySkip   bool // it may be refused as a whole
}

func (d *dump) tool(what string) string {
	if d.v6 {
		return "ip6tables-legacy-" + what
	}
	return "iptables-legacy-" + what
}

// repeatable are the changes that make rules decide alike twice: a rate that is never reached, and every third packet in place of a
// random one.
var repeatable = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`--hashlimit(-upto|-above)? \d+[kmg]?b(/s\S*)?`), "--hashlimit$1 100mb/s"},
	{regexp.MustCompile(`--hashlimit-burst \d+[kmg]?b\b`), "--hashlimit-burst 200mb"},
	{regexp.MustCompile(`--(limit|hashlimit|hashlimit-upto|hashlimit-above) \d+(/[a-z]+)?`), "--$1 10000/sec"},
	{regexp.MustCompile(`--(limit|hashlimit)-burst \d+\b`), "--$1-burst 10000"},
	{regexp.MustCompile(`--mode random (! )?--probability \S+`), "--mode nth --every 3 --packet 1"},
}

// settle makes the dump repeatable. A limit without a burst has one of 5.
func (d *dump) settle() {
	for _, r := range repeatable {
		d.text = r.from.ReplaceAllString(d.text, r.to)
	}
	lines := strings.Split(d.text, "\n")
	for i, l := range lines {
		if strings.Contains(l, "-m limit") && !strings.Contains(l, "--limit-burst") {
			l = strings.Replace(l, "-m limit", "-m limit --limit 10000/sec --limit-burst 10000", 1)
			if strings.Count(l, "--limit 10000/sec") > 1 {
				l = strings.Replace(l, "--limit 10000/sec ", "", 1)
			}
		}
		if strings.Contains(l, "-m hashlimit") && !strings.Contains(l, "--hashlimit-burst") && !strings.Contains(l, "b/s") {
			l = strings.Replace(l, "-m hashlimit", "-m hashlimit --hashlimit-burst 10000", 1)
		}
		lines[i] = l
	}
	d.text = strings.Join(lines, "\n")
}

// leaveOut makes lines empty, from 1 on, and returns how many rules that were.
func (d *dump) leaveOut(numbers []int) int {
	lines := strings.Split(d.text, "\n")
	n := 0
	for _, i := range numbers {
		if l := &lines[i-1]; *l != "#" {
			*l = "#"
			n++
		}
	}
	d.text = strings.Join(lines, "\n")
	return n
}

// apply is the command that loads the dump.
func (d *dump) apply(t testing.TB, more ...string) []string {
	command := []string{rechain, "apply", "-4"}
	if d.v6 {
		command[2] = "-6"
	}
	if d.malformed {
		command = append(command, "--drop-malformed")
	}
	return append(append(command, more...), d.files(t)...)
}

// files writes the dump, and its sets, for rechain, and returns their names.
func (d *dump) files(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	names := []string{dir + "/dump"}
	must(t, os.WriteFile(names[0], []byte(d.text), 0o644))
	if d.ipsets != "" {
		names = append(names, dir+"/sets")
		must(t, os.WriteFile(names[1], []byte(d.ipsets), 0o644))
	}
	return names
}

// loadLegacy loads the dump into a site by iptables.
func (d *dump) loadLegacy(s *site) error {
	if d.ipsets != "" {
		if _, err := s.run(d.ipsets, "ipset", "restore"); err != nil {
			return err
		}
	}
	_, err := s.run(d.text, d.tool("restore"))
	return err
}

// loadRechain loads the dump into a site by rechain.
func (d *dump) loadRechain(t testing.TB, s *site) error {
	_, err := s.run("", d.apply(t)...)
	return err
}
