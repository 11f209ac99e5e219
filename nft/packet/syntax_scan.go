package packet

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is one of a line's words. Blanks and quotes inside of it are part of the text.
type word struct {
	text string
	col  int
}

func (w word) errorf(format string, args ...any) error {
	return &SyntaxError{Word: w.text, Col: w.col, Msg: fmt.Sprintf(format, args...)}
}

// scan cuts a line into words, at blanks outside of quotes.
func scan(text string) ([]word, error) {
	var out []word
	col := 1
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		if unicode.IsSpace(r) {
			text = text[n:]
			col++
			continue
		}
		w := word{col: col}
		end, err := wordEnd(text)
		if w.text = text[:end]; err != "" {
			return nil, w.errorf("%s", err)
		}
		text = text[end:]
		col += utf8.RuneCountInString(w.text)
		out = append(out, w)
	}
	return out, nil
}

// wordEnd is where the first word of text ends.
func wordEnd(text string) (end int, err string) {
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		switch {
		case unicode.IsSpace(r):
			return end, ""
		case r == '"' || r == '\'':
			length, ok := quoted(text[end:])
			if !ok {
				return len(text), "a quote is not closed, or holds what Go's quotes do not"
			}
			n = length
		}
		end += n
	}
	return end, ""
}

// quoted is the length of what stands in quotes at the start of text: in double ones as Go has it, in single ones as it is.
func quoted(text string) (length int, ok bool) {
	if text[0] == '\'' {
		end := strings.IndexByte(text[1:], '\'')
		return end + 2, end >= 0
	}
	prefix, err := strconv.QuotedPrefix(text)
	return len(prefix), err == nil
}

// unquote takes off quotes around all of a text.
func unquote(text string) (inner string, was bool) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		return text, false
	}
	if n, ok := quoted(text); !ok || n != len(text) {
		return text, false
	}
	if text[0] == '\'' {
		return text[1 : len(text)-1], true
	}
	inner, _ = strconv.Unquote(text)
	return inner, true
}

// assignment cuts NAME=VALUE at the first = outside of quotes.
func (w word) assignment() (name, value string, ok bool) {
	end := 0
	if w.text[0] == '"' || w.text[0] == '\'' {
		if end, ok = quoted(w.text); !ok {
			return "", "", false
		}
	}
	i := strings.IndexByte(w.text[end:], '=')
	if i < 0 || end > 0 && i > 0 {
		return "", "", false
	}
	return w.text[:end+i], w.text[end+i+1:], true
}
