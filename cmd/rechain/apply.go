package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/nft/bytecode"
)

func newApply() *cobra.Command {
	var opt sourceOptions
	var family familyFlags
	c := &cobra.Command{
		Use:   "apply SOURCE",
		Short: "load a rule set into the kernel",
		Long: `apply loads a rule set into the kernel, in one transaction. The tables that it names are brought to what it says, as
iptables-restore does; other tables stay. What is the same already stays too, with its counters.

` + sourceHelp,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt.family, opt.counters, opt.talk = family.family(), true, cmd.ErrOrStderr()
			s, err := readSource(args[0], opt)
			if err != nil {
				return err
			}
			want := nft.Lower(s.ruleset).Tables
			conn, err := dial(opt.netns)
			if err != nil {
				return err
			}
			defer conn.Close()
			edits, err := reach(conn, namedIn(want), func([]*bytecode.Table) ([]*bytecode.Table, error) { return want, nil })
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), summary(edits))
			return nil
		},
	}
	c.Flags().StringVar(&opt.netns, "netns", "", "network namespace to load into: a name, a path or a process id")
	c.Flags().StringVar(&opt.table, "table", "", "iptables table that a listing is of (default: told by its chains)")
	c.Flags().StringVar(&opt.tablePrefix, "table-prefix", "", "name the tables PREFIX-TABLE instead of TABLE")
	family.bind(c, "a dump or listing")
	return c
}

// namedIn keeps the tables that have the family and name of one of want.
func namedIn(want []*bytecode.Table) func(*bytecode.Table) bool {
	return func(t *bytecode.Table) bool {
		for _, w := range want {
			if w.Family == t.Family && w.Name == t.Name {
				return true
			}
		}
		return false
	}
}
