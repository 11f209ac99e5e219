package ipset

import (
	"slices"
	"strings"

	"rechain/translate/iptables"
)

// command is a command of ipset restore.
type command struct {
	least, most int // how many words it takes; most may be 0 for any number
	do          func(p *parser, ws []word, exist bool)
}

// commands are ipset's commands that change sets, by all their names.
var commands = aliased(map[string]command{
	"create n -N --create":   {1, 0, (*parser).create},
	"add a -A --add":         {1, 0, (*parser).add},
	"del d -D --del":         {1, 0, (*parser).del},
	"flush f -F --flush":     {0, 1, (*parser).flush},
	"destroy x -X --destroy": {0, 1, (*parser).destroy},
	"rename e -E --rename":   {2, 2, (*parser).rename},
	"swap w -W --swap":       {2, 2, (*parser).swap},
})

func aliased[T any](m map[string]T) map[string]T {
	out := map[string]T{}
	for names, v := range m {
		for name := range strings.FieldsSeq(names) {
			out[name] = v
		}
	}
	return out
}

// flush empties a set, or all.
func (p *parser) flush(ws []word, _ bool) {
	for _, s := range p.named(ws) {
		s.Entries, s.index = nil, map[string]*Entry{}
	}
}

// destroy removes a set, or all. A set that is in a list stays.
func (p *parser) destroy(ws []word, _ bool) {
	gone := p.named(ws)
	for _, s := range gone {
		if list := p.sets.listing(s.Name); list != nil {
			at := 1
			if len(ws) > 0 {
				at = ws[0].col
			}
			p.problem(at, "empty the list first", "set %s is in the list %s", s.Name, list.Name)
			return
		}
	}
	p.sets = slices.DeleteFunc(p.sets, func(s *Set) bool { return slices.Contains(gone, s) })
}

// rename gives a set another name.
func (p *parser) rename(ws []word, _ bool) {
	s := p.set(ws[0])
	if s == nil {
		return
	}
	name := ws[1].text
	switch list := p.sets.listing(s.Name); {
	case p.sets.Get(name) != nil:
		p.problem(ws[1].col, "", "there is a set %s already", iptables.Quote(name))
	case list != nil:
		p.problem(ws[0].col, "", "set %s is in the list %s", s.Name, list.Name)
	default:
		if err := checkName(name); err != nil {
			p.problem(ws[1].col, "", "%s", err)
			return
		}
		s.Name = name
	}
}

// swap exchanges two sets: each is known by the other's name then, in lists too.
func (p *parser) swap(ws []word, _ bool) {
	a, b := p.set(ws[0]), p.set(ws[1])
	switch {
	case a == nil || b == nil:
	case a.Type.features() != b.Type.features() || a.Family != b.Family:
		p.problem(ws[0].col, "", "sets of types %s and %s, or of two families, cannot be swapped", a.Type.Name, b.Type.Name)
	default:
		a.Name, b.Name = b.Name, a.Name
		i, j := slices.Index(p.sets, a), slices.Index(p.sets, b)
		p.sets[i], p.sets[j] = b, a
	}
}

// features are what must be the same of two types of sets that are swapped (ip_set_swap, and the features of each struct
// ip_set_type): what their dimensions are, and whether there are elements with nomatch.
func (t *Type) features() (f [4]string) {
	names := map[Dim]string{IP: "ip", Net: "ip", Port: "port", MAC: "mac", Iface: "iface", Mark: "mark", SetName: "name"}
	for i, d := range t.Dims {
		f[i] = names[d]
	}
	if slices.Contains(t.Dims, Net) {
		f[3] = "nomatch"
	}
	return f
}

// named are the set that a command names, or all sets where it names none.
func (p *parser) named(ws []word) []*Set {
	if len(ws) == 0 {
		return slices.Clone(p.sets)
	}
	if s := p.set(ws[0]); s != nil {
		return []*Set{s}
	}
	return nil
}

// listing is a list that a set is in, nil for none.
func (s Sets) listing(name string) *Set {
	for _, l := range s {
		if l.Type.Dims[0] == SetName && slices.ContainsFunc(l.Entries, func(e *Entry) bool { return e.Values[0].Name == name }) {
			return l
		}
	}
	return nil
}
