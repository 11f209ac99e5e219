package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rechain/translate/ext"
	"rechain/translate/ipset"
	"rechain/translate/iptables"
)

// read adds the file that a word names to what was read before.
func (s *source) read(word string, opt sourceOptions) error {
	family := opt.families.family()
	for prefix, f := range map[string]iptables.Family{"ip:": iptables.IPv4, "ip6:": iptables.IPv6} {
		if file, ok := strings.CutPrefix(word, prefix); ok {
			word, family = file, f
		}
	}
	name, text, err := readFile(word)
	if err != nil {
		return err
	}
	for _, note := range lacks(name, text) {
		fmt.Fprintln(opt.talk, note)
	}
	if err := alien(text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if isJSON(text) {
		return s.readJSON(name, text)
	}
	if ipset.Detect(text) {
		return s.readSets(name, text)
	}
	switch form, shown := iptables.Detect(text); form {
	case iptables.Save:
		return s.readDump(name, text, family, shown, opt)
	case iptables.Listing:
		return s.readListing(name, text, family, opt)
	}
	return fmt.Errorf("%s: is neither an iptables-save dump, nor an iptables -L -v listing, nor an ipset dump", name)
}

func (s *source) readDump(name, text string, family, shown iptables.Family, opt sourceOptions) error {
	parts := sections(text)
	if parts == nil && family == 0 && marksLines(text) {
		parts = map[iptables.Family]string{iptables.IPv4: text, iptables.IPv6: text}
	}
	switch {
	case parts != nil && family == 0:
		return errors.Join(s.parse(name, parts[iptables.IPv4], iptables.IPv4, opt), s.parse(name, parts[iptables.IPv6], iptables.IPv6, opt))
	case parts != nil:
		text = parts[family]
	case family == 0 && shown == 0:
		fmt.Fprintf(opt.talk, "%s: fits IPv4 and IPv6, and is taken for IPv4 (-6 or ip6:%s says otherwise)\n", name, name)
		family = iptables.IPv4
	case family == 0:
		family = shown
	}
	return s.parse(name, text, family, opt)
}

// parse adds what can be read of a dump, and notes what cannot.
func (s *source) parse(name, text string, f iptables.Family, opt sourceOptions) error {
	parse := iptables.ParseText
	if opt.adds {
		parse = iptables.ParseNoflush
	}
	rs, err := parse(text, name, f, ext.Vocabulary)
	var problems iptables.Problems
	if errors.As(err, &problems) && rs != nil {
		s.unread = append(s.unread, problems...)
		s.beside = append(s.beside, problems.Beside(rs)...)
	} else if err != nil {
		return err
	}
	return s.add(rs)
}

// readSets adds the sets of an ipset dump. A name stands for one set, whatever the file.
func (s *source) readSets(name, text string) error {
	sets, err := ipset.Parse(strings.NewReader(text), name)
	var problems iptables.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	for _, set := range sets {
		if i := slices.IndexFunc(s.sets, func(o *ipset.Set) bool { return o.Name == set.Name }); i >= 0 {
			problems = append(problems, &iptables.Problem{Pos: set.Pos, Ext: set.Name,
				Msg: fmt.Sprintf("stands in %s already", s.sets[i].Pos.File())})
		}
	}
	s.sets = append(s.sets, sets...)
	return problems.Err()
}

func (s *source) readListing(name, text string, family iptables.Family, opt sourceOptions) error {
	rs, err := iptables.ParseListing(strings.NewReader(text), name, iptables.ListingOptions{Family: family, Table: opt.table}, ext.Vocabulary)
	if err != nil {
		return err
	}
	if opt.table == "" {
		fmt.Fprintf(opt.talk, "%s: a listing does not name its table; its chains are those of table %s (--table says otherwise)\n",
			name, rs.Tables[0].Name)
	}
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			c.Declared = c.Declared || c.Policy == "" // a listing shows all its chains
		}
	}
	return s.add(rs)
}

// add puts a rule set beside what was read before of its family.
func (s *source) add(rs *iptables.Ruleset) error {
	into := &s.v4
	if rs.Family == iptables.IPv6 {
		into = &s.v6
	}
	if *into == nil {
		*into = rs
		return nil
	}
	var problems iptables.Problems
	for _, t := range rs.Tables {
		if first := (*into).Table(t.Name); first != nil {
			problems = append(problems, &iptables.Problem{Pos: t.Pos,
				Msg:  fmt.Sprintf("table %s of IPv%d stands in %s already", t.Name, rs.Family, first.Pos.File()),
				Hint: "name each table once; ip:FILE and ip6:FILE say which family a file is of"})
		}
	}
	(*into).Tables = append((*into).Tables, rs.Tables...)
	return problems.Err()
}

// sections takes apart what iptables-save and ip6tables-save wrote into one file: before each table they say who they are. A
// section has the lines of the others empty, so that lines keep their numbers. nil: the file does not show both families.
func sections(text string) map[iptables.Family]string {
	if n := strings.Count(text, generated+"ip6tables-"); n == 0 || n == strings.Count(text, generated) {
		return nil // as nearly all are, which need no copy
	}
	seen := map[iptables.Family]bool{}
	var v4, v6 strings.Builder
	var current iptables.Family
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, generated); ok {
			current = iptables.IPv4
			if strings.HasPrefix(rest, "ip6tables-") {
				current = iptables.IPv6
			}
			seen[current] = true
		}
		for f, part := range map[iptables.Family]*strings.Builder{iptables.IPv4: &v4, iptables.IPv6: &v6} {
			if f == current || current == 0 {
				part.WriteString(line)
			} else {
				part.WriteByte('\n')
			}
		}
	}
	if len(seen) < 2 {
		return nil
	}
	return map[iptables.Family]string{iptables.IPv4: v4.String(), iptables.IPv6: v6.String()}
}

// generated begins the line that iptables-save and its kin write before a table.
const generated = "# Generated by "

// quoted is a text in a dump's line, whatever stands in it.
var quoted = regexp.MustCompile(`"(\\.|[^"\\])*"`)

// marksLines says whether lines of a dump are for one family only, "-6 -A INPUT …" or "-A INPUT -6 …": then it is for both.
func marksLines(text string) bool {
	for line := range strings.Lines(text) {
		if line[0] == '#' || !strings.Contains(line, "-4") && !strings.Contains(line, "-6") && !strings.Contains(line, "--ipv") {
			continue
		}
		for word := range strings.FieldsSeq(quoted.ReplaceAllString(line, "")) {
			switch word {
			case "-4", "--ipv4", "-6", "--ipv6":
				return true
			}
		}
	}
	return false
}
