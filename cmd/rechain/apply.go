package main

import (
	"errors"
	"fmt"
	"sync"

	"github.com/spf13/cobra"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/kernel"
)

func newApply() *cobra.Command {
	var a application
	c := &cobra.Command{
		Use:   "apply SOURCE...",
		Short: "load a rule set into the kernel",
		Long: `apply loads a rule set into the kernel, in one transaction. The tables that it names are brought to what it says, as
iptables-restore does; other tables stay. What is the same already stays too, with its counters, unless --counters brings
others.

With --noflush, it adds to what is there as iptables-restore --noflush does: rules are appended, or inserted (-I) or deleted (-D
with the rule's words), chains are made, emptied (-F, and a user chain by being declared) and deleted (-X). Chains may be named that
only the kernel has. Numbers of rules are understood where the source shows what they count.

` + sourceHelp,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.source.talk = cmd.ErrOrStderr()
			edits, err := a.run(args)
			if err != nil {
				return err
			}
			text := summary(edits)
			if a.test && len(edits) > 0 {
				text = "the kernel would take this; nothing was done: " + text
			}
			fmt.Fprintln(cmd.OutOrStdout(), text)
			return nil
		},
	}
	c.Flags().StringVar(&a.source.netns, "netns", "", "network namespace to load into: a name, a path or a process id")
	c.Flags().BoolVar(&a.noflush, "noflush", false, "add to what is there")
	c.Flags().BoolVar(&a.as.counts, "counters", false, "set the counters of rules and policies to those of the source")
	c.Flags().BoolVar(&a.test, "test", false, "let the kernel judge, but do nothing")
	c.Flags().BoolVar(&a.keepSets, "keep-sets", false, "keep what packets put into sets, when a table is made anew")
	a.source.bind(c)
	a.as.bind(c)
	c.MarkFlagsMutuallyExclusive("prove", "noflush")
	return c
}

// application is one apply.
type application struct {
	source   sourceOptions
	as       translation
	noflush  bool
	keepSets bool
	test     bool
}

// run loads the sources, and returns what it took.
func (a *application) run(words []string) ([]bytecode.Edit, error) {
	a.as.counters, a.as.proving.off = true, a.noflush
	a.source.partly, a.source.adds = true, a.noflush
	s, err := readSource(words, a.source)
	if err != nil {
		return nil, err
	}
	want, err := s.translate(a.as, a.source.talk)
	if err != nil {
		return nil, err
	}
	low, from := nft.Lower(want), places(want)
	if !a.noflush { // else they are needed once more, and they are large
		s, want = nil, nil
	}
	conn, err := dial(a.source.netns)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var edits []bytecode.Edit
	ours := namedIn(low.Tables)
	plan := func(have *bytecode.Ruleset) (*kernel.Batch, error) {
		if a.noflush {
			if want, err = a.appended(s, nft.Raise(have)); err != nil {
				return nil, err
			}
			low, from = nft.Lower(want), places(want)
		}
		if a.keepSets {
			keepSets(have.Tables, low.Tables)
		}
		edits = a.edits(have.Tables, low.Tables)
		return batch(edits, origins(from, low)), nil
	}
	err = a.commit(conn, ours, plan)
	var known *exitError
	if err != nil && !errors.As(err, &known) {
		err = kernelSays(err)
	}
	return edits, err
}

// commit has the kernel take what plan wants, or only judge it.
func (a *application) commit(conn *kernel.Conn, ours func(*bytecode.Table) bool, plan func(*bytecode.Ruleset) (*kernel.Batch, error)) error {
	if !a.test {
		return conn.Update(ours, plan)
	}
	have, err := conn.Ruleset(ours)
	if err != nil {
		return err
	}
	b, err := plan(have)
	if err != nil {
		return err
	}
	return conn.Check(b)
}

// edits are the steps from what is there to what is wanted. Counters can only be set by making their tables anew.
func (a *application) edits(have, want []*bytecode.Table) []bytecode.Edit {
	if !a.as.counts || a.noflush {
		return bytecode.Diff(have, want)
	}
	var edits []bytecode.Edit
	for _, t := range have {
		edits = append(edits, bytecode.Edit{Kind: bytecode.DeleteTable, Table: t})
	}
	for _, t := range want {
		edits = append(edits, bytecode.Edit{Kind: bytecode.AddTable, Table: t})
	}
	return edits
}

func batch(edits []bytecode.Edit, origin func(*bytecode.Rule) fmt.Stringer) *kernel.Batch {
	b := &kernel.Batch{}
	for _, e := range edits {
		b.Edit(e, origin)
	}
	return b
}

// places are where the rules of a rule set come from, in their order.
func places(rs *nft.Ruleset) (all []nft.Origin) {
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				all = append(all, r.Origin)
			}
		}
	}
	return all
}

// origins says where each rule of low comes from, given where they all do, for the kernel's errors.
func origins(from []nft.Origin, low *bytecode.Ruleset) func(*bytecode.Rule) fmt.Stringer {
	of := sync.OnceValue(func() map[*bytecode.Rule]nft.Origin {
		of := map[*bytecode.Rule]nft.Origin{}
		n := 0
		for _, t := range low.Tables {
			for _, c := range t.Chains {
				for _, r := range c.Rules {
					of[r] = from[n]
					n++
				}
			}
		}
		return of
	})
	return func(r *bytecode.Rule) fmt.Stringer {
		o := of()[r]
		if o == (nft.Origin{}) {
			return nil
		}
		return posOf(o)
	}
}

// keepSets gives the sets that packets fill what they hold in the kernel, where they are still of the same kind.
func keepSets(have, want []*bytecode.Table) {
	for _, w := range want {
		for _, h := range have {
			if h.Family != w.Family || h.Name != w.Name {
				continue
			}
			for _, set := range w.Sets {
				for _, old := range h.Sets {
					if set.Flags&bytecode.SetEval != 0 && old.Name == set.Name && old.Flags == set.Flags && old.KeyType == set.KeyType &&
						old.KeyLen == set.KeyLen && old.DataType == set.DataType && old.DataLen == set.DataLen {
						set.Elements = old.Elements
					}
				}
			}
		}
	}
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
