package iptables

import (
	"slices"
	"strings"
)

// ParseRule reads the words of a rule that follow "-A CHAIN". All problems and parts are at pos. An address list, which stands for
// several rules, is a problem: see [ParseRules]. The rule is nil when there are problems.
func ParseRule(words []string, pos Pos, table, chain string, family Family, vocab Vocabulary) (*Rule, Problems) {
	rules, problems := ParseRules(words, pos, table, chain, family, vocab)
	if len(problems) > 0 {
		return nil, problems
	}
	if len(rules) > 1 {
		return nil, Problems{{Pos: pos, Msg: "lists of addresses make several rules where one is wanted"}}
	}
	return rules[0], nil
}

// ParseRules is [ParseRule] for words that may have lists of addresses after -s and -d: each source with each destination makes
// a rule, in that order, as iptables does it. The rules share their matches and target.
func ParseRules(words []string, pos Pos, table, chain string, family Family, vocab Vocabulary) ([]*Rule, Problems) {
	rules, problems := new(ruleParser).parse(words, nil, pos, place{table, chain, family, vocab})
	if len(problems) > 0 {
		return nil, problems
	}
	return rules, nil
}

// place is where a rule stands.
type place struct {
	table, chain string
	family       Family
	vocab        Vocabulary
}

// maxOfRule is how many problems of one rule are collected: a few say that this is none.
const maxOfRule = 20

// parse reads a rule's words. cols are their columns in pos.Line; nil: all are at pos. It may be called again and again. When there
// are problems, there is one rule, which keeps the place and has them.
func (p *ruleParser) parse(words []string, cols []int, pos Pos, at place) ([]*Rule, Problems) {
	*p = ruleParser{words: words, cols: cols, pos: pos, place: at, rooms: p.rooms}
	p.rule = p.rules.put(Rule{Pos: pos})
	p.scopes = p.few[:0]
	for p.next < len(p.words) && len(p.problems) < maxOfRule {
		p.word()
	}
	p.finish()
	if len(p.problems) > 0 {
		p.rule.Problems = p.problems
		p.rule.Src, p.rule.Dst = first(p.src), first(p.dst)
		return p.only(), p.problems
	}
	return p.expand(), nil
}

// ruleParser reads one rule, as do_parse in iptables' xshared.c.
type ruleParser struct {
	place
	rooms
	words []string
	cols  []int
	next  int // the word to read next
	pos   Pos

	rule     *Rule
	src, dst []*AddrMatch
	oneSrc   [1]*AddrMatch // room for src
	oneDst   [1]*AddrMatch
	given    [128]bool // base options that were given, by their letter
	few      [4]scope  // room for scopes
	values   [4]string // room for an option's
	scopes   []scope   // the extensions whose options may be given, in the order of loading
	neg      bool      // a "!" was read
	negAt    Pos
	implicit bool // the protocol's match was tried
	lost     bool // an extension is not known, so that its options cannot be either
	problems Problems
}

// scope is an extension in use.
type scope struct {
	ext     *Extension
	options *[]Option
	pos     Pos
}

func (p *ruleParser) problem(at Pos, ext, msg, hint string) {
	p.problems = append(p.problems, &Problem{Pos: at, Ext: ext, Msg: msg, Hint: hint})
}

// posOf is the place of word n; behind the last word, that of the rule.
func (p *ruleParser) posOf(n int) Pos {
	pos := p.pos
	if n < len(p.cols) {
		pos.Col = int32(p.cols[n])
	}
	return pos
}

func (p *ruleParser) takeNeg() bool {
	neg := p.neg
	p.neg = false
	return neg
}

// word reads an option with its values, or a "!".
func (p *ruleParser) word() {
	w, at := p.words[p.next], p.posOf(p.next)
	p.next++
	switch {
	case w == "!":
		if p.neg {
			p.problem(at, "", "two \"!\" one after the other", "")
		}
		p.neg, p.negAt = true, at
		return
	case len(w) > 2 && w[0] == '-' && w[1] == '-':
		p.long(w, at)
	case len(w) > 1 && w[0] == '-' && w[1] != '-':
		p.short(w, at)
	default:
		p.problem(at, "", Quote(w)+" stands where an option is expected", "")
	}
	if p.takeNeg() {
		p.problem(p.negAt, "", "\"!\" cannot stand before "+w, "")
	}
}

// short reads "-x", "-xVALUE" or flags in one word.
func (p *ruleParser) short(w string, at Pos) {
	for rest := w[1:]; rest != ""; {
		i := slices.IndexFunc(baseOptions, func(o *baseOption) bool { return o.name[1] == rest[0] })
		if i < 0 {
			p.unknown("-"+rest[:1], at)
			return
		}
		o := baseOptions[i]
		rest = rest[1:]
		if o.args == 0 {
			p.base(o, nil, at)
			continue
		}
		if rest == "" {
			p.base(o, nil, at)
		} else {
			p.base(o, &rest, at)
		}
		return
	}
}

