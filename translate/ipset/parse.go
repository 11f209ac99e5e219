package ipset

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"rechain/translate/iptables"
)

// Bounds of what is read, so that no input takes all memory.
const (
	maxLine     = 1 << 16
	maxProblems = 1000
	maxElements = 1 << 22 // of all lines together
)

// Detect tells whether a text is a dump of ipset: whether its first line that says something is a command of ipset.
func Detect(text string) bool {
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) == 0 || w[0][0] == '#' {
			continue
		}
		do, ok := commands[w[0]]
		return ok && len(w) > do.least
	}
	return false
}

// Parse reads a dump. file names it in problems, which are all returned together as [iptables.Problems].
func Parse(r io.Reader, file string) (Sets, error) {
	p := &parser{file: file}
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxLine)
	for sc.Scan() && len(p.problems) < maxProblems {
		p.line++
		p.command(sc.Text())
	}
	if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		p.line++
		p.problem(1, "", "the line is longer than %d bytes", maxLine)
	} else if err != nil {
		return nil, err
	}
	return p.sets, p.problems.Err()
}

type parser struct {
	file     string
	line     int
	sets     Sets
	elements int // that lines stood for so far
	problems iptables.Problems
}

func (p *parser) pos(col int) iptables.Pos { return iptables.At(p.file, p.line, col) }

func (p *parser) problem(col int, hint, format string, args ...any) {
	p.problems = append(p.problems, &iptables.Problem{Pos: p.pos(col), Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// word is a word of a line and its column.
type word struct {
	text string
	col  int
}

// words parts a line at blanks; what is in double quotes is one word.
func words(line string) []word {
	var out []word
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' || line[i] == '\r' {
			i++
			continue
		}
		start, end := i, len(line)
		if line[i] == '"' {
			start++
			if n := strings.IndexByte(line[start:], '"'); n >= 0 {
				end = start + n
			}
			i = end + 1
		} else {
			if n := strings.IndexAny(line[i:], " \t\r"); n >= 0 {
				end = i + n
			}
			i = end
		}
		out = append(out, word{line[start:end], start + 1})
	}
	return out
}

func (p *parser) command(line string) {
	if n := strings.IndexByte(line, 0); n >= 0 {
		p.problem(n+1, "is this a text file?", "the line has a NUL byte")
		return
	}
	ws := words(line)
	n := len(ws)
	ws = slices.DeleteFunc(ws, func(w word) bool { return w.text == "-exist" || w.text == "-!" || w.text == "--exist" })
	exist := len(ws) < n
	if len(ws) == 0 || ws[0].text == "" || ws[0].text[0] == '#' || ws[0].text == "COMMIT" {
		return
	}
	name := ws[0]
	do, ok := commands[name.text]
	switch ws = ws[1:]; {
	case !ok:
		p.problem(name.col, "", "%s is not a command of ipset that changes sets", iptables.Quote(name.text))
	case len(ws) < do.least:
		p.problem(name.col, "", "%s needs the name of a set", name.text)
	case do.most > 0 && len(ws) > do.most:
		p.problem(ws[do.most].col, "", "%s takes no %s", name.text, iptables.Quote(ws[do.most].text))
	default:
		do.do(p, ws, exist)
	}
}

// set finds the set that a command names.
func (p *parser) set(w word) *Set {
	s := p.sets.Get(w.text)
	if s == nil {
		p.problem(w.col, "", "there is no set %s", iptables.Quote(w.text))
	}
	return s
}

// expand returns the elements that a word stands for, none when there is a problem.
func (p *parser) expand(s *Set, w word) [][]Value {
	if p.elements >= maxElements {
		p.problem(w.col, "", "all lines together stand for more than %d elements", maxElements)
		return nil
	}
	all, err := s.expand(w.text)
	if err != nil {
		p.problem(w.col, "", "%s", err)
		return nil
	}
	p.elements += len(all)
	return all
}

func (p *parser) del(ws []word, exist bool) {
	s := p.set(ws[0])
	if s == nil {
		return
	}
	if len(ws) < 2 {
		p.problem(ws[0].col, "", "which element?")
		return
	}
	all := p.expand(s, ws[1])
	gone := map[*Entry]bool{}
	for _, values := range all {
		key := s.element(values)
		e := s.index[key]
		if e == nil && !exist {
			p.problem(ws[1].col, "", "%s is not in the set", key)
			break
		}
		delete(s.index, key)
		gone[e] = true
	}
	s.Entries = slices.DeleteFunc(s.Entries, func(e *Entry) bool { return gone[e] })
}

func (p *parser) add(ws []word, exist bool) {
	s := p.set(ws[0])
	if s == nil {
		return
	}
	if len(ws) < 2 {
		p.problem(ws[0].col, "", "which element?")
		return
	}
	all := p.expand(s, ws[1])
	e := Entry{Pos: p.pos(ws[1].col)}
	if s.Timeout != nil {
		e.Timeout = *s.Timeout
	}
	var at neighbour
	if !p.entryOptions(s, &e, &at, all, ws[2:]) {
		return
	}
	for _, values := range all {
		one := e
		one.Values = values
		if !p.put(s, &one, at, exist) {
			return
		}
	}
}

// put adds one element, or reports why it cannot.
func (p *parser) put(s *Set, e *Entry, at neighbour, exist bool) bool {
	key := s.element(e.Values)
	if old := s.index[key]; old != nil {
		if !exist {
			p.problem(int(e.Pos.Col), "", "%s is in the set already", key)
			return false
		}
		*old = *e
		return true
	}
	if full := s.capacity(); len(s.Entries) >= full {
		p.problem(int(e.Pos.Col), "", "set %s is full: it takes %d elements", s.Name, full)
		return false
	}
	s.index[key] = e
	i := len(s.Entries)
	if at.name != "" {
		i = slices.IndexFunc(s.Entries, func(o *Entry) bool { return o.Values[0].Name == at.name })
		if at.behind {
			i++
		}
	}
	s.Entries = slices.Insert(s.Entries, i, e)
	return true
}

// capacity is how many elements the set takes.
func (s *Set) capacity() int {
	switch {
	case s.Type.hash():
		return int(s.MaxElem)
	case s.Type.bitmap():
		return 1 << 16 // IPSET_BITMAP_MAX_RANGE
	}
	return int(max(s.Size, 1<<16)) // list:set's size is but the one that it starts with
}
