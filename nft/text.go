package nft

import (
	"bytes"
	"fmt"
	"io"
)

// textPrinter collects text.
type textPrinter struct {
	bytes.Buffer
	stateless bool // hide what changes by itself
	handles   bool
	origin    bool
}

func (p *textPrinter) printf(format string, args ...any) { fmt.Fprintf(&p.Buffer, format, args...) }

// flush writes what was collected.
func (p *textPrinter) flush(w io.Writer) error {
	_, err := w.Write(p.Bytes())
	p.Reset()
	return err
}

// list prints nodes with a delimiter between.
func (p *textPrinter) list(nodes []node, delim string) {
	for i, n := range nodes {
		if i > 0 {
			p.WriteString(delim)
		}
		n.text(p)
	}
}

// hidden prints nodes without what changes by itself: nft shows it in a set's elements but not where a rule makes them.
func (p *textPrinter) hidden(nodes []node) {
	was := p.stateless
	p.stateless = true
	for _, n := range nodes {
		p.WriteByte(' ')
		n.text(p)
	}
	p.stateless = was
}

// handle ends a line with a handle, if asked for.
func (p *textPrinter) handle(h uint64) {
	if p.handles {
		p.printf(" # handle %d", h)
	}
}
