package iptables

import "strings"

// splitWords parts a line into words as iptables-restore does (add_param_to_argv in iptables' xshared.c), and says at which byte
// each begins. A word in double quotes may have blanks, and a backslash there takes the next byte as it is; the closing quote ends
// the word. open is the place of a quote that is not closed, or -1. Both lists are appended to.
func splitWords(line string, words []string, offsets []int) (_ []string, _ []int, open int) {
	for i := 0; i < len(line); {
		if isBlank(line[i]) {
			i++
			continue
		}
		offsets = append(offsets, i)
		end := i
		for end < len(line) && !isBlank(line[end]) && line[end] != '"' {
			end++
		}
		word := line[i:end]
		if end < len(line) && line[end] == '"' {
			text, n := unquote(line[end+1:])
			if n < 0 {
				return words, offsets, end
			}
			word += text
			end += 1 + n
		}
		words = append(words, word)
		i = end
	}
	return words, offsets, -1
}

// unquote returns the text before the closing quote, and the number of bytes up to behind it, or -1 if there is none.
func unquote(s string) (text string, n int) {
	end := strings.IndexAny(s, `"\`)
	if end >= 0 && s[end] == '"' {
		return s[:end], end + 1
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), i + 1
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", -1
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
