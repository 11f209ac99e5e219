package iptables

import (
	"fmt"
	"io"
	"strings"
	"unique"
)

// Bounds of what is read, so that no input takes all memory.
const (
	// maxSource is far more than a kernel takes: 100,000 rules have about 10 MB.
	maxSource = 1 << 28
	// maxLine is the longest line that iptables-restore reads in one piece (its buffer has 10240 bytes).
	maxLine = 10239
	// maxProblems is how many problems are collected, and maxOfRules how many of rules, which can be left out.
	maxProblems = 1000
	maxOfRules  = 1 << 16
)

func readAll(r io.Reader, file string) (string, error) {
	var b strings.Builder
	n, err := io.Copy(&b, io.LimitReader(r, maxSource+1))
	if err != nil {
		return "", err
	}
	if n > maxSource {
		return "", tooLarge(file)
	}
	return b.String(), nil
}

func tooLarge(file string) Problems {
	return Problems{{Pos: At(file, 0, 0), Msg: fmt.Sprintf("is larger than %d bytes", maxSource)}}
}

// source goes through the lines of a text and collects problems.
type source struct {
	file     string
	origin   unique.Handle[origin] // of the file
	number   int                   // of the line, from 1
	indent   int                   // bytes of blanks before the line
	problems Problems
	ofRules  Problems // those of rules
	full     bool     // no more can be read
}

func newSource(file string) source {
	return source{file: file, origin: unique.Make(origin{file: file})}
}

// lines calls f with each line that is neither empty nor a comment, without the blanks around it. It stops and is false when there
// are too many problems.
func (s *source) lines(text string, f func(line string)) bool {
	for text != "" {
		var raw string
		raw, text, _ = strings.Cut(text, "\n")
		s.number++
		line := raw
		for line != "" && isBlank(line[0]) {
			line = line[1:]
		}
		s.indent = len(raw) - len(line)
		for line != "" && (isBlank(line[len(line)-1]) || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		switch {
		case line == "" || line[0] == '#':
			continue
		case len(line) > maxLine:
			s.problem(1, "", fmt.Sprintf("the line is longer than %d bytes, which is all that iptables-restore reads", maxLine), "")
		case strings.IndexByte(line, 0) >= 0:
			s.problem(1, "", "the line has a NUL byte", "is this a text file?")
		default:
			f(line)
		}
		if s.full {
			return false
		}
		if n := len(s.problems) + len(s.ofRules); len(s.problems) >= maxProblems || len(s.ofRules) >= maxOfRules {
			s.problem(1, "", fmt.Sprintf("that makes %d problems, the rest is not read", n), "")
			return false
		}
	}
	return true
}

// pos is a place in the current line; col counts from 1 behind the indentation.
func (s *source) pos(col int) Pos {
	return Pos{of: s.origin, Line: int32(s.number), Col: int32(s.indent + col)}
}

func (s *source) problem(col int, ext, msg, hint string) {
	s.problems = append(s.problems, &Problem{Pos: s.pos(col), Ext: ext, Msg: msg, Hint: hint})
}
