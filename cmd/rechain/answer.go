package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/translate"
	"rechain/translate/iptables"
)

// translation is how a source in iptables' model becomes nft's.
type translation struct {
	prefix      string
	inet        bool
	allowLossy  bool
	skipRefused bool
	counters    bool // in every rule
	counts      bool // that begin at the source's
	taken       func(table *nft.Table, chain string) bool
}

func (o *translation) bind(c *cobra.Command) {
	c.Flags().StringVar(&o.prefix, "table-prefix", "", "name the tables PREFIX-TABLE instead of TABLE")
	c.Flags().BoolVar(&o.inet, "inet", false, "make one inet table of both families' tables of a name, where it is exactly the same (never nat)")
	c.Flags().BoolVar(&o.allowLossy, "allow-lossy", false, "accept translations that differ a little; each is said")
	c.Flags().BoolVar(&o.skipRefused, "skip-refused", false, "leave out rules that have no translation; each is said, and what comes of it")
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
		Sets:        s.sets,
		Counters:    o.counters,
		Counts:      o.counts,
		AllowLossy:  o.allowLossy,
		SkipRefused: o.skipRefused,
		Apart:       func(table string) bool { return !o.inet || !s.merges(table, talk) },
		Taken:       o.taken,
	})
	for _, r := range report.Skipped {
		fmt.Fprintln(talk, r.Problems)
		fmt.Fprintf(talk, "%s: %s\n", r.Rule.Pos, r.Effect)
	}
	if rs == nil {
		return nil, no(errors.Join(marked(report).Err(), advice(report, o)))
	}
	if err := marked(report).Err(); err != nil {
		fmt.Fprintln(talk, err)
	}
	return rs, nil
}

// marked are the problems, those with a translation marked so.
func marked(r *translate.Report) (ps iptables.Problems) {
	for _, p := range r.Problems {
		line := *p.Problem
		if p.Lossy {
			line.Msg = "lossy: " + line.Msg
		}
		ps = append(ps, &line)
	}
	return ps
}

// advice says in one line that nothing was done, and which flags would have it done.
func advice(r *translate.Report, o translation) error {
	refused := len(r.Refused())
	lossy := len(r.Problems) - refused
	text := fmt.Sprintf("nothing was done: %d refused, %d lossy", refused, lossy)
	if refused > 0 && !o.skipRefused {
		text += "; --skip-refused leaves such rules out"
	}
	if lossy > 0 && !o.allowLossy {
		text += "; --allow-lossy accepts what differs a little"
	}
	return errors.New(text)
}

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
	return true
}
