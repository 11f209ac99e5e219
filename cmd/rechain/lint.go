package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/nft/compare"
	"rechain/nft/packet"
)

func newLint() *cobra.Command {
	var opt sourceOptions
	output := "text"
	c := &cobra.Command{
		Use:   "lint SOURCE...",
		Short: "find rules that no packet takes, and others that have no effect",
		Long: `lint finds rules that are never reached because earlier ones take all of their packets (and names these), rules that no packet can
match, chains that no packet gets to, jumps to empty chains, rules that change nothing, and policies that decide about
nothing. What it says is certain for every packet; a rule of an inet table is told only if it holds for IPv4 and for IPv6.

Exit codes: 0 nothing was found, 1 something was.

` + sourceHelp,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return usage(fmt.Errorf("-o %s: it is one of text, json", output))
			}
			opt.talk, opt.partly = cmd.ErrOrStderr(), true
			s, err := readSource(args, opt)
			if err != nil {
				return err
			}
			warnings, err := s.lint(opt.talk)
			if err != nil {
				return err
			}
			if output == "json" {
				err = writeWarningsJSON(cmd.OutOrStdout(), warnings)
			} else {
				for _, w := range warnings {
					fmt.Fprintln(cmd.OutOrStdout(), w)
				}
			}
			if err == nil && len(warnings) > 0 {
				return no(nil)
			}
			return err
		},
	}
	c.Flags().StringVarP(&output, "output", "o", output, "print as text or json")
	c.Flags().StringVar(&opt.netns, "netns", "", "network namespace of \"live\": a name, a path or a process id")
	opt.bind(c)
	return c
}

// lint is what is wrong with a source's rules. Those of inet tables are in both programs, and are told if both say so.
func (s *source) lint(talk io.Writer) ([]*compare.Warning, error) {
	if s.ruleset != nil && len(s.families()) > 0 { // a redirect, whose rules are those of istio-iptables before they are translated
		chains := *s
		chains.ruleset = nil
		list, err := chains.lint(talk)
		if len(list) > 0 {
			fmt.Fprintln(talk, "note: what is found in a redirect is in Istio's own rules as well; it is harmless there, and kept so that the two stay alike")
		}
		return list, err
	}
	v4, v6, err := s.programs(talk)
	if err != nil {
		return nil, err
	}
	var found [2][]*compare.Warning
	for i, p := range []*packet.Program{v4, v6} {
		if p == nil {
			continue
		}
		if found[i], err = compare.Lint(p, 0); err != nil {
			return nil, usage(err)
		}
	}
	if s.ruleset == nil {
		said := map[string]bool{}
		return slices.DeleteFunc(append(found[0], found[1]...), func(w *compare.Warning) bool {
			twice := said[w.String()] // a configuration makes rules of both families
			said[w.String()] = true
			return twice
		}), nil
	}
	inet := map[string]bool{}
	for _, t := range s.ruleset.Tables {
		inet[t.Name] = inet[t.Name] || t.Family == nft.Inet
	}
	var out []*compare.Warning
	for i, list := range found {
		said := map[string]bool{}
		for _, w := range found[1-i] {
			said[identity(w)] = true
		}
		for _, w := range list {
			if both := inet[w.Chain.Table]; !both || i == 0 && said[identity(w)] {
				out = append(out, w)
			}
		}
	}
	return out, nil
}

// identity is what a warning has in common with that about the same rule in the other family's program.
func identity(w *compare.Warning) string {
	return fmt.Sprintf("%s %s %d %v %v", w.Chain.Table, w.Chain.Name, w.Index, w.Rule == nil, w.Fault == compare.IdlePolicy || w.Fault == compare.NotReached)
}

// writeWarningsJSON prints warnings as {"warnings": [{kind, table, chain, rule, index, place, what, why, by}]}.
func writeWarningsJSON(w io.Writer, warnings []*compare.Warning) error {
	type rule struct {
		Place string `json:"place,omitempty"`
		Text  string `json:"rule,omitempty"`
	}
	type warning struct {
		Kind  compare.Fault `json:"kind"`
		Table string        `json:"table"`
		Chain string        `json:"chain"`
		Index *int          `json:"index,omitempty"`
		rule
		What string `json:"what"`
		Why  string `json:"why"`
		By   []rule `json:"by,omitempty"`
		More int    `json:"more,omitempty"`
	}
	of := func(r *packet.Rule) rule {
		out := rule{Place: compare.Place(r.Origin)}
		if r.Text != nil {
			out.Text = r.Text()
		}
		return out
	}
	list := []warning{}
	for _, x := range warnings {
		out := warning{Kind: x.Fault, Table: x.Chain.Table, Chain: x.Chain.Name, What: x.What, Why: x.Why, More: x.More, rule: rule{Place: compare.Place(x.Chain.Origin)}}
		if x.Rule != nil {
			out.Index, out.rule = &x.Index, of(x.Rule)
		}
		for _, r := range x.By {
			out.By = append(out.By, of(r))
		}
		list = append(list, out)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{"warnings": list})
}
