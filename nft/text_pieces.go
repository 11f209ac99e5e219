package nft

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// The rules of a long table are printed by all processors: what a rule looks like depends on no other. The text comes in order.

// pieceRules is how many rules are printed at a time by one processor, and manyRules how many are worth it.
const (
	pieceRules = 512
	manyRules  = 4 * pieceRules
)

// textPiece is a part of a chain: its rules from one to before another.
type textPiece struct {
	chain    *chainDecl
	from, to int
	blank    bool // there is something above the chain
}

func (c textPiece) text(p *textPrinter, v *viewer) {
	if c.from == 0 {
		if c.blank {
			p.WriteByte('\n')
		}
		c.chain.head(p)
	}
	p.rules(c.chain.Rules[c.from:c.to], v.rule, "\t\t")
	if c.to == len(c.chain.Rules) {
		c.chain.foot(p)
	}
}

// textPieces parts chains. Each part has about pieceRules rules, of one chain or of several.
func textPieces(chains []*chainDecl, blank bool) (parts [][]textPiece) {
	var part []textPiece
	room := pieceRules
	for _, c := range chains {
		if c.Flags&chainBinding != 0 { // it shows where it is jumped to
			continue
		}
		for from := 0; ; {
			to := min(len(c.Rules), from+room)
			part = append(part, textPiece{c, from, to, blank})
			if room -= to - from; room == 0 {
				parts, part, room = append(parts, part), nil, pieceRules
			}
			if from = to; from == len(c.Rules) {
				break
			}
		}
		blank = true
	}
	return append(parts, part)
}

// chainTexts prints chains.
func (p *textPrinter) chainTexts(v *viewer, chains []*chainDecl, blank bool) {
	rules := 0
	for _, c := range chains {
		rules += len(c.Rules)
	}
	parts := textPieces(chains, blank)
	processors := runtime.GOMAXPROCS(0)
	if rules < manyRules || processors == 1 || v.names.Ifname != nil || v.names.Cgroup != nil { // which may be for one caller at a time
		for _, part := range parts {
			for _, piece := range part {
				piece.text(p, v)
				p.spill()
			}
		}
		return
	}
	printed := make([]*textPrinter, len(parts))
	isPrinted := make([]sync.WaitGroup, len(parts))
	free := make(chan *textPrinter, 2*processors)
	for range cap(free) {
		free <- &textPrinter{stateless: p.stateless, handles: p.handles, origin: p.origin}
	}
	for i := range parts {
		isPrinted[i].Add(1)
	}
	var taken atomic.Int64
	for range processors {
		go func() {
			v := newViewer(v.in, v.names)
			for to := range free {
				i := int(taken.Add(1)) - 1
				if i >= len(parts) {
					return
				}
				for _, piece := range parts[i] {
					piece.text(to, v)
				}
				printed[i] = to
				isPrinted[i].Done()
			}
		}()
	}
	for i := range parts {
		isPrinted[i].Wait()
		p.Write(printed[i].Bytes())
		p.spill()
		printed[i].Reset()
		free <- printed[i]
	}
}
