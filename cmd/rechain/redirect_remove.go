package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newRedirectRemove(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "remove",
		Short: "take the redirect away",
		Long: `remove takes away every table, policy rule, route and address that a redirect made, whatever configuration made it, and
nothing else. It accepts a configuration's flags, and needs none of them.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.remove(cmd) },
	}
}

func (s *settings) remove(cmd *cobra.Command) error {
	if s.netns == "" {
		s.netns = s.config.NetworkNamespace
	}
	e, err := s.engine(nil)
	if err != nil {
		return err
	}
	defer e.close()
	did, err := e.apply() // an engine without a plan wants nothing to be there
	switch {
	case err != nil:
		return err
	case did.empty():
		fmt.Fprintln(cmd.OutOrStdout(), "nothing to remove: no redirect is here")
	default:
		fmt.Fprintln(cmd.OutOrStdout(), did.summary())
	}
	return nil
}
