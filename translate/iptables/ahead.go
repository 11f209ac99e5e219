package iptables

import (
	"runtime"
	"strings"
	"sync"
)

// Nearly all lines of a long dump are rules that are appended, and what such a line says depends on no other but the one that names
// the table. So they are read by all processors, a piece of the text each, while one goes through the lines in their order and does
// what they say. A line with a problem is left to that one.

// pieceSize is how much text is read at a time by one processor, in bytes.
const pieceSize = 64 << 10

// piece is a part of a text, of whole lines, and what was read of it ahead.
type piece struct {
	text   string
	line   int    // how many lines are before it
	table  string // that its first lines seem to be in
	read   []commandLine
	isRead sync.WaitGroup
}

// pieces parts a text.
func pieces(text string) []*piece {
	var all []*piece
	line, table := 0, ""
	for text != "" {
		end := len(text)
		if end > pieceSize {
			if at := strings.IndexByte(text[pieceSize:], '\n'); at >= 0 {
				end = pieceSize + at + 1
			}
		}
		p := &piece{text: text[:end], line: line, table: table}
		p.isRead.Add(1)
		all = append(all, p)
		line += strings.Count(p.text, "\n")
		table = lastTable(p.text, table)
		text = text[end:]
	}
	return all
}

// lastTable is the table that a text ends in.
func lastTable(text, before string) string {
	for rest := text; ; {
		at := strings.IndexByte(rest, '*')
		if at < 0 {
			return before
		}
		line, next, _ := strings.Cut(rest[at:], "\n")
		if start := strings.LastIndexByte(text[:len(text)-len(rest)+at], '\n') + 1; strings.Trim(text[start:len(text)-len(rest)+at], " \t") == "" {
			before = tableOf(line)
		}
		rest = next
	}
}

// tableOf is the table that a line names.
func tableOf(line string) string { return strings.TrimSpace(line[1:]) }

// ahead has a text read in pieces, which come in their order. What was read of a piece goes back to used when it is done, for a further
// piece; to close used ends the reading.
func (p *parser) ahead(text string) (all []*piece, used chan []commandLine) {
	all = pieces(text)
	used = make(chan []commandLine, max(len(all), 2*runtime.GOMAXPROCS(0)))
	if len(all) == 1 || runtime.GOMAXPROCS(0) == 1 {
		for _, piece := range all {
			piece.isRead.Done()
		}
		return all, used
	}
	for range 2 * runtime.GOMAXPROCS(0) {
		used <- nil
	}
	next := make(chan *piece, len(all))
	for _, piece := range all {
		next <- piece
	}
	close(next)
	for range runtime.GOMAXPROCS(0) {
		reader := &parser{source: newSource(p.file), family: p.family, vocab: p.vocab}
		go func() {
			for room := range used {
				piece, more := <-next
				if !more {
					return
				}
				piece.read = room
				reader.readPiece(piece)
				piece.isRead.Done()
			}
		}()
	}
	return all, used
}

// readPiece reads the rules that a piece appends: a command for each line that source.lines gives, zero for those that are no such
// rule or have a problem.
func (p *parser) readPiece(piece *piece) {
	p.number = piece.line
	table := piece.table
	if n := strings.Count(piece.text, "\n") + 1; cap(piece.read) < n {
		piece.read = make([]commandLine, 0, n+n/4)
	}
	p.lines(piece.text, func(line string) {
		var read commandLine
		switch {
		case line[0] == '*':
			table = tableOf(line)
		case line[0] == '-' || line[0] == '[':
			if c, ok := p.read(line); ok && c.letter == 'A' && c.chain != "" {
				rules, problems := p.rule.parse(c.args, c.cols, p.pos(1), place{table, c.chain, p.family, p.vocab})
				if len(problems) == 0 {
					c.args, c.cols, c.rules, c.table = nil, nil, rules, table
					read = c
				}
			}
			p.problems = nil
		}
		piece.read = append(piece.read, read)
	})
	p.problems = nil
}
