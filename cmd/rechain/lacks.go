package main

import (
	"fmt"
	"regexp"
	"strings"
)

// lacking are the comment lines in which iptables-save says that a dump is not all that the host has (xtables-save.c, nft.c), and
// what that means.
var lacking = []struct {
	line *regexp.Regexp
	says string
}{
	{regexp.MustCompile("^# Table `(.*)' is incompatible, use 'nft' tool"),
		"note: table %s has what iptables-save cannot say, so that the dump lacks it; \"rechain show live\" shows it on its host"},
	{regexp.MustCompile(`^# Warning: (.*) tables present, use`),
		"note: the host has tables of %s beside these, which the dump lacks; give what its own save program prints, too"},
}

// lacks says what a dump says that it lacks.
func lacks(name, text string) (notes []string) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line[0] != '#' {
			continue
		}
		for _, l := range lacking {
			if m := l.line.FindStringSubmatch(line); m != nil {
				notes = append(notes, fmt.Sprintf("%s:%d: "+l.says, name, number, m[1]))
			}
		}
	}
	return notes
}
