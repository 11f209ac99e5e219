package compare

import "rechain/nft/packet"

// substitute is what a variable is after an effect: a constant (yes or no), or a predicate over what was before.
type substitute struct{ by node }

// having is n for packets that an effect has changed: tests ask the changed packet, and outcomes come after the effect.
func (e *engine) having(n node, x int) node {
	if x == 0 {
		return n
	}
	if n.isTerminal() {
		o := e.outcomes[n.value()]
		o.effect = e.after(x, o.effect)
		return e.end(o)
	}
	k := underKey{n, x}
	if r, ok := e.under[k]; ok {
		return r
	}
	t := e.tests[n]
	var r node
	switch s := e.substitute(x, t.level); {
	case s.by == no:
		r = e.having(t.lo, x)
	case s.by == yes:
		r = e.having(t.hi, x)
	default:
		r = e.ite(s.by, e.having(t.hi, x), e.having(t.lo, x))
	}
	e.under[k] = r
	return r
}

// substitute is what the variable of a level is after an effect.
func (e *engine) substitute(x int, level uint32) *substitute {
	levels := e.renamed[x]
	if levels == nil {
		levels = map[uint32]*substitute{}
		e.renamed[x] = levels
	}
	s := levels[level]
	if s == nil {
		s = &substitute{e.variableUnder(e.effects[x], level)}
		levels[level] = s
	}
	return s
}

func (e *engine) variableUnder(x *effect, level uint32) node {
	c := e.fields[level]
	i := c.width - 1 - uint(level-c.level) // the bit of the code
	if ch, ok := x.changes[c.field]; ok {
		switch {
		case ch.symbol != "":
			return e.make(e.likeness(c, ch.symbol).level+(level-c.level), no, yes)
		case c.starts == nil && ch.bits != nil:
			return e.sum(ch.bits[i])
		}
		return constant(c.code(ch.value).Bit(i))
	}
	if v, ok := e.evaluations[c.field]; ok && x.counts[v.key] > 0 {
		return e.pred(packet.Set(e.evaluation(v.key, v.n+x.counts[v.key])))
	}
	return e.make(level, no, yes)
}

func constant(b bool) node {
	if b {
		return yes
	}
	return no
}

// sum is a bit as a predicate over what was before.
func (e *engine) sum(b bit) node {
	n := constant(b.flip)
	for _, s := range b.of {
		c := e.coding(s.field)
		v := e.make(c.level+uint32(c.width-1-uint(s.bit)), no, yes)
		n = e.ite(v, e.not(n), n)
	}
	return n
}

// likeness is a field that has the same classes as another: its value, known by a name only.
func (e *engine) likeness(c *coding, symbol string) *coding {
	f := packet.Named(symbol, c.field.Bits, c.field.Show)
	if known := e.codings[f]; known != nil {
		return known
	}
	s := &survey{field: f, starts: append([]packet.Value(nil), c.starts...), bits: c.starts == nil}
	return e.place(s)
}
