package translate

import (
	"runtime"
	"sync"
	"sync/atomic"

	"rechain/nft"
	"rechain/translate/ext"
	"rechain/translate/iptables"
)

// Most chains of a large table become a chain without any effect on others: no problem is told of them, they need no set, object or
// chain beside them. So all processors translate chains as if each stood alone, and what had such an effect is thrown away and
// translated again in its turn.

// groupRules is how many rules one processor translates at a time, and manyRules how many are worth it.
const (
	groupRules = 512
	manyRules  = 4 * groupRules
)

// pair is a chain in both families; one of them may be nil.
type pair struct{ v4, v6 *iptables.Chain }

func (p pair) rules() (n int) {
	for _, ch := range []*iptables.Chain{p.v4, p.v6} {
		if ch != nil {
			n += len(ch.Rules)
		}
	}
	return n
}

// alone is what became of a chain that was translated as if it stood alone.
type alone struct {
	chain   *nft.Chain // nil if it is left out
	ok      bool       // it does stand alone
	headers bool       // see Report
}

// ahead translates chains of a table as if each stood alone. The result gives what became of each, which is to be asked in their
// order.
func (t *translator) ahead(out *nft.Table, table string, chains []pair) func(i int) alone {
	total := 0
	for _, p := range chains {
		total += p.rules()
	}
	late := t.late[iptables.IPv4].leads != nil || t.late[iptables.IPv6].leads != nil
	processors := runtime.GOMAXPROCS(0)
	if total < manyRules || late || processors == 1 || t.opt.DropMalformed { // which makes chains that are shared
		return func(int) alone { return alone{} }
	}
	ends := groups(chains)
	done := make([]alone, len(chains))
	isDone := make([]sync.WaitGroup, len(ends))
	for i := range isDone {
		isDone[i].Add(1)
	}
	var taken atomic.Int64
	for range processors {
		w := t.worker() // here, since t may be at the next table when a processor begins that comes too late
		go func() {
			for {
				group := int(taken.Add(1)) - 1
				if group >= len(ends) {
					return
				}
				start := 0
				if group > 0 {
					start = ends[group-1]
				}
				for i := start; i < ends[group]; i++ {
					if done[i] = w.alone(out, table, chains[i]); !done[i].ok {
						w = t.worker()
					}
				}
				isDone[group].Done()
			}
		}()
	}
	group := 0
	return func(i int) alone {
		for i >= ends[group] {
			group++
		}
		isDone[group].Wait()
		return done[i]
	}
}

// groups parts chains into runs with about groupRules rules each, and returns where these end.
func groups(chains []pair) (ends []int) {
	n := 0
	for i, p := range chains {
		if n += p.rules(); n >= groupRules || i == len(chains)-1 {
			ends, n = append(ends, i+1), 0
		}
	}
	return ends
}

// worker is a translator that shares with t only what does not change.
func (t *translator) worker() *translator {
	w := &translator{opt: t.opt, report: &Report{}, source: t.source, fragments: t.fragments, told: map[string]bool{}, late: t.late}
	w.aside = new(bool)
	w.shared = &ext.Shared{Both: t.shared.Both, Unique: func(name string) string { *w.aside = true; return name }}
	return w
}

// alone translates a chain as if it stood alone.
func (t *translator) alone(table *nft.Table, name string, p pair) alone {
	out := &nft.Table{Family: table.Family, Name: table.Name}
	t.report.Headers = false
	t.chain(out, map[string]bool{}, func(string) bool { *t.aside = true; return false }, name, p.v4, p.v6)
	done := alone{ok: !t.spreads(), headers: t.report.Headers}
	if len(out.Chains) > 0 {
		done.chain = out.Chains[0]
	}
	return done
}

// spreads says whether what a worker did has an effect beside its chain.
func (t *translator) spreads() bool {
	return *t.aside || len(t.report.Problems)+len(t.report.Skipped)+len(t.shared.Sets)+len(t.shared.Objects)+len(t.shared.Chains) > 0
}
