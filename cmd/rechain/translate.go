package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rechain/nft"
)

func newTranslate() *cobra.Command {
	var opt sourceOptions
	var as translation
	var origin bool
	v := viewNft
	c := &cobra.Command{
		Use:   "translate SOURCE...",
		Short: "say an iptables rule set in nft's words",
		Long: `translate prints the nft rule set that does what an iptables rule set does, exactly. It looks at nothing but its sources. What
nft prints, "nft -f" loads, and "nft -j -f" what it prints with -o json.

A rule whose translation would differ is lossy, one that has none is refused. If there is any, all are listed, nothing is
printed, and the exit code is 1. If there is anything that cannot be read, that is listed with them, and the exit code is 2: a
rule with an unknown extension or a wrong value, which --skip-refused leaves out like a refused one, or a line that has no
place in such a file, which it does not.

` + sourceHelp,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			opt.talk, opt.partly, as.counts = cmd.ErrOrStderr(), true, as.counters
			s, err := readSource(args, opt)
			if err != nil {
				return err
			}
			if s.ruleset != nil && len(s.families()) == 0 {
				return usage(fmt.Errorf("%s: is not of iptables; show prints it", args[0]))
			}
			rs, err := s.translate(as, opt.talk)
			if err != nil {
				return err
			}
			if v == viewIptables {
				return s.writeIptables(cmd.OutOrStdout(), as.counters)
			}
			if v != viewBytecode {
				readable(rs, opt.talk)
			}
			return writeRuleset(cmd.OutOrStdout(), rs, v, nft.TextOptions{Counters: as.counters, Origin: origin})
		},
	}
	c.Flags().VarP(&v, "output", "o", "print as "+viewNames(allViews))
	c.Flags().BoolVar(&as.counters, "counters", false, "count in every rule, from where the source's counters are")
	c.Flags().BoolVar(&origin, "origin", false, "end each rule's line with where it comes from")
	opt.bind(c)
	as.bind(c)
	return c
}
