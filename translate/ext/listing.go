package ext

import (
	"strconv"
	"strings"
)

// What the print functions of iptables' extensions write into "iptables -L -v" is described by patterns, and read by [listed].

// listed reads a listing that begins with start, after which come some of the patterns in their order, each with the option that it
// stands for:
//
//	listed("TTL match TTL", "== *", "--ttl-eq", "!= *", "! --ttl-eq", "< *", "--ttl-lt", "> *", "--ttl-gt")
//
// Words of a pattern stand for themselves, but for these:
//
//   - any value, also behind other letters (spi:*), or any number of values in one word (*/*)
//     #     a value that begins with a digit
//     "*"   text in quotes, of any number of words, as it is
//     '*'   text as xtables_save_string prints it: in quotes with backslashes, or bare
//     !     a "!" that negates the option if it is there, as a word of its own or in a word (spi:!*)
//
// Values follow the option's name, or stand in it for $1, $2 and so on. Without a start, there is at least one of the patterns.
func listed(start string, patterns ...string) func([]string) ([]string, int) {
	head := strings.Fields(start)
	phrases := make([]phrase, len(patterns)/2)
	for i := range phrases {
		phrases[i] = phrase{strings.Fields(patterns[2*i]), strings.Fields(patterns[2*i+1])}
	}
	return func(words []string) (args []string, taken int) {
		if len(words) < len(head) {
			return nil, 0
		}
		for i, w := range head {
			if words[i] != w {
				return nil, 0
			}
		}
		taken = len(head)
		for _, p := range phrases {
			option, n := p.read(words[taken:])
			args, taken = append(args, option...), taken+n
		}
		return args, taken
	}
}

// phrase is a pattern and the option that it stands for.
type phrase struct{ pattern, option []string }

// read returns the option as command-line words, and how many words of the listing it took.
func (p *phrase) read(words []string) (args []string, taken int) {
	var values []string
	not := false
	for _, part := range p.pattern {
		if part == "!" {
			if taken < len(words) && words[taken] == "!" {
				not, taken = true, taken+1
			}
			continue
		}
		if taken == len(words) {
			return nil, 0
		}
		switch part {
		case `"*"`:
			text, n := rawText(words[taken:])
			if n == 0 {
				return nil, 0
			}
			values, taken = append(values, text), taken+n
		case `'*'`:
			text, n := savedText(words[taken:])
			if n == 0 {
				return nil, 0
			}
			values, taken = append(values, text), taken+n
		default:
			found, negated, ok := readWord(part, words[taken])
			if !ok {
				return nil, 0
			}
			values, not, taken = append(values, found...), not || negated, taken+1
		}
	}
	if not {
		args = append(args, "!")
	}
	return append(args, fillIn(p.option, values)...), taken
}

// readWord reads one word by a pattern.
func readWord(pattern, word string) (values []string, not, ok bool) {
	before, after, negatable := strings.Cut(pattern, "!")
	if negatable && len(pattern) > 1 && pattern != "!=" {
		rest, found := strings.CutPrefix(word, before)
		if !found {
			return nil, false, false
		}
		pattern = after
		word, not = strings.CutPrefix(rest, "!")
	}
	if pattern == "#" {
		return []string{word}, not, word != "" && word[0] >= '0' && word[0] <= '9'
	}
	parts := strings.Split(pattern, "*")
	word, ok = strings.CutPrefix(word, parts[0])
	for _, sep := range parts[1:] {
		if !ok {
			break
		}
		end := len(word)
		if sep != "" {
			end = strings.LastIndex(word, sep) // a colon stands inside of addresses too
		}
		if ok = end > 0; ok {
			values = append(values, word[:end])
			word = word[end+len(sep):]
		}
	}
	return values, not, ok && word == ""
}

// fillIn puts values into an option's words.
func fillIn(option, values []string) []string {
	out := make([]string, 0, len(option)+len(values))
	filled := false
	for _, w := range option {
		for i, v := range values {
			if place := "$" + strconv.Itoa(i+1); strings.Contains(w, place) {
				w, filled = strings.Replace(w, place, v, 1), true
			}
		}
		out = append(out, w)
	}
	if !filled {
		out = append(out, values...)
	}
	return out
}

// rawText reads text in quotes, in which nothing else is marked.
func rawText(words []string) (text string, taken int) {
	for i, w := range words {
		switch {
		case i == 0 && !strings.HasPrefix(w, `"`):
			return "", 0
		case strings.HasSuffix(w, `"`) && (i > 0 || len(w) > 1):
			text = strings.Join(words[:i+1], " ")
			return text[1 : len(text)-1], i + 1
		}
	}
	return "", 0
}

// savedText reads what xtables_save_string printed: a bare word, or text in quotes with a backslash before quotes and backslashes.
func savedText(words []string) (text string, taken int) {
	if !strings.HasPrefix(words[0], `"`) {
		return words[0], 1
	}
	var b strings.Builder
	for i, w := range words {
		if i == 0 {
			w = w[1:]
		} else {
			b.WriteByte(' ')
		}
		for k := 0; k < len(w); k++ {
			switch {
			case w[k] == '"':
				if k < len(w)-1 {
					return "", 0
				}
				return b.String(), i + 1
			case w[k] == '\\' && k+1 < len(w):
				k++
			}
			b.WriteByte(w[k])
		}
	}
	return "", 0
}

// either reads what one of several descriptions fits, the first that does.
func either(readers ...func([]string) ([]string, int)) func([]string) ([]string, int) {
	return func(words []string) ([]string, int) {
		for _, read := range readers {
			if args, taken := read(words); taken > 0 {
				return args, taken
			}
		}
		return nil, 0
	}
}

// listComment reads "/* text */".
func listComment(words []string) ([]string, int) {
	if words[0] != "/*" {
		return nil, 0
	}
	for i, w := range words {
		if w == "*/" {
			return []string{"--comment", strings.Join(words[1:i], " ")}, i + 1
		}
	}
	return nil, 0
}
