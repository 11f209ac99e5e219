package iptables

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unique"
)

// Pos is a place in a source: see [At] and [AtKey]. Line and Col count from 1, Col in bytes; 0 is unknown. It is small, since a rule
// has many.
type Pos struct {
	of        unique.Handle[origin]
	Line, Col int32
}

// origin is what a place is in: a file, or a configuration key in place of a line for rules that were made from one.
type origin struct{ file, key string }

// At is a place in a file.
func At(file string, line, col int) Pos {
	return Pos{of: unique.Make(origin{file: file}), Line: int32(line), Col: int32(col)}
}

// AtKey is the place of what a configuration key said.
func AtKey(key string) Pos { return Pos{of: unique.Make(origin{key: key})} }

func (p Pos) origin() origin {
	if p.of == (unique.Handle[origin]{}) {
		return origin{}
	}
	return p.of.Value()
}

// File is the name of the file, or "".
func (p Pos) File() string { return p.origin().file }

// Key is the configuration key, or "".
func (p Pos) Key() string { return p.origin().key }

// String prints FILE:LINE:COL, leaving out what is unknown.
func (p Pos) String() string {
	var b strings.Builder
	b.WriteString(p.File())
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Col > 0 {
			fmt.Fprintf(&b, ":%d", p.Col)
		}
	}
	b.WriteString(p.Key())
	return b.String()
}

// Problem is something wrong with a source, at a place. Ext is the match, target or option that it is about; Hint says what to
// do, if there is something.
type Problem struct {
	Pos  Pos
	Ext  string
	Msg  string
	Hint string
	// Value says that it is only one value of a match that cannot be read: see [Unread].
	Value bool
}

// Error prints "FILE:LINE:COL: extension: what is wrong; what to do".
func (p *Problem) Error() string {
	var b strings.Builder
	if s := p.Pos.String(); s != "" {
		b.WriteString(s + ": ")
	}
	if p.Ext != "" {
		b.WriteString(p.Ext + ": ")
	}
	b.WriteString(p.Msg)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Problems are all the problems of a source, as one error.
type Problems []*Problem

// Error prints a line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is ps as an error, or nil when there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// OfValues says whether each problem is only a value that cannot be read. A rule that has no others is there in full but for these.
func (ps Problems) OfValues() bool {
	return !slices.ContainsFunc(ps, func(p *Problem) bool { return !p.Value })
}

// Sort puts problems into the order of the source, whose files are in the order in which they first occur.
func (ps Problems) Sort() {
	files := map[string]int{}
	for _, p := range ps {
		if _, ok := files[p.Pos.File()]; !ok {
			files[p.Pos.File()] = len(files)
		}
	}
	slices.SortStableFunc(ps, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(files[a.Pos.File()], files[b.Pos.File()]), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
}

// Beside returns the problems that are not one rule's of the rule set: leaving rules out does not mend them.
func (ps Problems) Beside(rs *Ruleset) Problems {
	ofRule := map[*Problem]bool{}
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				for _, p := range r.Problems {
					ofRule[p] = true
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(ps), func(p *Problem) bool { return ofRule[p] })
}
