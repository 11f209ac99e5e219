package main

import (
	"errors"
	"fmt"
	"strings"

	"rechain/nft/bytecode"
	"rechain/nft/kernel"
)

// dial opens the kernel of a network namespace.
func dial(netns string) (*kernel.Conn, error) {
	ns, err := kernel.OpenNamespace(netns)
	if err != nil {
		return nil, kernelSays(err)
	}
	conn, err := kernel.Dial(ns)
	if err != nil {
		return nil, kernelSays(err)
	}
	return conn, nil
}

// reach brings the tables that ours picks to what want says, in one transaction that holds only if nobody else changed the rule
// set since it was read. want is told what is there. It returns what was done: nothing, when all was so already.
func reach(conn *kernel.Conn, ours func(*bytecode.Table) bool, want func(have []*bytecode.Table) ([]*bytecode.Table, error)) ([]bytecode.Edit, error) {
	var edits []bytecode.Edit
	err := conn.Update(ours, func(have *bytecode.Ruleset) (*kernel.Batch, error) {
		wanted, err := want(have.Tables)
		if err != nil {
			return nil, err
		}
		edits = bytecode.Diff(have.Tables, wanted)
		b := &kernel.Batch{}
		for _, e := range edits {
			b.Edit(e, nil)
		}
		return b, nil
	})
	var known *exitError
	if err != nil && !errors.As(err, &known) {
		err = kernelSays(err)
	}
	return edits, err
}

// summary says in one line what edits did.
func summary(edits []bytecode.Edit) string {
	if len(edits) == 0 {
		return "nothing to do: the kernel holds exactly this"
	}
	var added, removed counts
	for _, e := range edits {
		switch e.Kind {
		case bytecode.AddTable:
			added.table(e.Table)
		case bytecode.DeleteTable:
			removed.table(e.Table)
		case bytecode.AddChain:
			added.chains++
		case bytecode.DeleteChain:
			removed.chains++
		case bytecode.AddRule, bytecode.InsertRule:
			added.rules++
		case bytecode.DeleteRule:
			removed.rules++
		case bytecode.AddSet:
			added.sets++
		case bytecode.DeleteSet:
			removed.sets++
		case bytecode.AddElements:
			added.elements += len(e.Set.Elements)
		case bytecode.DeleteElements, bytecode.FlushSet:
			removed.elements += len(e.Set.Elements)
		}
	}
	var parts []string
	if added != (counts{}) {
		parts = append(parts, "added "+added.String())
	}
	if removed != (counts{}) {
		parts = append(parts, "removed "+removed.String())
	}
	if parts == nil {
		parts = append(parts, "changed a policy")
	}
	return strings.Join(parts, ", ") + ", in one transaction"
}

type counts struct{ tables, chains, rules, sets, elements int }

func (c *counts) table(t *bytecode.Table) {
	c.tables++
	c.chains += len(t.Chains)
	for _, ch := range t.Chains {
		c.rules += len(ch.Rules)
	}
}

func (c counts) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		noun string
	}{{c.tables, "table"}, {c.chains, "chain"}, {c.rules, "rule"}, {c.sets, "set"}, {c.elements, "element"}} {
		switch {
		case p.n == 1:
			parts = append(parts, "1 "+p.noun)
		case p.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", p.n, p.noun))
		}
	}
	return strings.Join(parts, ", ")
}
