package translate

import (
	"rechain/nft"
	"rechain/translate/iptables"
)

// stackSize is how many chains deep the kernel lets a path go, counted at jumps and gotos alike (NFT_JUMP_STACK_SIZE,
// nft_chain_validate). iptables has a deeper stack.
const stackSize = 16

// depth reports paths that the kernel would refuse as too deep. Circles are known by then (see [iptables.Parse]).
func (t *translator) depth(table *nft.Table, name string) {
	chains := map[string]*nft.Chain{}
	for _, ch := range table.Chains {
		chains[ch.Name] = ch
	}
	below := map[string]int{} // levels under a chain; 0 while it is on the path
	var walk func(ch *nft.Chain) int
	walk = func(ch *nft.Chain) int {
		if n, ok := below[ch.Name]; ok {
			return n
		}
		below[ch.Name] = 0
		deepest := 0
		for _, r := range ch.Rules {
			for _, to := range destinations(r) {
				if chains[to] != nil {
					deepest = max(deepest, 1+walk(chains[to]))
				}
			}
		}
		below[ch.Name] = deepest
		return deepest
	}
	for _, ch := range table.Chains {
		if ch.Base == nil { // where no packet comes, the kernel does not look
			continue
		}
		if n := walk(ch); n >= stackSize {
			t.refuse(iptables.At(ch.Origin.File, ch.Origin.Line, ch.Origin.Col), "",
				"flatten the chains; a negated match before RETURN costs a level as well",
				"chain %s leads %d chains deep, and nftables stops at %d", ch.Name, n, stackSize-1)
		}
	}
}

// destinations are the chains that a rule leads to.
func destinations(r *nft.Rule) (to []string) {
	for _, s := range r.Stmts {
		switch s := s.(type) {
		case *nft.Verdict:
			to = append(to, s.Chain)
		case *nft.VerdictMap:
			if s.Set != nil {
				for _, e := range s.Set.Elements {
					to = append(to, e.Verdict.Chain)
				}
			}
		}
	}
	return to
}
