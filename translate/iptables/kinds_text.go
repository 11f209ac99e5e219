package iptables

import (
	"fmt"
	"slices"
	"strings"
)

// String is any text of at most max bytes, printed as iptables-save prints text: in quotes where it needs them. Value: string.
func String(max int) Kind {
	return NewKind(
		func(w string, _ Family) (string, error) {
			if len(w) > max {
				return "", fmt.Errorf("is too long: %d bytes, where %d are the most", len(w), max)
			}
			return w, nil
		}, Quote)
}

// Name is text of 1 to max bytes printed without quotes, such as a device's or a helper's. Value: string.
func Name(max int) Kind {
	return NewKind(
		func(w string, _ Family) (string, error) {
			switch {
			case w == "":
				return "", fmt.Errorf("is empty")
			case len(w) > max:
				return "", fmt.Errorf("%s is too long: %d bytes, where %d are the most", Quote(w), len(w), max)
			}
			return w, nil
		}, quoteSpaced)
}

// Enum is one of names, in any case, printed as given here. Value: string, one of names.
func Enum(names ...string) Kind {
	return NewKind(
		func(w string, _ Family) (string, error) { return choose(w, names) },
		func(v string) string { return v })
}

// EnumList is a list of names, separated by commas, in any case and order, printed in the order of names. Value: []string, in the
// order of names, each once.
func EnumList(names ...string) Kind {
	return NewKind(
		func(w string, _ Family) ([]string, error) {
			given := map[string]bool{}
			for part := range strings.SplitSeq(w, ",") {
				name, err := choose(part, names)
				if err != nil {
					return nil, err
				}
				given[name] = true
			}
			return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !given[n] }), nil
		},
		func(v []string) string { return strings.Join(v, ",") })
}

func choose(w string, names []string) (string, error) {
	for _, n := range names {
		if strings.EqualFold(n, w) {
			return n, nil
		}
	}
	return "", fmt.Errorf("%s is not one of %s", Quote(w), strings.Join(names, ", "))
}

// Quote prints text as iptables-save does (xtables_save_string): bare if it is letters, digits, - and _ only, else in double
// quotes, with a backslash before each quote and backslash.
func Quote(s string) string {
	bare := s != ""
	for i := 0; i < len(s) && bare; i++ {
		c := s[i] | 0x20
		bare = c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9' || s[i] == '-' || s[i] == '_'
	}
	if bare {
		return s
	}
	return `"` + escaper.Replace(s) + `"`
}

var escaper = strings.NewReplacer(`"`, `\"`, `\`, `\\`, `'`, `\'`)

// quoteSpaced quotes only what would not read back as the same word.
func quoteSpaced(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n\r\"'\\") {
		return Quote(s)
	}
	return s
}
