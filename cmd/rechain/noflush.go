package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/translate/iptables"
)

// appended is what the kernel shall hold after the source was added to it: the tables that the source names, with all that is in
// them.
func (a *application) appended(s *source, have *nft.Ruleset) (*nft.Ruleset, error) {
	as := a.as
	as.taken = func(t *nft.Table, chain string) bool {
		there := findTable(have, t.Family, t.Name)
		return there != nil && findChain(there, chain) != nil
	}
	more, err := s.translate(as, io.Discard) // what there is to say was said before the kernel was asked
	if err != nil {
		return nil, err
	}
	out := &nft.Ruleset{}
	var problems iptables.Problems
	for _, t := range more.Tables {
		if there := findTable(have, t.Family, t.Name); there != nil {
			problems = append(problems, extend(there, t, s.declares(t, as.prefix))...)
			t = there
		}
		out.Tables = append(out.Tables, t)
	}
	if err := problems.Err(); err != nil {
		return nil, no(err)
	}
	return out, nil
}

// declares says of which chains of a translated table the source says more than rules.
func (s *source) declares(t *nft.Table, prefix string) func(chain string) bool {
	name := t.Name
	if prefix != "" {
		name = strings.TrimPrefix(name, prefix+"-")
	}
	return func(chain string) bool {
		for _, rs := range s.families() {
			if t.Family == nft.IPv4 && rs.Family != iptables.IPv4 || t.Family == nft.IPv6 && rs.Family != iptables.IPv6 {
				continue
			}
			if table := rs.Table(name); table != nil {
				if c := table.Chain(chain); c != nil && c.Declared {
					return true
				}
			}
		}
		return false
	}
}

// extend adds what is in more to a table of the kernel: to sets, the elements that they do not have, and to chains, rules. Objects of
// one name and kind are taken to be the same.
func extend(there, more *nft.Table, declared func(chain string) bool) (ps iptables.Problems) {
	problem := func(o nft.Origin, hint, format string, args ...any) {
		where := fmt.Sprintf("table %s %s, as the kernel holds it: ", there.Family, there.Name)
		ps = append(ps, &iptables.Problem{Pos: iptables.Pos{File: o.File, Line: o.Line, Col: o.Col, Key: o.Key},
			Msg: where + fmt.Sprintf(format, args...), Hint: hint})
	}
	for _, set := range more.Sets {
		i := slices.IndexFunc(there.Sets, func(o *nft.Set) bool { return o.Name == set.Name })
		if i < 0 {
			there.Sets = append(there.Sets, set)
			continue
		}
		old := there.Sets[i]
		if !slices.Equal(old.Type, set.Type) || old.Flags != set.Flags {
			problem(set.Origin, "", "set %s is of another kind", set.Name)
		}
		for _, e := range set.Elements {
			if !slices.ContainsFunc(old.Elements, func(o nft.Element) bool { return bytes.Equal(o.Key, e.Key) && bytes.Equal(o.KeyEnd, e.KeyEnd) }) {
				old.Elements = append(old.Elements, e)
			}
		}
	}
	for _, o := range more.Objects {
		if !slices.ContainsFunc(there.Objects, func(p *nft.Object) bool { return p.Name == o.Name && p.Type == o.Type }) {
			there.Objects = append(there.Objects, o)
		}
	}
	for _, c := range more.Chains {
		into := findChain(there, c.Name)
		switch {
		case into == nil:
			there.Chains = append(there.Chains, c)
			continue
		case !sameHook(into.Base, c.Base):
			problem(c.Origin, "", "chain %s hangs on another hook", c.Name)
			continue
		case declared(c.Name) && c.Base == nil:
			into.Rules = nil
		case declared(c.Name):
			base := *into.Base
			base.Policy = c.Base.Policy
			into.Base = &base
		}
		if len(c.Rules) > 0 && closed(into) {
			problem(c.Origin, "apply the whole rule set, without --noflush",
				"chain %s ends with a rule that leaves it, so that what is appended may never be reached", c.Name)
		}
		into.Rules = append(into.Rules, c.Rules...)
	}
	return ps
}

func sameHook(a, b *nft.Base) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Type == b.Type && a.Hook == b.Hook && a.Priority == b.Priority
}

// closed says whether the end of a chain may not be where packets come that no rule took: where a translation had to ask for the
// opposite of what may be absent, it goes on in another chain, or leaves with two rules (see package translate).
func closed(c *nft.Chain) bool {
	n := len(c.Rules)
	return n > 0 && ends(c.Rules[n-1], bytecode.Goto) ||
		n > 1 && ends(c.Rules[n-1], bytecode.Return) && ends(c.Rules[n-2], bytecode.Return)
}

func ends(r *nft.Rule, code bytecode.VerdictCode) bool {
	return slices.ContainsFunc(r.Stmts, func(s nft.Stmt) bool {
		v, ok := s.(*nft.Verdict)
		return ok && v.Code == code
	})
}

func findTable(rs *nft.Ruleset, f nft.Family, name string) *nft.Table {
	i := slices.IndexFunc(rs.Tables, func(t *nft.Table) bool { return t.Family == f && t.Name == name })
	if i < 0 {
		return nil
	}
	return rs.Tables[i]
}

func findChain(t *nft.Table, name string) *nft.Chain {
	i := slices.IndexFunc(t.Chains, func(c *nft.Chain) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return t.Chains[i]
}
