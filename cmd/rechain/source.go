package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// sourceHelp says what a rule-set source is, for the help texts.
const sourceHelp = `A SOURCE is one word: a file (iptables-save or ip6tables-save dump, "iptables -L -v" listing, or what "nft -j list
ruleset" prints, told apart by content), "-" for standard input, "live" or "live:NETNS" for the kernel, or "redirect:FILE"
for a redirect configuration. Files of iptables make one rule set together, with both families in it and the sets of "ipset save" dumps, as words of
their own or joined with "+": v4.save+v6.save. "ip:FILE" and "ip6:FILE" say which family a file is of, where it does not show.`

// sourceOptions are what a source may need beside its word.
type sourceOptions struct {
	families familyFlags // of dumps and listings
	table    string      // of a listing, or the only one of a dump; "": told by the listing, or all
	netns    string
	adds     bool      // a dump adds to what the kernel holds, as iptables-restore --noflush takes it
	partly   bool      // what cannot be read is no error yet, but for translate to say
	talk     io.Writer // where what was guessed is said
}

func (o *sourceOptions) bind(c *cobra.Command) {
	c.Flags().StringVar(&o.table, "table", "", "take only this iptables table; of a listing, say which it is (default: told by its chains)")
	o.families.bind(c, "a dump or listing")
}

// familyFlags are -4 and -6.
type familyFlags struct{ v4, v6 bool }

func (f *familyFlags) bind(c *cobra.Command, what string) {
	c.Flags().BoolVarP(&f.v4, "ipv4", "4", false, what+" is of iptables")
	c.Flags().BoolVarP(&f.v6, "ipv6-only", "6", false, what+" is of ip6tables")
	c.MarkFlagsMutuallyExclusive("ipv4", "ipv6-only")
}

// family is the one that was named, or 0.
func (f *familyFlags) family() iptables.Family {
	switch {
	case f.v4:
		return iptables.IPv4
	case f.v6:
		return iptables.IPv6
	}
	return 0
}

// source is a rule set as it was read: in iptables' model if it came from there, else in nft's.
type source struct {
	v4, v6  *iptables.Ruleset
	sets    ipset.Sets   // that the rules name
	ruleset *nft.Ruleset // nil as long as it is only in iptables' model
	// unread are the problems of reading, and beside those of them that no rule's absence mends.
	unread, beside iptables.Problems
}

// readSource reads the rule set that words name together.
func readSource(words []string, opt sourceOptions) (*source, error) {
	var parts []string
	for _, w := range words {
		parts = append(parts, splitWord(w)...)
	}
	if slices.ContainsFunc(parts, isAlone) {
		if len(parts) > 1 {
			return nil, usage(fmt.Errorf("%s: only files can be put together, and \"-\"", strings.Join(parts, " ")))
		}
		return readAlone(parts[0], opt)
	}
	s := &source{}
	var failed error
	for _, w := range parts {
		var problems iptables.Problems
		switch err := s.read(w, opt); {
		case errors.As(err, &problems):
			s.unread, s.beside = append(s.unread, problems...), append(s.beside, problems...)
		default:
			failed = errors.Join(failed, err)
		}
	}
	s.unread.Sort()
	s.beside.Sort()
	none := len(s.families()) == 0 && s.ruleset == nil
	if len(s.unread) > 0 && (failed != nil || none || !opt.partly) {
		failed = errors.Join(errors.New(fold(remarks(s.unread))), failed)
	}
	switch {
	case failed != nil:
		return nil, usage(failed)
	case s.ruleset != nil && len(s.families())+len(s.sets) > 0:
		return nil, usage(fmt.Errorf("%s: a listing of nft is a rule set by itself", strings.Join(parts, " ")))
	case none:
		return nil, usage(fmt.Errorf("%s: has sets, but no rules that use them; name a dump of rules too", strings.Join(parts, " ")))
	}
	return s, s.pick(opt.table)
}

// splitWord takes words apart that are joined with +, unless a file is called so.
func splitWord(word string) []string {
	if _, err := os.Stat(word); err == nil || isAlone(word) {
		return []string{word}
	}
	return strings.Split(word, "+")
}

// isAlone says whether a word names a rule set that is one by itself.
func isAlone(word string) bool {
	return word == "live" || strings.HasPrefix(word, "live:") || strings.HasPrefix(word, "redirect:")
}

func readAlone(word string, opt sourceOptions) (*source, error) {
	if file, ok := strings.CutPrefix(word, "redirect:"); ok {
		return redirectSource(file)
	}
	if word == "live" {
		return liveSource(opt.netns)
	}
	return liveSource(strings.TrimPrefix(word, "live:"))
}

// liveSource reads what a network namespace holds.
func liveSource(netns string) (*source, error) {
	conn, err := dial(netns)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	rs, err := conn.Ruleset(nil)
	if err != nil {
		return nil, kernelSays(err)
	}
	return &source{ruleset: nft.Raise(rs)}, nil
}

// families are the rule sets in iptables' model.
func (s *source) families() []*iptables.Ruleset {
	return slices.DeleteFunc([]*iptables.Ruleset{s.v4, s.v6}, func(rs *iptables.Ruleset) bool { return rs == nil })
}

// pick leaves only one table, if it is named.
func (s *source) pick(table string) error {
	if table == "" {
		return nil
	}
	if s.ruleset != nil {
		return usage(fmt.Errorf("--table: the source is not of iptables"))
	}
	found := false
	for _, rs := range s.families() {
		rs.Tables = slices.DeleteFunc(rs.Tables, func(t *iptables.Table) bool { return t.Name != table })
		found = found || len(rs.Tables) > 0
	}
	if !found {
		return usage(fmt.Errorf("no source has a table %s", iptables.Quote(table)))
	}
	return nil
}
