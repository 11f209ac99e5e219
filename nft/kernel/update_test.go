package kernel

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rechain/nft/bytecode"
)

func TestGenerationGuard(t *testing.T) {
	c := isolatedConn(t)
	gen, err := c.Generation()
	if err != nil {
		t.Fatal(err)
	}
	run(t, "", "nft", "add table ip other")
	var b Batch
	b.AddTable(&bytecode.Table{Family: bytecode.IPv4, Name: "mine"})
	if err := c.Commit(&b, gen); !errors.Is(err, ErrChanged) {
		t.Errorf("for an old generation: %v", err)
	}
	if now, _ := c.Generation(); now == gen {
		t.Error("nft did not change the generation")
	} else if err := c.Commit(&b, now); err != nil {
		t.Errorf("for the present one: %v", err)
	}
}

// Another program changes the rule set between reading and writing: the plan is made anew, and the change comes through.
func TestUpdatePlansAgain(t *testing.T) {
	c := isolatedConn(t)
	plans := 0
	err := c.Update(nil, func(rs *bytecode.Ruleset) (*Batch, error) {
		plans++
		if plans <= 3 {
			run(t, "", "nft", fmt.Sprintf("add table ip other%d", plans))
		}
		b := new(Batch)
		b.AddTable(&bytecode.Table{Family: bytecode.IPv4, Name: fmt.Sprintf("after%d", len(rs.Tables))})
		return b, nil
	})
	if err != nil || plans != 4 {
		t.Errorf("%d plans, error %v", plans, err)
	}
	if got := run(t, "", "nft", "list", "tables"); !strings.Contains(got, "after3") {
		t.Error(got)
	}

	b := new(Batch)
	b.AddTable(&bytecode.Table{Family: bytecode.IPv4, Name: "never"})
	err = c.Update(nil, func(*bytecode.Ruleset) (*Batch, error) {
		plans++
		var other Batch
		other.AddTable(&bytecode.Table{Family: bytecode.IPv4, Name: fmt.Sprintf("again%d", plans)})
		commit(t, c, &other)
		return b, nil
	})
	if !errors.Is(err, ErrChanged) || plans != 4+attempts {
		t.Errorf("%d plans, error %v", plans, err)
	}
	stop := errors.New("no")
	if err := c.Update(nil, func(*bytecode.Ruleset) (*Batch, error) { return nil, stop }); !errors.Is(err, stop) {
		t.Errorf("a plan that fails: %v", err)
	}
}
