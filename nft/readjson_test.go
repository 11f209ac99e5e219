package nft_test

import (
	"path/filepath"
	"testing"

	"rechain/nft"
	"rechain/nft/bytecode"
)

func TestReadJSONAsNft(t *testing.T) {
	l := newLab(t)
	files, _ := filepath.Glob("testdata/view/*.nft")
	for _, file := range files {
		l.must("", "nft", "flush", "ruleset")
		l.must("", "nft", "-f", file)
		holds, err := l.conn.Ruleset(nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, listing := range map[string]string{"nft's": l.must("", "nft", "-j", "list", "ruleset")} {
			rs, err := nft.ReadJSON(listing, nft.JSONReader{File: file, Ifindex: ifindex})
			if err != nil {
				t.Errorf("%s: %s: %v", file, name, err)
				continue
			}
			got := nft.Lower(rs)
			for i, h := range nft.Raise(holds).Tables {
				for j, c := range h.Chains {
					for k, r := range c.Rules {
						if j >= len(got.Tables[i].Chains) || k >= len(got.Tables[i].Chains[j].Rules) {
							t.Errorf("%s: fewer rules", file)
							continue
						}
						w, g := holds.Tables[i].Chains[j].Rules[k], got.Tables[i].Chains[j].Rules[k]
						back := nft.RaiseRule(got.Tables[i], g)
						if !nft.Same(r, back) && !bytecode.Equal(w.Program, g.Program) {
							t.Errorf("%s: %s: %s\n%sis\n%s", filepath.Base(file), name, nft.RuleText(h, r), w.Program, g.Program)
						}
					}
				}
			}
		}
	}
}

func ifindex(name string) uint32 {
	for i := uint32(1); i < 10; i++ {
		if names.Ifname(i) == name {
			return i
		}
	}
	return 0
}
