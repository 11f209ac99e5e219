package nft

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// textPrinter collects text, and hands it on when there is enough.
type textPrinter struct {
	bytes.Buffer
	out       io.Writer // nil: the text is only collected
	err       error     // of out
	stateless bool      // hide what changes by itself
	handles   bool
	origin    bool
}

func (p *textPrinter) printf(format string, args ...any) { fmt.Fprintf(&p.Buffer, format, args...) }

// quoted is a string between quotes. nft has no way to put a quote inside: a doubled one makes it refuse the text, where a single one
// could end the string and have the rest taken for statements.
func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// comment prints a comment, whose quotes become apostrophes and line ends spaces: it may change, since it means nothing.
func (p *textPrinter) comment(s string) {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ':
			return ' '
		}
		return r
	}, s)
	p.WriteString(`comment "`)
	p.WriteString(s)
	p.WriteByte('"')
}

// enough is how much text is worth a write.
const enough = 64 << 10

// spill writes what was collected, if it is enough.
func (p *textPrinter) spill() {
	if p.Len() >= enough {
		p.flush()
	}
}

// flush writes what was collected.
func (p *textPrinter) flush() {
	if p.out == nil {
		return
	}
	if p.err == nil {
		_, p.err = p.out.Write(p.Bytes())
	}
	p.Reset()
}

// number prints a number in decimal.
func (p *textPrinter) number(n uint64) {
	p.Write(strconv.AppendUint(p.AvailableBuffer(), n, 10))
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
