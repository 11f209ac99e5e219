//go:build linux

package twin

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Complaints of rechain about a dump: FILE:LINE:COLUMN, or many at once.
var (
	complaints = regexp.MustCompile(`(?m)(?:^| )\S*/dump:(\d+):\d+: (.*)$`)
	folded     = regexp.MustCompile(`(?m)^\S*/dump: the same \d+ times more, in lines ([-0-9, ]+)`)
)

// leaveOutRefused leaves out the lines that rechain has no exact translation for, and returns how many rules that are. It may fold
// what it has to say, so it is asked until it is content.
func (d *dump) leaveOutRefused(t *testing.T) int {
	t.Helper()
	total := 0
	why := map[string]int{}
	for range 100 {
		s := newSite(t)
		_, err := s.run("", d.apply(t, "--test")...)
		s.close()
		if err == nil {
			for reason, n := range why {
				t.Logf("left out on both sides: %d lines: %s", n, reason)
			}
			return total
		}
		var lines []int
		for _, m := range complaints.FindAllStringSubmatch(err.Error(), -1) {
			n, _ := strconv.Atoi(m[1])
			lines = append(lines, n)
			why[m[2]]++
		}
		for _, m := range folded.FindAllStringSubmatch(err.Error(), -1) {
			for part := range strings.SplitSeq(m[1], ",") {
				from, to, two := strings.Cut(strings.TrimSpace(part), "-")
				lo, err1 := strconv.Atoi(from)
				hi, err2 := strconv.Atoi(to)
				if !two {
					hi, err2 = lo, err1
				}
				for n := lo; err1 == nil && err2 == nil && n <= hi; n++ {
					lines = append(lines, n)
				}
			}
		}
		if len(lines) == 0 {
			if d.maySkip {
				t.Skip("rechain refuses it as a whole: " + err.Error())
			}
			t.Fatal("rechain names no line: " + err.Error())
		}
		total += d.leaveOut(lines)
	}
	t.Fatal("rechain is never content")
	return total
}

// unloadable is how iptables-restore says which line it does not take.
var unloadable = regexp.MustCompile(`(?:occurred at line: |: line )(\d+)`)

// leaveOutUnloadable leaves out the lines that iptables-legacy does not take: such as jumps to chains of another dump. It stops at
// the first.
func (d *dump) leaveOutUnloadable(t *testing.T) {
	t.Helper()
	for range 20 {
		s := newSite(t)
		err := d.loadLegacy(s)
		s.close()
		if err == nil {
			return
		}
		m := unloadable.FindStringSubmatch(err.Error())
		if m == nil {
			t.Skipf("iptables-legacy does not load it: %v", err)
		}
		n, _ := strconv.Atoi(m[1])
		t.Logf("left out on both sides, since iptables-legacy refuses it: %s", strings.Split(d.text, "\n")[n-1])
		if d.leaveOut([]int{n}) == 0 {
			t.Skipf("iptables-legacy does not load it: %v", err)
		}
	}
	t.Skip("iptables-legacy takes too little of it")
}
