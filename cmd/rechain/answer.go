package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/translate"
	"rechain/translate/iptables"
)

// translation is how a source in iptables' model becomes nft's.
type translation struct {
	prefix        string
	inet          bool
	allowLossy    bool
	skipRefused   bool
	dropMalformed bool
	counters      bool // in every rule
	counts        bool // that begin at the source's
	taken         func(table *nft.Table, chain string) bool
	proving
}

func (o *translation) bind(c *cobra.Command) {
	o.proving.bind(c)
	c.Flags().StringVar(&o.prefix, "table-prefix", "", "name the tables PREFIX-TABLE instead of TABLE")
	c.Flags().BoolVar(&o.inet, "inet", false, "make one inet table of both families' tables of a name, where it is exactly the same (never nat)")
	c.Flags().BoolVar(&o.allowLossy, "allow-lossy", false, "accept translations that differ a little; each is said")
	c.Flags().BoolVar(&o.dropMalformed, "drop-malformed", false, "drop what iptables drops in any rule that looks at it: packets that end inside a header")
	c.Flags().BoolVar(&o.skipRefused, "skip-refused", false, "leave out rules that cannot be read or have no translation; each is said, and what comes of it")
}

// translate returns the source as nft's model, and says what is not exact. When that is not allowed, all of it is the error.
func (s *source) translate(o translation, talk io.Writer) (*nft.Ruleset, error) {
	if s.ruleset != nil {
		return s.ruleset, nil
	}
	rs, report := translate.Ruleset(s.v4, s.v6, translate.Options{
		TableName: func(table string) string {
			if o.prefix == "" {
				return table
			}
			return o.prefix + "-" + table
		},
		Sets:          s.sets,
		Counters:      o.counters,
		Counts:        o.counts,
		AllowLossy:    o.allowLossy,
		SkipRefused:   o.skipRefused,
		DropMalformed: o.dropMalformed,
		Apart:         func(table string) bool { return !o.inet || !s.merges(table, talk) },
		Taken:         o.taken,
	})
	if list := skipped(report); list != nil {
		fmt.Fprintln(talk, fold(list))
	}
	problems := slices.Concat(s.beside, marked(report))
	problems.Sort()
	if rs == nil || len(s.beside) > 0 {
		err := errors.Join(errors.New(fold(remarks(problems))), s.advice(report, o))
		if slices.ContainsFunc(problems, func(p *iptables.Problem) bool { return slices.Contains(s.unread, p) }) {
			return nil, usage(err)
		}
		return nil, no(err)
	}
	if len(problems) > 0 {
		fmt.Fprintln(talk, fold(remarks(problems)))
	}
	if report.Headers && !o.dropMalformed {
		fmt.Fprintln(talk, malformedNote)
	}
	return rs, o.prove(s, report, rs, talk)
}

// skipped says which rules were left out, why, and what comes of it, in the order of the source.
func skipped(r *translate.Report) (out []remark) {
	slices.SortStableFunc(r.Skipped, func(a, b translate.Skipped) int { return cmp.Compare(a.Rule.Pos.Line, b.Rule.Pos.Line) })
	for _, s := range r.Skipped {
		out = append(out, remarks(s.Problems)...)
		out = append(out, remark{s.Rule.Pos, s.Effect})
	}
	return out
}

// marked are the problems, those with a translation marked so.
func marked(r *translate.Report) (ps iptables.Problems) {
	for _, p := range r.Problems {
		line := p.Problem
		if p.Lossy {
			lossy := *line
			lossy.Msg = "lossy: " + lossy.Msg
			line = &lossy
		}
		ps = append(ps, line)
	}
	return ps
}

// advice says in one line that nothing was done, and which flags would have it done.
func (s *source) advice(r *translate.Report, o translation) error {
	refused := r.Refused()
	lossy := len(r.Problems) - len(refused)
	ofRules := len(slices.DeleteFunc(slices.Clone(refused), func(p *iptables.Problem) bool { return !slices.Contains(s.unread, p) }))
	text := "nothing was done: "
	if unread := len(s.beside) + ofRules; unread > 0 {
		text += fmt.Sprintf("%d unreadable, ", unread)
	}
	text += fmt.Sprintf("%d refused, %d lossy", len(refused)-ofRules, lossy)
	if len(refused) > 0 && !o.skipRefused {
		text += "; --skip-refused leaves such rules out"
	}
	if lossy > 0 && !o.allowLossy {
		text += "; --allow-lossy accepts what differs a little"
	}
	return errors.New(text)
}

// malformedNote is said once, of rules that look at headers.
const malformedNote = "note: a packet that ends inside a header which a rule looks at is dropped by iptables, whatever the rule; here it does not " +
	"match the rule; --drop-malformed drops it"

// merges says whether a table of both families can be one: where both have it, with the same policies, since a chain has only one. A
// packet meets the rules of its family, as before. nat stays apart: chains of that type are for inet only since Linux 5.2.
func (s *source) merges(table string, talk io.Writer) bool {
	if table == "nat" || s.v4 == nil || s.v6 == nil {
		return false
	}
	t4, t6 := s.v4.Table(table), s.v6.Table(table)
	if t4 == nil || t6 == nil {
		return false
	}
	for _, ch := range t4.Chains {
		if other := t6.Chain(ch.Name); other != nil && other.Policy != ch.Policy {
			fmt.Fprintf(talk, "%s: table %s stays one for each family: chain %s has policy %s for IPv4 and %s for IPv6\n",
				other.Pos, table, ch.Name, ch.Policy, other.Policy)
			return false
		}
	}
	if translate.Fragmented(s.v4) != translate.Fragmented(s.v6) { // what looks at connections in an inet table tracks both families
		fmt.Fprintf(talk, "table %s stays one for each family: only in one of them do rules have connections tracked\n", table)
		return false
	}
	return true
}
