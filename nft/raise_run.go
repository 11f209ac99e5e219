package nft

import "rechain/nft/bytecode"

// run is the work on one run of operations, see flow.spans: ops[start:end].
type run struct {
	*raising
	ops        bytecode.Program
	flow       *flow
	start, end int
	exprs      map[int]Expr // by operation, what it leaves in its register
	cost       map[int]int  // by operation, how many operations its expression takes
	sets       []*Set       // the anonymous sets that were attached
}

// raise returns statements that do what the run does, nil when there are none.
func (x *run) raise() []Stmt {
	stmts, ok := x.statements()
	if !ok || len(stmts) == 0 {
		return nil
	}
	ops := x.ops[x.start:x.end]
	if x.sameFlow(ops, x.lowered(stmts)) || x.isPure() && x.sameEffects(ops, x.lowered(stmts)) {
		return stmts
	}
	return nil
}

// maxExprs is the kernel's limit on the operations of a rule (NFT_RULE_MAXEXPRS).
const maxExprs = 128

// statements follows the values to the operations that have an effect, each of which gives a statement.
func (x *run) statements() ([]Stmt, bool) {
	var stmts []Stmt
	total := 0
	for i := x.start; i < x.end; i++ {
		in, ok := x.inputs(i)
		if total += x.cost[i]; !ok || x.flow.invalid[i] || total > maxExprs {
			return nil, false
		}
		op := x.ops[i]
		if e := x.expr(op, in); e != nil {
			x.exprs[i] = e
			total -= x.cost[i] // it counts where it is used
			continue
		}
		if s := x.pair(i, in); s != nil {
			stmts = append(stmts, s)
			i++
			continue
		}
		s := x.stmt(op, in)
		if s == nil {
			return nil, false
		}
		stmts = append(stmts, s)
	}
	return stmts, true
}

// inputs are the expressions that operation i reads; nil for those that are absent, or part of an earlier input of the same
// operation.
func (x *run) inputs(i int) ([]Expr, bool) {
	in := make([]Expr, len(x.flow.in[i]))
	x.cost[i] = 1
	for k, uses := range x.flow.in[i] {
		if uses == nil || k > 0 && x.isPart(i, k) {
			continue
		}
		if in[k] = x.input(uses); in[k] == nil {
			return nil, false
		}
		for j, u := range uses {
			if j == 0 || u.def != uses[j-1].def {
				x.cost[i] += x.cost[u.def]
			}
		}
	}
	return in, x.cost[i] <= maxExprs
}

// isPart reports whether access k of operation i lies within the map data that access 0 begins: see [Set.natData].
func (x *run) isPart(i, k int) bool {
	first, uses := x.flow.in[i][0], x.flow.in[i][k]
	if len(first) == 0 || len(uses) == 0 || uses[0].def != first[0].def {
		return false
	}
	_, isMap := x.exprs[first[0].def].(*MapLookup)
	return isMap && uses[0].part > 0
}

// input is the expression that some quarters hold: one value, of which the end may be left out, or several one after the other.
func (x *run) input(uses []use) Expr {
	var all []Expr
	for i := 0; i < len(uses); {
		def := uses[i].def
		e := x.exprs[def]
		if e == nil || uses[i].part != 0 {
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
