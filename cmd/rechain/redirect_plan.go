package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/translate/iptables"
	"rechain/translate/redirect"
)

func newRedirectPlan(s *settings) *cobra.Command {
	var family familyFlags
	c := &cobra.Command{
		Use:   "plan",
		Short: "show what apply would do",
		Long: `plan shows what apply would do: the difference between what the kernel holds and what the configuration wants. It exits
with 0 when there is nothing to do, and with 1 when there is.

With --output other than text it prints the wanted rule set instead, and needs neither privileges nor a kernel with nftables;
iptables is what istio-iptables would give to iptables-restore. -o NAME is short for --output NAME; -o PORTS is still
--istio-local-outbound-ports-exclude.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := s.resolve(cmd)
			if err != nil {
				return err
			}
			switch s.view {
			case "", viewText:
				return s.plan(cmd, plan)
			case viewIptables:
				return writeRestore(cmd, plan, family.family())
			}
			rs, err := compile(plan)
			if err != nil {
				return err
			}
			return writeRuleset(cmd.OutOrStdout(), rs, s.view, nft.TextOptions{})
		},
	}
	c.Flags().Var(&s.view, "output", "print as "+viewNames(allViews)+" (text: the difference)")
	family.bind(c, "what -o iptables prints")
	return c
}

// plan prints the difference.
func (s *settings) plan(cmd *cobra.Command, p *redirect.Plan) error {
	d, err := s.difference(p)
	if err != nil {
		return err
	}
	d.write(cmd.OutOrStdout())
	if d.empty() {
		fmt.Fprintln(cmd.OutOrStdout(), d.summary())
		return nil
	}
	return no(nil)
}

// writeRestore prints istio-iptables' rules of one family, since no restore program takes both: IPv4's unless told else.
func writeRestore(cmd *cobra.Command, p *redirect.Plan, f iptables.Family) error {
	switch {
	case f == iptables.IPv6 && !p.IPv6:
		fmt.Fprintln(cmd.ErrOrStderr(), "note: IPv6 is off, so that it has no rules")
	case f == 0 && p.IPv6:
		fmt.Fprintln(cmd.ErrOrStderr(), "note: these are the rules of IPv4; -6 prints those of IPv6")
	}
	if f == 0 {
		f = iptables.IPv4
	}
	return p.WriteRestore(cmd.OutOrStdout(), f)
}
