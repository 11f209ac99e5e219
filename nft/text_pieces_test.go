package nft_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"rechain/nft"
	"rechain/nft/bytecode"
)

// TestTextPieces: a long table has the same text whether one processor prints it or several.
func TestTextPieces(t *testing.T) {
	table := &nft.Table{Family: nft.IPv4, Name: "t", Sets: []*nft.Set{{Name: "s", Type: []nft.Datatype{nft.TypeInetService}}}}
	for i, rules := range []int{0, 5000, 0, 1, 511, 512, 513, 0, 0, 100, 3000} {
		c := &nft.Chain{Name: fmt.Sprintf("c%d", i), Remarks: []string{"the end"}}
		for k := range rules {
			c.Rules = append(c.Rules, &nft.Rule{Comment: fmt.Sprint(k), Stmts: []nft.Stmt{
				&nft.Match{Left: &nft.Meta{Key: bytecode.MetaL4proto}, Right: &nft.Value{Data: []byte{6}}},
				&nft.InSet{Key: &nft.Payload{Base: bytecode.TransportHeader, Offset: 2, Len: 2}, Name: "s"},
				&nft.Verdict{Code: bytecode.Accept},
			}})
		}
		table.Chains = append(table.Chains, c)
	}
	text := func(processors int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		var b strings.Builder
		if err := nft.WriteText(&b, &nft.Ruleset{Tables: []*nft.Table{table}}, nft.TextOptions{}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if text(1) != text(4) {
		t.Error("they differ")
	}
}
