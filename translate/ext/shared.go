package ext

import (
	"fmt"
	"slices"
	"strings"

	"rechain/nft"
	"rechain/translate/iptables"
)

// Shared are the parts of one nft table that stand beside its chains, and that several rules may use.
type Shared struct {
	Sets    []*nft.Set
	Objects []*nft.Object
	Chains  []*nft.Chain // what several rules jump to
	// Both says that the table is for both families.
	Both bool
	// Unique makes a chain's name one that no other has, and takes it. nil: it is none already.
	Unique  func(name string) string
	sets    map[string]*nft.Set
	ports   map[string]*nft.Set // anonymous ones, by their ports
	chains  map[string]*nft.Chain
	demands []demanded
}

// Set returns the table's set for kind and name, which make builds when a rule asks for it first. It is named after both; IPv4 and
// IPv6 have sets of their own.
func (c *Context) Set(kind, name string, make func() *nft.Set) *nft.Set {
	return c.setNamed(kind, name, kind+"-"+name, make)
}

// setNamed is Set for a set that is to be called otherwise.
func (c *Context) setNamed(kind, name, called string, make func() *nft.Set) *nft.Set {
	key := fmt.Sprintf("%d %s %s", c.Family, kind, name)
	if s := c.Shared.sets[key]; s != nil {
		return s
	}
	s := make()
	c.AddSet(called, s)
	if c.Shared.sets == nil {
		c.Shared.sets = map[string]*nft.Set{}
	}
	c.Shared.sets[key] = s
	return s
}

// AddSet gives the table a set that is the rule's own, with a name like the one given.
func (c *Context) AddSet(name string, s *nft.Set) {
	s.Name = identifier(name, func(n string) bool {
		return slices.ContainsFunc(c.Shared.Sets, func(s *nft.Set) bool { return s.Name == n })
	})
	c.Shared.Sets = append(c.Shared.Sets, s)
}

// dynamicSize is how many elements a set has at most that packets add to: what the kernel takes where none is given
// (nft_dynset_new).
const dynamicSize = 65535

// identifierMax is how long a name may be that nft can read back (NFT_NAME_MAXLEN, less room for a number).
const identifierMax = 200

// identifier makes a name that nft can read, and that is not taken.
func identifier(name string, taken func(string) bool) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, name)
	name = name[:min(len(name), identifierMax)]
	unique := name
	for n := 2; taken(unique); n++ {
		unique = fmt.Sprintf("%s-%d", name, n)
	}
	return unique
}

// sharing returns the matches of an extension, in all rules of the source, whose option has the value; elsewhere says whether any
// of them stands in another table than c's rule. xtables keeps one state for all of these, and nftables one for each table.
func (c *Context) sharing(extension, option string, value any) (found []*iptables.Match, elsewhere bool) {
	if c.Source == nil {
		return nil, false
	}
	for _, t := range c.Source.Tables {
		for _, ch := range t.Chains {
			for _, r := range ch.Rules {
				for _, m := range r.Matches {
					if m.Ext.Name != extension {
						continue
					}
					if o, ok := m.Get(option); ok && o.Value == value {
						found = append(found, m)
						elsewhere = elsewhere || t.Name != c.Table
					}
				}
			}
		}
	}
	return found, elsewhere
}
