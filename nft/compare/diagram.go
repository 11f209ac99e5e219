package compare

import (
	"errors"
	"fmt"
	"time"
)

// A node is a decision diagram: a test of one variable that leads to two others, or a terminal. Equal functions are equal nodes,
// since there is one node for each test, variables come in one order on every way, and no test leads to the same on both sides.
//
// Terminals are numbers with the top bit set: what they stand for is the caller's. Those of a predicate are no and yes.
type node uint32

const terminalBit node = 1 << 31

// The terminals of predicates.
const (
	no  = terminalBit
	yes = terminalBit | 1
)

func terminal(n int) node { return terminalBit | node(n) }

func (n node) isTerminal() bool { return n&terminalBit != 0 }
func (n node) value() int       { return int(n &^ terminalBit) }

// errBudget is the panic of a diagram that has grown over its budget.
var errBudget = errors.New("the budget is used up")

// test is what a node asks.
type test struct {
	level  uint32
	lo, hi node // where the variable is 0, and 1
}

// diagram holds nodes. They are never freed: a diagram lives as long as one comparison.
type diagram struct {
	tests  []test
	traits []uint32  // of each node: those of all terminals that it leads to
	ends   []uint32  // traits of terminals, bits that the caller gives
	unique []uint32  // open addressing; 0 is empty, else index + 1
	cache  []entry   // of operations, direct-mapped
	limit  int       // nodes at most
	until  time.Time // zero: no end
}

// timeEvery is after how many nodes the time is asked for.
const timeEvery = 1 << 12

type operation uint32

const (
	opAnd operation = iota + 1
	opOr
	opIte
	opSeq
	opDiffer
	opAccess
	opThrough
	opElse
	opRename
)

// entry is an operation's result.
type entry struct {
	op      operation
	a, b, c node
	result  node
}

func newDiagram(limit int) *diagram {
	return &diagram{unique: make([]uint32, 1<<10), cache: make([]entry, 1<<10), limit: limit}
}

func mix(a, b, c uint32) uint32 {
	h := uint64(a)*0x9E3779B97F4A7C15 ^ uint64(b)*0xC2B2AE3D27D4EB4F ^ uint64(c)*0x165667B19E3779F9
	h ^= h >> 29
	return uint32(h*0xBF58476D1CE4E5B9>>32) ^ uint32(h)
}

// make returns the node of a test.
func (d *diagram) make(level uint32, lo, hi node) node {
	if lo == hi {
		return lo
	}
	mask := uint32(len(d.unique) - 1)
	slot := mix(level, uint32(lo), uint32(hi)) & mask
	for d.unique[slot] != 0 {
		i := d.unique[slot] - 1
		if t := &d.tests[i]; t.level == level && t.lo == lo && t.hi == hi {
			return node(i)
		}
		slot = (slot + 1) & mask
	}
	if len(d.tests) >= d.limit {
		panic(fmt.Errorf("%w: %d nodes", errBudget, d.limit))
	}
	if len(d.tests)%timeEvery == 0 && !d.until.IsZero() && time.Now().After(d.until) {
		panic(fmt.Errorf("%w: the time is up", errBudget))
	}
	d.tests = append(d.tests, test{level, lo, hi})
	d.traits = append(d.traits, d.traitsOf(lo)|d.traitsOf(hi))
	d.unique[slot] = uint32(len(d.tests))
	if len(d.tests)*2 > len(d.unique) {
		d.grow()
	}
	return node(len(d.tests) - 1)
}

// traitsOf are the traits of all terminals that n leads to.
func (d *diagram) traitsOf(n node) uint32 {
	switch {
	case !n.isTerminal():
		return d.traits[n]
	case n.value() < len(d.ends):
		return d.ends[n.value()]
	}
	return 0
}

// grow doubles the tables, so that they stay half empty.
func (d *diagram) grow() {
	d.unique = make([]uint32, 2*len(d.unique))
	mask := uint32(len(d.unique) - 1)
	for i, t := range d.tests {
		slot := mix(t.level, uint32(t.lo), uint32(t.hi)) & mask
		for d.unique[slot] != 0 {
			slot = (slot + 1) & mask
		}
		d.unique[slot] = uint32(i + 1)
	}
	if len(d.cache) < 1<<22 {
		old := d.cache
		d.cache = make([]entry, 2*len(old))
		for _, e := range old {
			if e.op != 0 {
				*d.slot(e.op, e.a, e.b, e.c) = e
			}
		}
	}
}

