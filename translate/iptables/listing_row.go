package iptables

import (
	"net/netip"
	"slices"
	"strings"
)

// row is a rule's line. The words before its matches are those of its columns; "" is a blank one.
type row struct {
	pos      Pos
	counters *Counters
	target   cell
	proto    cell
	opt      cell
	in, out  cell
	src, dst cell
	rest     []cell // what the matches and the target print
}

// cell is a word and its column.
type cell struct {
	text string
	col  int
}

// row reads a rule's line.
func (p *listingParser) row(line string) {
	cells := p.cells(line)
	r := row{pos: p.pos(1)}
	take := func(n int) []cell {
		if len(cells) < n {
			cells = slices.Concat(cells, make([]cell, n-len(cells)))
		}
		taken := cells[:n]
		cells = cells[n:]
		return taken
	}
	if p.columns.numbers {
		take(1)
	}
	counters := take(2)
	var ok bool
	if r.counters, ok = listedCounters(counters[0].text, counters[1].text); !ok {
		p.problem(1, "", "the line does not begin with packets and bytes", "")
		return
	}
	// A rule without a target has a blank column there, and ip6tables before 1.8.8 has one in place of opt.
	afterBytes := counters[1].col + len(counters[1].text) + 1
	switch {
	case len(cells) > 2 && isOpt(cells[2].text) && isProto(cells[1].text):
		r.target, r.proto, r.opt = cells[0], cells[1], cells[2]
		take(3)
	case len(cells) > 1 && isOpt(cells[1].text) && isProto(cells[0].text):
		r.proto, r.opt = cells[0], cells[1]
		take(2)
	case len(cells) > 1 && cells[0].col == afterBytes && isProto(cells[1].text):
		r.target, r.proto = cells[0], cells[1]
		take(2)
	case len(cells) > 0 && isProto(cells[0].text):
		r.proto = cells[0]
		take(1)
	default:
		p.problem(1, "", "the line's columns are not those of a rule: TARGET PROT OPT IN OUT SOURCE DESTINATION", "")
		return
	}
	ends := take(4)
	r.in, r.out, r.src, r.dst = ends[0], ends[1], ends[2], ends[3]
	if r.dst.text == "" {
		p.problem(1, "", "the line ends before the column of destinations", "")
		return
	}
	r.rest = cells
	p.chain.rows = append(p.chain.rows, r)
}

// cells parts a line into words. Inside of /* */ and quotes each blank ends a word, so that the text between can be had back.
func (p *listingParser) cells(line string) []cell {
	var cells []cell
	inside := ""
	for i := 0; i < len(line); {
		if isBlank(line[i]) {
			i++
			if inside == "" || i < len(line) && !isBlank(line[i]) {
				continue
			}
			cells = append(cells, cell{"", p.indent + i + 1})
			continue
		}
		end := i
		for end < len(line) && !isBlank(line[end]) {
			end++
		}
		w := line[i:end]
		cells = append(cells, cell{w, p.indent + i + 1})
		switch {
		case inside == "" && w == "/*":
			inside = "*/"
		case inside == "" && w[0] == '"' && (len(w) == 1 || w[len(w)-1] != '"'):
			inside = `"`
		case inside != "" && strings.HasSuffix(w, inside) && !strings.HasSuffix(w, `\"`):
			inside = ""
		}
		i = end
	}
	return cells
}

func isOpt(w string) bool { return w == "--" || w == "-f" || w == "!f" }

func isProto(w string) bool {
	_, err := ParseProtocol(strings.TrimPrefix(w, "!"))
	return err == nil
}

