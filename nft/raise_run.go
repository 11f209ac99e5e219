package nft

import (
	"slices"

	"rechain/nft/bytecode"
)

// run is the work on one run of operations, see flow.spans: ops[start:end].
type run struct {
	*raising
	ops        bytecode.Program
	flow       *flow
	start, end int
	values     []value // by operation, from start
	stmts      []Stmt  // nil when no statements say what the run does
	sets       []*Set  // the anonymous sets that are attached to them
}

// value is what an operation leaves in its register, and how many operations it takes to make it.
type value struct {
	expr Expr
	cost int
}

// statements are those of all runs; a run that none say is opaque.
func statements(runs []*run) []Stmt {
	var all []Stmt
	for _, x := range runs {
		if x.stmts == nil {
			all = append(all, &Opaque{Ops: slices.Clone(x.ops[x.start:x.end])})
		}
		all = append(all, x.stmts...)
	}
	return all
}

// settle notes which sets are attached to statements, and which ones have to remain in the table.
func (x *run) settle() {
	if x.stmts == nil {
		for _, s := range x.setsOf(x.ops[x.start:x.end]) {
			x.needed[s] = true
		}
		return
	}
	for _, s := range x.sets {
		x.attached[s] = true
	}
}

// verify drops statements that do not do what the run does.
func (x *run) verify() {
	ops := x.ops[x.start:x.end]
	if !x.sameFlow(ops, x.lowered(x.stmts)) && !(x.isPure() && x.sameEffects(ops, x.lowered(x.stmts))) {
		x.stmts = nil
	}
}

// maxExprs is the kernel's limit on the operations of a rule (NFT_RULE_MAXEXPRS).
const maxExprs = 128

// raise follows the values to the operations that have an effect, each of which gives a statement.
func (x *run) raise() {
	x.values = make([]value, x.end-x.start)
	var stmts []Stmt
	total := 0
	for i := x.start; i < x.end; i++ {
		v := &x.values[i-x.start]
		in, ok := x.inputs(i)
		if !ok || x.flow.invalid[i] || total+v.cost > maxExprs {
			return
		}
		op := x.ops[i]
		if v.expr = x.expr(op, in); v.expr != nil {
			continue
		}
		total += v.cost
		s := x.pair(i, in)
		if s != nil {
			i++
		} else if s = x.stmt(op, in); s == nil {
			return
		}
		stmts = append(stmts, s)
	}
	x.stmts = stmts
}

// inputs are the expressions that operation i reads; nil for those that are absent, or part of an earlier input of the same
// operation.
func (x *run) inputs(i int) ([]Expr, bool) {
	in := make([]Expr, len(x.flow.in[i]))
	cost := &x.values[i-x.start].cost
	*cost = 1
	for k, uses := range x.flow.in[i] {
		if uses == nil || k > 0 && x.isPart(i, k) {
			continue
		}
		if in[k] = x.input(uses); in[k] == nil {
			return nil, false
		}
		for j, u := range uses {
			if j == 0 || u.def != uses[j-1].def {
				*cost += x.values[u.def-x.start].cost
			}
		}
	}
	return in, *cost <= maxExprs
}

// isPart reports whether access k of operation i lies within the map data that access 0 begins: see [Set.natData].
func (x *run) isPart(i, k int) bool {
	first, uses := x.flow.in[i][0], x.flow.in[i][k]
	if len(first) == 0 || len(uses) == 0 || uses[0].def != first[0].def {
		return false
	}
	if first[0].def == unset {
		return false
	}
	_, isMap := x.values[first[0].def-x.start].expr.(*MapLookup)
	return isMap && uses[0].part > 0
}

// input is the expression that some quarters hold: one value, of which the end may be left out, or several one after the other.
func (x *run) input(uses []use) Expr {
	var all []Expr
	for i := 0; i < len(uses); {
		def := uses[i].def
		if def == unset || uses[i].part != 0 {
			return nil
		}
		e := x.values[def-x.start].expr
		if e == nil {
			return nil
		}
		n := 1
		for i+n < len(uses) && uses[i+n] == (use{def, n}) {
			n++
		}
		if i+n < len(uses) && n != x.flow.out[def] {
			return nil
		}
		all = append(all, e)
		i += n
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return &Concat{Parts: all}
}

// pair reads two comparisons of the same bytes as a range.
func (x *run) pair(i int, in []Expr) Stmt {
	if i+1 >= x.end {
		return nil
	}
	low, ok := x.ops[i].(*bytecode.Cmp)
	if !ok || low.Op != bytecode.CmpGte {
		return nil
	}
	high, ok := x.ops[i+1].(*bytecode.Cmp)
	if !ok || high.Op != bytecode.CmpLte || high.Src != low.Src || len(high.Data) != len(low.Data) {
		return nil
	}
	return &Match{Op: bytecode.CmpEq, Left: in[0], Right: &Range{From: low.Data, To: high.Data, Pair: true}}
}

// isPure reports whether it does not matter in which order, and how often, the run's loads and comparisons happen before its last
// operation: a value that is compared twice may then be loaded twice.
func (x *run) isPure() bool {
	for i := x.start; i < x.end; i++ {
		switch o := x.ops[i].(type) {
		case *bytecode.Meta:
			if o.Set && i < x.end-1 || o.Key == bytecode.MetaPrandom {
				return false
			}
		case *bytecode.Ct:
			if o.Set && i < x.end-1 {
				return false
			}
		case *bytecode.Exthdr:
			if o.Dst == 0 && i < x.end-1 {
				return false
			}
		case *bytecode.Immediate, *bytecode.Payload, *bytecode.Socket, *bytecode.Fib, *bytecode.Rt, *bytecode.Osf, *bytecode.Xfrm,
			*bytecode.Tunnel, *bytecode.Hash, *bytecode.Bitwise, *bytecode.Byteorder, *bytecode.Cmp, *bytecode.Range:
		default:
			if _, out, _ := x.operands(o); i < x.end-1 || out.reg != nil {
				return false
			}
		}
		if x.flow.out[i] > 0 && x.flow.last[i] == i {
			return false // nothing uses what it loads, yet the load can break the rule off
		}
	}
	return true
}

// attach says how a statement refers to a set: by its name, or holding it when it is anonymous.
func (x *run) attach(name string, id uint32) (string, *Set) {
	s := x.find(name, id)
	if s == nil || s.Flags&bytecode.SetAnonymous == 0 {
		return name, nil
	}
	x.sets = append(x.sets, s)
	return "", s
}
