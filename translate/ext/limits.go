package ext

import (
	"cmp"
	"slices"

	"rechain/translate/iptables"
)

// Limits say where an extension's translation ends. The zero value: it is exact everywhere, on every kernel that rechain works with.
type Limits struct {
	Refused string // what has no translation: options or cases; [Always] for all of it
	Lossy   string // what is translated, but differs; in the same way
	Kernel  string // the first Linux release with what the translation uses, where that is later than 4.18
}

// laterFragments is the case of Limits where the kernel's match or target takes data for a header.
const laterFragments = "later fragments, where nothing puts fragments together before the rules"

// Always is the case of Limits that is every case.
const Always = "always"

// Entry is an extension as the support matrix has it.
type Entry struct {
	iptables.Extension
	Limits
}

// Support lists all extensions, matches before targets, by name. One that differs between the families has an entry for each.
func Support() []Entry {
	var out []Entry
	for _, f := range []iptables.Family{iptables.IPv4, iptables.IPv6} {
		for v, m := range matches {
			if v.family == families(&m.Extension)[0] && v.family == f {
				out = append(out, Entry{m.Extension, m.Limits})
			}
		}
		for v, t := range targets {
			if v.family == families(&t.Extension)[0] && v.family == f {
				out = append(out, Entry{t.Extension, t.Limits})
			}
		}
	}
	rank := func(e Entry) int {
		if e.Target {
			return 1
		}
		return 0
	}
	slices.SortFunc(out, func(a, b Entry) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(a.Name, b.Name), int(families(&a.Extension)[0])-int(families(&b.Extension)[0]))
	})
	return out
}
