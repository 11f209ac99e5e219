package ext

import (
	"fmt"
	"slices"
	"strings"

	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// Match describes a match extension.
type Match struct {
	iptables.Extension
	// Limits say where the translation is not exact.
	Limits Limits
	// Header is what the match insists on before it looks any further.
	Header Header
	// Lower says the match as a condition, or reports a problem to c.
	Lower func(c *Context, m *iptables.Match) Cond
	// Meaning says which packets the kernel's module takes, whatever nftables can say. nil: nobody knows more than the match's text.
	Meaning func(c *Context, m *iptables.Match) packet.Pred
	// Steps says so in place of Meaning where the module changes something, and not only asks.
	Steps func(c *Context, m *iptables.Match) []packet.Step
}

// Target describes a target extension.
type Target struct {
	iptables.Extension
	// Limits say where the translation is not exact.
	Limits Limits
	// Lower says the target as an action, or reports a problem to c.
	Lower func(c *Context, t *iptables.Target) Action
	// Meaning says what the kernel's module does with a packet, whatever nftables can say. nil: nobody knows more than the target's text.
	Meaning func(c *Context, t *iptables.Target) []packet.Step
}

// variant is the name of an extension in one family: some names have different options in iptables and ip6tables.
type variant struct {
	name   string
	family iptables.Family
}

var (
	matches = map[variant]*Match{}
	targets = map[variant]*Target{}
)

// registered is what a registration returns, so that it can stand in a package-level declaration.
type registered struct{}

func registerMatch(m *Match) registered {
	for _, f := range families(&m.Extension) {
		add(matches, variant{m.Name, f}, m)
	}
	return registered{}
}

func registerTarget(t *Target) registered {
	t.Extension.Target = true
	for _, f := range families(&t.Extension) {
		add(targets, variant{t.Name, f}, t)
	}
	return registered{}
}

func families(e *iptables.Extension) []iptables.Family {
	if e.Families == nil {
		return []iptables.Family{iptables.IPv4, iptables.IPv6}
	}
	return e.Families
}

func add[T any](m map[variant]T, k variant, v T) {
	if _, twice := m[k]; twice {
		panic(fmt.Sprintf("ext: %s is registered twice", k.name))
	}
	m[k] = v
}

// Vocabulary is all extensions, for the parser.
var Vocabulary iptables.Vocabulary = vocabulary{}

type vocabulary struct{}

func (vocabulary) MatchExtension(name string, family iptables.Family) *iptables.Extension {
	if m := matches[variant{name, family}]; m != nil {
		return &m.Extension
	}
	return nil
}

func (vocabulary) TargetExtension(name string, family iptables.Family) *iptables.Extension {
	if t := targets[variant{name, family}]; t != nil {
		return &t.Extension
	}
	return nil
}

func (vocabulary) Matches(family iptables.Family) []*iptables.Extension {
	var all []*iptables.Extension
	for v, m := range matches {
		if v.family == family {
			all = append(all, &m.Extension)
		}
	}
	slices.SortFunc(all, func(a, b *iptables.Extension) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// MatchFor returns the descriptor of a parsed match.
func MatchFor(m *iptables.Match, family iptables.Family) *Match {
	return matches[variant{m.Ext.Name, family}]
}

// TargetFor returns the descriptor of a parsed target.
func TargetFor(t *iptables.Target, family iptables.Family) *Target {
	return targets[variant{t.Ext.Name, family}]
}

// onlyIn is a check that a target stands in one of the tables that its kernel module allows (struct xt_target.table).
func onlyIn(tables ...string) func(*iptables.Rule, []iptables.Option, string, string) *iptables.Problem {
	return func(r *iptables.Rule, _ []iptables.Option, table, _ string) *iptables.Problem {
		if slices.Contains(tables, table) {
			return nil
		}
		return &iptables.Problem{Pos: r.Target.Pos, Ext: r.Target.Name,
			Msg: fmt.Sprintf("stands in table %s, but works only in %s", table, orList(tables))}
	}
}

// onlyFrom is a check that a target stands in a chain of a hook that its kernel module allows (struct xt_target.hooks), as far as
// built-in chains show it.
func onlyFrom(chains ...string) func(*iptables.Rule, []iptables.Option, string, string) *iptables.Problem {
	return func(r *iptables.Rule, _ []iptables.Option, table, chain string) *iptables.Problem {
		if !iptables.IsBuiltin(table, chain) || slices.Contains(chains, chain) {
			return nil
		}
		return &iptables.Problem{Pos: r.Target.Pos, Ext: r.Target.Name,
			Msg: fmt.Sprintf("stands in chain %s, but works only in %s, and chains that lead from there", chain, orList(chains))}
	}
}

// both checks one thing after another.
func both(checks ...func(*iptables.Rule, []iptables.Option, string, string) *iptables.Problem) func(*iptables.Rule, []iptables.Option, string, string) *iptables.Problem {
	return func(r *iptables.Rule, options []iptables.Option, table, chain string) *iptables.Problem {
		for _, check := range checks {
			if p := check(r, options, table, chain); p != nil {
				return p
			}
		}
		return nil
	}
}

func orList(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	s := words[0]
	for _, w := range words[1 : len(words)-1] {
		s += ", " + w
	}
	return s + " or " + words[len(words)-1]
}
