//go:build linux

package translate

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"rechain/nft"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// FuzzPipeline takes whatever parses all the way: no rule makes the translation fall over, what it gives is the same after it was a
// program, and both texts can be written.
func FuzzPipeline(f *testing.F) {
	for _, file := range caseFiles(f) {
		archive, err := txtar.ParseFile(file)
		must(f, err)
		for _, part := range archive.Files {
			c, err := parseCase(part)
			must(f, err)
			for _, family := range c.families {
				f.Add(c.dump(), family == iptables.IPv6, true)
			}
		}
	}
	f.Fuzz(func(t *testing.T, dump string, six, counters bool) {
		if len(dump) > 1<<12 { // what is long is slow, and not more telling
			return
		}
		family := iptables.IPv4
		if six {
			family = iptables.IPv6
		}
		rs, _ := iptables.Parse(strings.NewReader(dump), "fuzz", family, ext.Vocabulary)
		if rs == nil {
			return
		}
		sets := []*iptables.Ruleset{nil, nil}
		sets[family/6] = rs
		model, report := Ruleset(sets[0], sets[1], Options{AllowLossy: true, SkipRefused: true, Counters: counters})
		if model == nil {
			if len(report.Refused()) == 0 {
				t.Fatal("nothing was refused, and there is no translation")
			}
			return
		}
		unremarked := cmp.Options{cmpopts.IgnoreFields(nft.Chain{}, "Remarks"), cmpopts.IgnoreFields(nft.Rule{}, "Remarks")}
		if d := cmp.Diff(model, nft.Raise(nft.Lower(model)), unordered, placeless, unremarked, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("the model (-) is another one (+) after lowering and raising:\n%s", d)
		}
		textOf(t, model)
		var js bytes.Buffer
		must(t, nft.WriteJSON(&js, model, nft.JSONOptions{}))
		if !json.Valid(js.Bytes()) {
			t.Errorf("not JSON: %s", js.String())
		}
	})
}