func (d *diagram) slot(op operation, a, b, c node) *entry {
	return &d.cache[mix(uint32(a)^uint32(op)<<27, uint32(b), uint32(c))&uint32(len(d.cache)-1)]
}

func (d *diagram) known(op operation, a, b, c node) (node, bool) {
	e := d.slot(op, a, b, c)
	return e.result, e.op == op && e.a == a && e.b == b && e.c == c
}

func (d *diagram) keep(op operation, a, b, c, result node) node {
	*d.slot(op, a, b, c) = entry{op, a, b, c, result}
	return result
}

// level is the variable that a node asks; terminals come after all.
func (d *diagram) level(n node) uint32 {
	if n.isTerminal() {
		return ^uint32(0)
	}
	return d.tests[n].level
}

// at returns what n is where the variable of a level is 0 and where it is 1.
func (d *diagram) at(n node, level uint32) (lo, hi node) {
	if n.isTerminal() || d.tests[n].level != level {
		return n, n
	}
	t := &d.tests[n]
	return t.lo, t.hi
}

func (d *diagram) and(a, b node) node {
	switch {
	case a == no || b == no:
		return no
	case a == yes || a == b:
		return b
	case b == yes:
		return a
	}
	if a > b {
		a, b = b, a
	}
	if r, ok := d.known(opAnd, a, b, 0); ok {
		return r
	}
	level := min(d.level(a), d.level(b))
	alo, ahi := d.at(a, level)
	blo, bhi := d.at(b, level)
	return d.keep(opAnd, a, b, 0, d.make(level, d.and(alo, blo), d.and(ahi, bhi)))
}

func (d *diagram) or(a, b node) node {
	switch {
	case a == yes || b == yes:
		return yes
	case a == no || a == b:
		return b
	case b == no:
		return a
	}
	if a > b {
		a, b = b, a
	}
	if r, ok := d.known(opOr, a, b, 0); ok {
		return r
	}
	level := min(d.level(a), d.level(b))
	alo, ahi := d.at(a, level)
	blo, bhi := d.at(b, level)
	return d.keep(opOr, a, b, 0, d.make(level, d.or(alo, blo), d.or(ahi, bhi)))
}

func (d *diagram) not(a node) node { return d.ite(a, no, yes) }

// ite is a where the predicate holds, else b; these may have any terminals.
func (d *diagram) ite(p, a, b node) node {
	switch {
	case p == yes:
		return a
	case p == no:
		return b
	case a == b:
		return a
	}
	if r, ok := d.known(opIte, p, a, b); ok {
		return r
	}
	level := min(d.level(p), d.level(a), d.level(b))
	plo, phi := d.at(p, level)
	alo, ahi := d.at(a, level)
	blo, bhi := d.at(b, level)
	return d.keep(opIte, p, a, b, d.make(level, d.ite(plo, alo, blo), d.ite(phi, ahi, bhi)))
}

// all is the conjunction of predicates, and any the disjunction: halves first, which keeps what lies between small.
func (d *diagram) all(preds []node) node {
	return fold(preds, yes, d.and)
}

func (d *diagram) any(preds []node) node {
	return fold(preds, no, d.or)
}

// fold joins a list by halves.
func fold(list []node, none node, join func(a, b node) node) node {
	switch len(list) {
	case 0:
		return none
	case 1:
		return list[0]
	}
	half := len(list) / 2
	return join(fold(list[:half], none, join), fold(list[half:], none, join))
}

// replace gives every terminal of n another value.
func (d *diagram) replace(n node, by func(node) node) node {
	done := newMemo(len(d.tests))
	var walk func(n node) node
	walk = func(n node) node {
		if n.isTerminal() {
			return by(n)
		}
		if r, ok := done.get(n); ok {
			return r
		}
		t := d.tests[n]
		r := d.make(t.level, walk(t.lo), walk(t.hi))
		done.set(n, r)
		return r
	}
	return walk(n)
}

// memo keeps what a walk made of each node that was there when it began.
type memo []node

// unset is no node: a terminal that nobody has.
const unset = ^node(0)

func newMemo(n int) memo {
	m := make(memo, n)
	for i := range m {
		m[i] = unset
	}
	return m
}

func (m memo) get(n node) (node, bool) { return m[n], m[n] != unset }
func (m memo) set(n, r node)           { m[n] = r }
