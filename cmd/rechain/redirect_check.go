package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newRedirectCheck(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "say whether the kernel holds exactly this",
		Long: `check compares what the kernel holds with what the configuration wants: rules and their order, chains and their hooks,
policy rules, routes and addresses. It exits with 0 when they are the same, and else prints what apply would change and exits
with 1.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := s.resolve(cmd)
			if err != nil {
				return err
			}
			d, err := s.difference(plan)
			if err != nil {
				return err
			}
			if d.empty() {
				fmt.Fprintln(cmd.OutOrStdout(), "in place: the kernel holds exactly this")
				return nil
			}
			d.write(cmd.OutOrStdout())
			return no(errors.New("drifted: the kernel does not hold what the configuration wants; apply mends it"))
		},
	}
}