// words are the row's rule as command-line words with their columns. It reports what it does not understand, and is false then.
func (p *listingParser) words(r row) (words []string, cols []int, ok bool) {
	add := func(c cell, w ...string) {
		for range w {
			cols = append(cols, c.col)
		}
		words = append(words, w...)
	}
	option := func(name string, c cell, none ...string) {
		v, not := strings.CutPrefix(c.text, "!")
		switch {
		case not:
			add(c, "!", name, v)
		case !slices.Contains(none, v):
			add(c, name, v)
		}
	}
	option("-s", p.host(r.src), "")
	option("-d", p.host(r.dst), "")
	option("-i", r.in, "any", "*")
	option("-o", r.out, "any", "*")
	option("-p", r.proto, "all", "0")
	switch r.opt.text {
	case "-f":
		add(r.opt, "-f")
	case "!f":
		add(r.opt, "!", "-f")
	}
	rest := r.rest
	jump := "-j"
	if len(rest) > 0 && rest[0].text == "[goto]" {
		jump, rest = "-g", rest[1:]
	}
	fail := func(c cell, ext, msg string) ([]string, []int, bool) {
		pos := r.pos
		pos.Col = int32(c.col)
		p.at(pos, ext, msg, "take the output of iptables-save")
		return nil, nil, false
	}
	commented := false
	for len(rest) > 0 {
		e, args, taken := p.listedMatch(rest)
		if taken == 0 {
			break
		}
		if missing := e.unlisted(args); missing != "" {
			return fail(rest[0], e.Name, "a listing does not show "+missing)
		}
		if rest[0].text == "/*" {
			if commented {
				return fail(rest[0], e.Name, "two comments look like one with the signs of a comment in it")
			}
			commented = true
		}
		add(rest[0], "-m", e.Name)
		add(rest[0], args...)
		rest = rest[taken:]
	}
	if r.target.text != "" {
		target, args, taken := p.listedTarget(r.target.text, rest)
		if taken > 0 {
			if missing := target.unlisted(args); missing != "" {
				return fail(rest[0], target.Name, "a listing does not show "+missing)
			}
			add(r.target, jump, target.Name)
			add(rest[0], args...)
			rest = rest[taken:]
		} else {
			add(r.target, jump, r.target.text)
		}
	}
	if len(rest) > 0 && !strings.HasPrefix(rest[0].text, "#") {
		return fail(rest[0], r.target.text, "the listing of a match or target is not understood: "+strings.Join(texts(rest), " "))
	}
	return words, cols, true
}

func (e *Extension) unlisted(args []string) string {
	if e.Unlisted == nil {
		return ""
	}
	return e.Unlisted(args)
}

// host is an address column as -s and -d take it; "" for any address.
func (p *listingParser) host(c cell) cell {
	v, not := strings.CutPrefix(c.text, "!")
	if v == "anywhere" {
		v = ""
		if not {
			v = netip.PrefixFrom(unspecified(p.opt.Family), 0).String()
		}
	}
	if not {
		v = "!" + v
	}
	return cell{v, c.col}
}

// listedMatch finds the match that printed the first cells: the one that takes most of them.
func (p *listingParser) listedMatch(cells []cell) (match *Extension, args []string, taken int) {
	words := texts(cells)
	for _, e := range p.matches {
		if e.Listing == nil {
			continue
		}
		if a, n := e.Listing(words); n > taken {
			match, args, taken = e, a, n
		}
	}
	return match, args, taken
}

// listedTarget reads what a target printed. It may be another than the column says, and then names itself: NOTRACK is a kind of CT.
func (p *listingParser) listedTarget(column string, cells []cell) (target *Extension, args []string, taken int) {
	if len(cells) == 0 {
		return nil, nil, 0
	}
	for _, name := range []string{column, cells[0].text} {
		if e := p.vocab.TargetExtension(name, p.opt.Family); e != nil && e.Listing != nil {
			if args, taken := e.Listing(texts(cells)); taken > 0 {
				return e, args, taken
			}
		}
	}
	return nil, nil, 0
}

func texts(cells []cell) []string {
	words := make([]string, len(cells))
	for i, c := range cells {
		words[i] = c.text
	}
	return words
}