// long reads "--option" or "--option=value"; the name may be cut short as long as it stays unique.
func (p *ruleParser) long(w string, at Pos) {
	name, inline := w, (*string)(nil)
	if n, v, ok := strings.Cut(w, "="); ok {
		name, inline = n, &v
	}
	if name == "--" {
		p.unknown(name, at)
		return
	}
	base, sc, spec, choice := p.find(name)
	if base == nil && spec == nil && choice == nil && p.loadProtocol() {
		base, sc, spec, choice = p.find(name)
	}
	switch {
	case choice != nil:
		p.problem(at, name, "is short for several options: "+strings.Join(choice, ", "), "write it in full")
		p.skipValues()
	case base != nil:
		p.base(base, inline, at)
	case spec != nil:
		p.option(sc, spec, inline, at)
	default:
		p.unknown(name, at)
	}
}

// base applies one of iptables' own options.
func (p *ruleParser) base(o *baseOption, inline *string, at Pos) {
	letter := o.name[1]
	if p.given[letter] && !strings.ContainsRune("mjgv", rune(letter)) {
		p.problem(at, o.name, "is given twice", "")
	}
	p.given[letter] = true
	if o.args == 0 {
		if inline != nil {
			p.problem(at, o.name, "takes no value", "")
		}
		o.apply(p, "", at)
		return
	}
	if o.neg {
		p.innerNeg(inline)
	}
	v, at, ok := p.value(o.name, inline, at)
	if !ok {
		return
	}
	o.apply(p, v, at)
}

// innerNeg takes a "!" that stands between an option and its value, as iptables before 1.4.3 wrote it. Where no value follows it is
// the value.
func (p *ruleParser) innerNeg(inline *string) {
	if inline != nil || p.next+1 >= len(p.words) || p.words[p.next] != "!" {
		return
	}
	if v := p.words[p.next+1]; v != "!" && !strings.HasPrefix(v, "-") {
		p.neg, p.negAt = true, p.posOf(p.next)
		p.next++
	}
}

// value is an option's value: the inline one, or the next word.
func (p *ruleParser) value(option string, inline *string, at Pos) (string, Pos, bool) {
	switch {
	case inline != nil:
		return *inline, at, true
	case p.next < len(p.words):
		p.next++
		return p.words[p.next-1], p.posOf(p.next - 1), true
	}
	p.problem(at, option, "needs a value", "")
	p.takeNeg()
	return "", at, false
}

// valueMissing says whether the next word cannot be the value of an option.
func (p *ruleParser) valueMissing() bool {
	return p.next == len(p.words) || strings.HasPrefix(p.words[p.next], "-") || strings.HasPrefix(p.words[p.next], "!")
}

// option applies an option of an extension.
func (p *ruleParser) option(sc *scope, spec *OptionSpec, inline *string, at Pos) {
	p.innerNegOf(spec, inline)
	o := Option{Spec: spec, Neg: p.takeNeg(), Pos: at}
	if o.Neg && !spec.Neg {
		p.problem(p.negAt, sc.ext.Name, "\"!\" cannot stand before "+spec.Name, "")
	}
	n := spec.Kind.Args()
	if k, ok := spec.Kind.(Optional); ok && inline == nil && p.valueMissing() {
		o.Value, n = k.Missing(), 0
	}
	if n == 0 && inline != nil {
		p.problem(at, sc.ext.Name, spec.Name+" takes no value", "")
	}
	if n > 0 {
		values := p.values[:0]
		valueAt := at
		for i := range n {
			v, vAt, ok := "", at, false
			if i == 0 {
				v, vAt, ok = p.value(spec.Name, inline, at)
				valueAt = vAt
			} else if v, _, ok = p.value(spec.Name, nil, at); !ok {
				return
			}
			if !ok {
				return
			}
			values = append(values, v)
		}
		v, err := spec.Kind.Parse(values, p.family)
		if err != nil {
			p.problem(valueAt, sc.ext.Name, spec.Name+": "+err.Error(), "")
			p.problems[len(p.problems)-1].Value = !sc.ext.Target
			v = Unread(slices.Clone(values))
		}
		o.Value = v
	}
	if !spec.Repeat && slices.ContainsFunc(*sc.options, func(other Option) bool { return other.Spec == spec }) {
		p.problem(at, sc.ext.Name, spec.Name+" is given twice", "")
		return
	}
	if *sc.options == nil { // nearly all have one
		*sc.options = p.options.take(1)[:0]
	}
	*sc.options = append(*sc.options, o)
}

func (p *ruleParser) innerNegOf(spec *OptionSpec, inline *string) {
	if spec.Neg && spec.Kind.Args() > 0 {
		p.innerNeg(inline)
	}
}
