package iptables

import (
	"strings"
	"testing"
)

// vocab is a small vocabulary for tests of this package, after libxt_*.c of iptables 1.8.9.
type vocab struct{ matches, targets []*Extension }

func (v vocab) MatchExtension(name string, f Family) *Extension  { return find(v.matches, name, f) }
func (v vocab) TargetExtension(name string, f Family) *Extension { return find(v.targets, name, f) }
func (v vocab) Matches(f Family) []*Extension {
	var list []*Extension
	for _, e := range v.matches {
		if find(v.matches, e.Name, f) == e {
			list = append(list, e)
		}
	}
	return list
}

func find(list []*Extension, name string, f Family) *Extension {
	for _, e := range list {
		if e.Name == name && (e.Families == nil || e.Families[0] == f) {
			return e
		}
	}
	return nil
}

func portOptions(more ...*OptionSpec) []*OptionSpec {
	return append([]*OptionSpec{
		{Name: "--sport", Aliases: []string{"--source-port"}, Kind: PortRange, Neg: true},
		{Name: "--dport", Aliases: []string{"--destination-port"}, Kind: PortRange, Neg: true},
	}, more...)
}

var testVocab = vocab{
	matches: []*Extension{
		{Name: "comment", Options: []*OptionSpec{{Name: "--comment", Kind: String(255), Required: true}},
			Listing: func(words []string) ([]string, int) {
				for i, w := range words {
					if words[0] == "/*" && w == "*/" {
						return []string{"--comment", strings.Join(words[1:i], " ")}, i + 1
					}
				}
				return nil, 0
			}},
		{Name: "icmp6", Families: []Family{IPv6}, Protocols: []uint8{58}, Options: []*OptionSpec{{Name: "--icmpv6-type", Kind: Uint(0, 255), Neg: true}},
			Listing: listed("ipv6-icmptype", "--icmpv6-type")},
		{Name: "mark", Options: []*OptionSpec{{Name: "--mark", Kind: Mark, Neg: true, Required: true}},
			Listing: func(words []string) ([]string, int) {
				if len(words) > 2 && words[0] == "mark" && words[1] == "match" {
					return []string{"--mark", words[2]}, 3
				}
				return nil, 0
			}},
		{Name: "multiport", Protocols: []uint8{6, 17, 132, 33, 136}, Options: []*OptionSpec{
			{Name: "--sports", Kind: PortList, Neg: true, Excludes: []string{"--dports", "--ports"}},
			{Name: "--dports", Kind: PortList, Neg: true},
			{Name: "--ports", Kind: PortList, Neg: true}},
			Listing: func(words []string) ([]string, int) {
				if len(words) > 2 && words[0] == "multiport" {
					list, not := strings.CutPrefix(words[2], "!")
					return negated(not, "--"+words[1], list), 3
				}
				return nil, 0
			}},
		{Name: "owner", Options: []*OptionSpec{{Name: "--uid-owner", Kind: IDRange, Neg: true}, {Name: "--gid-owner", Kind: IDRange, Neg: true}},
			Listing: func(words []string) ([]string, int) {
				not := words[0] == "!"
				if not {
					words = words[1:]
				}
				if len(words) < 4 || words[0] != "owner" || words[2] != "match" {
					return nil, 0
				}
				option := map[string]string{"UID": "--uid-owner", "GID": "--gid-owner"}[words[1]]
				if not {
					return negated(true, option, words[3]), 5
				}
				return negated(false, option, words[3]), 4
			}},
		{Name: "state", Options: []*OptionSpec{{Name: "--state", Kind: EnumList("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED"), Neg: true, Required: true}},
			Listing: listed("state", "--state")},
		{Name: "tcp", Protocols: []uint8{6}, Options: portOptions(), Listing: listedPorts("tcp")},
		{Name: "udp", Protocols: []uint8{17}, Options: portOptions(), Listing: listedPorts("udp")},
	},
	targets: []*Extension{
		{Name: "LOG", Target: true, Options: []*OptionSpec{{Name: "--log-prefix", Kind: String(29)}}},
		{Name: "MARK", Target: true, Options: []*OptionSpec{
			{Name: "--set-xmark", Kind: MaskedMark},
			{Name: "--set-mark", Kind: MaskedMark}},
			Canonical: func(e *Extension, options []Option, _ Family) []Option {
				for i, o := range options {
					if o.Spec.Name == "--set-mark" {
						m := o.Value.(MarkMask)
						m.Mask |= m.Value
						options[i].Spec, options[i].Value = e.Option("--set-xmark"), m
					}
				}
				return options
			},
			Listing: func(words []string) ([]string, int) {
				if len(words) > 2 && words[0] == "MARK" {
					return []string{map[string]string{"set": "--set-mark", "xset": "--set-xmark"}[words[1]], words[2]}, 3
				}
				return nil, 0
			}},
		{Name: "REDIRECT", Target: true, Options: []*OptionSpec{{Name: "--to-ports", Aliases: []string{"--to-port"}, Kind: ToPorts}, {Name: "--random", Kind: Flag}},
			Check: func(r *Rule, options []Option, table, chain string) *Problem {
				if table != "nat" {
					return &Problem{Msg: "works only in table nat"}
				}
				return nil
			},
			Listing: listed("redir", "--to-ports")},
	},
}

func negated(not bool, words ...string) []string {
	if not {
		return append([]string{"!"}, words...)
	}
	return words
}

// listed reads "WORD [ports] VALUE".
func listed(word, option string) func([]string) ([]string, int) {
	return func(words []string) ([]string, int) {
		switch {
		case len(words) > 2 && words[0] == word && words[1] == "ports":
			return []string{option, words[2]}, 3
		case len(words) > 1 && words[0] == word:
			return []string{option, words[1]}, 2
		}
		return nil, 0
	}
}

func listedPorts(name string) func([]string) ([]string, int) {
	return func(words []string) (args []string, taken int) {
		if words[0] != name {
			return nil, 0
		}
		for taken = 1; taken < len(words); taken++ {
			key, v, ok := strings.Cut(words[taken], ":")
			option := map[string]string{"spt": "--sport", "spts": "--sport", "dpt": "--dport", "dpts": "--dport"}[key]
			if !ok || option == "" {
				break
			}
			v, not := strings.CutPrefix(v, "!")
			args = append(args, negated(not, option, v)...)
		}
		return args, taken
	}
}

// parse reads a dump that must be right.
func parse(t *testing.T, text string, f Family) *Ruleset {
	t.Helper()
	rs, err := Parse(strings.NewReader(text), "test", f, testVocab)
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// printed is the rule set as Print writes it.
func printed(t *testing.T, rs *Ruleset, opt PrintOptions) string {
	t.Helper()
	var b strings.Builder
	if err := Print(&b, rs, opt); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
