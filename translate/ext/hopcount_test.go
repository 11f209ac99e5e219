package ext

import (
	"bytes"
	"fmt"
	"testing"

	"rechain/nft"
	"rechain/translate/iptables"
)

// The chains for TTL do to each value what ttl_tg does in xt_HL.c, for each amount.
func TestCountTTL(t *testing.T) {
	for amount := 1; amount <= 255; amount++ {
		for _, up := range []bool{true, false} {
			c := &Context{Family: iptables.IPv4, Shared: &Shared{}}
			jump := countTTL(c, hopCount{up: up, by: amount}).(*nft.Verdict)
			for ttl := range 256 {
				want := ttl - amount
				if up {
					want = ttl + amount
				}
				want = min(max(want, 0), 255)
				if got := countedTTL(c.Shared.Chains, jump.Chain, byte(ttl)); int(got) != want {
					t.Fatalf("%d counted by %d, up %t: %d, want %d", ttl, amount, up, got, want)
				}
			}
		}
	}
}

// countedTTL walks a chain with a TTL.
func countedTTL(chains []*nft.Chain, name string, ttl byte) byte {
	for _, ch := range chains {
		if ch.Name != name {
			continue
		}
		for _, r := range ch.Rules {
			switch s := r.Stmts[0].(type) {
			case *nft.Match:
				if holds(s.Right, ttl) {
					return r.Stmts[1].(*nft.Assign).Value.(*nft.MaskXor).Xor[0]
				}
			case *nft.VerdictMap:
				for _, e := range s.Set.Elements {
					if e.Key[0] <= ttl && ttl <= e.KeyEnd[0] {
						return countedTTL(chains, e.Verdict.Chain, ttl)
					}
				}
			}
		}
		return ttl
	}
	panic(fmt.Sprintf("no chain %s", name))
}

func holds(right nft.Expr, ttl byte) bool {
	if r, ok := right.(*nft.Range); ok {
		return r.From[0] <= ttl && ttl <= r.To[0]
	}
	return bytes.Equal(right.(*nft.Value).Data, []byte{ttl})
}
