package nft

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// textPrinter collects text.
type textPrinter struct {
	bytes.Buffer
	stateless bool // hide what changes by itself
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
	p.WriteString(`comment "` + s + `"`)
}

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
