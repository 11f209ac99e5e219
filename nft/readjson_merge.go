package nft

import (
	"bytes"
	"cmp"
	"slices"

	"rechain/nft/bytecode"
)

// jsonStmt is a statement that was read, and what nft makes of it beside others.
type jsonStmt struct {
	Stmt
	expression bool // others are not moved across any other
	joins      bool // a comparison of whole bytes of the packet with as many
	protocol   bool // it tells which header follows
	gone       bool
}

// merged are the rule's statements, in which comparisons of adjacent bytes are one, as nft joins them before it loads a rule (payload_try_merge
// in nftables' src/rule.c): those of a run of expressions, in the order of the packet.
func (r *jsonRule) merged() []Stmt {
	var run []*jsonStmt
	for i := range r.out {
		s := &r.out[i]
		switch {
		case !s.expression:
			join(run)
			run = nil
		case s.joins:
			run = append(run, s)
		}
	}
	join(run)
	var out []Stmt
	for i := range r.out {
		if !r.out[i].gone {
			out = append(out, r.out[i].Stmt)
		}
	}
	return out
}

func join(run []*jsonStmt) {
	if len(run) < 2 {
		return
	}
	run = slices.Clone(run)
	at := func(s *jsonStmt) *Payload { return s.Stmt.(*Match).Left.(*Payload) }
	slices.SortStableFunc(run, func(a, b *jsonStmt) int {
		return cmp.Or(cmp.Compare(at(a).Base, at(b).Base), cmp.Compare(at(a).Offset, at(b).Offset))
	})
	last := run[0]
	for _, s := range run[1:] {
		x, y := at(last), at(s)
		if x.Base != y.Base || x.Offset+x.Len != y.Offset || x.Len+y.Len > registerBytes || !mergePays(x, y) {
			last = s
			continue
		}
		both := &Match{Op: bytecode.CmpEq, Left: &Payload{Base: x.Base, Offset: x.Offset, Len: x.Len + y.Len},
			Right: &Value{bytes.Join([][]byte{last.Stmt.(*Match).Right.(*Value).Data, s.Stmt.(*Match).Right.(*Value).Data}, nil)}}
		if s.protocol { // what comes before it may rest on it
			s.Stmt, last.gone = both, true
			last = s
		} else {
			last.Stmt, s.gone = both, true
		}
	}
}

// registerBytes is NFT_REG_SIZE.
const registerBytes = 16

// mergePays says whether nft thinks that one comparison is quicker than two (payload_can_merge): the kernel compares up to 4 bytes of a
// network or transport header at once.
func mergePays(a, b *Payload) bool {
	return a.Len+b.Len <= 4 || a.Base == bytecode.LinkHeader || a.Len > 4 || b.Len > 4
}
