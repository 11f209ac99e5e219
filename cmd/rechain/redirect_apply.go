package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/translate/iptables"
	"rechain/translate/redirect"
)

func newRedirectApply(s *settings) *cobra.Command {
	var p proving
	c := &cobra.Command{
		Use:   "apply",
		Short: "program the redirect",
		Long: `apply brings the kernel to what the configuration says: tables, chains and rules in one transaction, guarded against
anybody who changes the rule set at the same time. What is right already stays as it is, with its counters and handles; tables of
an earlier configuration that this one does not need go in the same transaction.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.insist, _ = p.asked()
			s.prove = func(v4, v6 *iptables.Ruleset, rs *nft.Ruleset) error {
				return p.equal(v4, v6, nil, rs, &s.proved)
			}
			plan, err := s.resolve(cmd)
			if err != nil {
				return err
			}
			if s.config.CleanupOnly {
				return s.remove(cmd)
			}
			if s.config.DryRun {
				return s.dryRun(cmd, plan)
			}
			if !s.config.SkipRuleApply {
				if err := s.apply(cmd, plan); err != nil {
					return err
				}
			}
			if s.config.RunValidation {
				return s.validate(cmd, plan)
			}
			return nil
		},
	}
	p.bind(c)
	return c
}

// apply programs the plan.
func (s *settings) apply(cmd *cobra.Command, p *redirect.Plan) error {
	e, err := s.engine(p)
	if err != nil {
		return err
	}
	defer e.close()
	did, err := e.apply()
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), did.summary())
	if s.insist {
		if err := e.proved(); err != nil {
			return err
		}
	}
	if s.insist || len(did.edits) > 0 {
		fmt.Fprint(cmd.ErrOrStderr(), s.proved.String())
	}
	return nil
}

// dryRun is plan, but a difference is no failure: --dry-run asks what would happen, as istio-iptables does.
func (s *settings) dryRun(cmd *cobra.Command, p *redirect.Plan) error {
	d, err := s.difference(p)
	if err != nil {
		return err
	}
	d.write(cmd.OutOrStdout())
	return nil
}
