package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/translate/iptables"
)

func newShow() *cobra.Command {
	var opt sourceOptions
	var family familyFlags
	var counters, handles bool
	v := viewText
	c := &cobra.Command{
		Use:   "show [SOURCE]",
		Short: "print a rule set",
		Long:  "show prints a rule set: the one of the kernel, or that of a SOURCE.\n\n" + sourceHelp,
		Args:  maxArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			word := "live"
			if len(args) > 0 {
				word = args[0]
			}
			opt.family, opt.counters, opt.talk = family.family(), counters, cmd.ErrOrStderr()
			s, err := readSource(word, opt)
			if err != nil {
				return err
			}
			if v == viewIptables {
				return s.writeIptables(cmd, counters)
			}
			return writeRuleset(cmd.OutOrStdout(), s.ruleset, v, nft.TextOptions{Counters: counters, Handles: handles})
		},
	}
	c.Flags().VarP(&v, "output", "o", "print as "+viewNames(allViews))
	c.Flags().BoolVar(&counters, "counters", false, "print what counters count")
	c.Flags().BoolVar(&handles, "handles", false, "print handles")
	c.Flags().StringVar(&opt.netns, "netns", "", "network namespace of \"live\": a name, a path or a process id")
	c.Flags().StringVar(&opt.table, "table", "", "iptables table that a listing is of (default: told by its chains)")
	family.bind(c, "a dump or listing")
	return c
}

// writeIptables prints the source as iptables-save would, if it came from iptables.
func (s *source) writeIptables(cmd *cobra.Command, counters bool) error {
	if s.v4 == nil && s.v6 == nil {
		return usage(fmt.Errorf("-o %s: the source is not of iptables", viewIptables))
	}
	for _, rs := range []*iptables.Ruleset{s.v4, s.v6} {
		if rs == nil {
			continue
		}
		if err := iptables.Print(cmd.OutOrStdout(), rs, iptables.PrintOptions{Counters: counters}); err != nil {
			return err
		}
	}
	return nil
}
