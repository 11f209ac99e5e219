package ext

import (
	"rechain/nft"
	"rechain/nft/bytecode"
)

// chainNamed returns the table's chain that does what the name says, and that several rules may lead to. build makes its rules when
// a rule asks for it first; say is what appends one.
func (c *Context) chainNamed(name string, build func(say func(...nft.Stmt))) *nft.Chain {
	if ch := c.Shared.chains[name]; ch != nil {
		return ch
	}
	ch := &nft.Chain{Name: name}
	if c.Shared.Unique != nil {
		ch.Name = c.Shared.Unique(name)
	}
	c.Shared.Chains = append(c.Shared.Chains, ch)
	if c.Shared.chains == nil {
		c.Shared.chains = map[string]*nft.Chain{}
	}
	c.Shared.chains[name] = ch
	build(func(s ...nft.Stmt) { ch.Rules = append(ch.Rules, &nft.Rule{Stmts: s}) })
	return ch
}

// guard limits a rule in a chain of [Context.chainNamed] to c's family, which nft asks for in a table of both before it names a header's
// fields, and mends checksums.
func (c *Context) guard() []nft.Stmt {
	if !c.Shared.Both {
		return nil
	}
	return []nft.Stmt{&nft.Match{Op: bytecode.CmpEq, Left: &nft.Meta{Key: bytecode.MetaNfproto}, Right: value([]byte{byte(c.NftFamily())})}}
}
