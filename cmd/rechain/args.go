package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// exactArgs is cobra's, with a message that says what to do.
func exactArgs(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage(fmt.Errorf("%s: takes %d argument, not %d; usage: %s", cmd.Name(), n, len(args), cmd.UseLine()))
		}
		return nil
	}
}

func someArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usage(fmt.Errorf("%s: takes at least one SOURCE; usage: %s", cmd.Name(), cmd.UseLine()))
	}
	return nil
}
