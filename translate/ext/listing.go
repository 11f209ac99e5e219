package ext

import (
	"slices"
	"strings"
)

// The functions here read what the print functions of iptables' extensions write into "iptables -L -v".

// listPorts reads "tcp dpt:22 spts:!1:5 flags:0x17/0x02 option=8", in any order behind the name.
func listPorts(name string) func([]string) ([]string, int) {
	prefixes := []struct{ text, option string }{
		{"spt:", "--sport"}, {"spts:", "--sport"}, {"dpt:", "--dport"}, {"dpts:", "--dport"},
		{"option=", "--tcp-option"}, {"flags:", "--tcp-flags"},
	}
	return func(words []string) ([]string, int) {
		if words[0] != name {
			return nil, 0
		}
		var args []string
		taken := 1
	next:
		for _, w := range words[1:] {
			for _, p := range prefixes {
				v, ok := strings.CutPrefix(w, p.text)
				if !ok {
					continue
				}
				v, not := strings.CutPrefix(v, "!")
				if not {
					args = append(args, "!")
				}
				args = append(args, p.option)
				if p.option == "--tcp-flags" {
					mask, set, _ := strings.Cut(v, "/")
					args = append(args, listedFlags(mask), listedFlags(set))
				} else {
					args = append(args, v)
				}
				taken++
				continue next
			}
			break
		}
		return args, taken
	}
}

// listedFlags turns the number that "iptables -n" prints for TCP flags into their names.
func listedFlags(w string) string {
	var bits uint8
	digits, hex := strings.CutPrefix(w, "0x")
	if !hex {
		return w
	}
	for _, d := range []byte(digits) {
		i := strings.IndexByte("0123456789abcdef", d)
		if i < 0 {
			return w
		}
		bits = bits<<4 | uint8(i)
	}
	return formatTCPFlags(bits)
}

// listMultiport reads "multiport dports ! 22,80:90".
func listMultiport(words []string) ([]string, int) {
	if words[0] != "multiport" || len(words) < 3 {
		return nil, 0
	}
	option := "--" + words[1]
	if words[2] == "!" && len(words) > 3 {
		return []string{"!", option, words[3]}, 4
	}
	if list, not := strings.CutPrefix(words[2], "!"); not {
		return []string{"!", option, list}, 3
	}
	return []string{option, words[2]}, 3
}

// listOwner reads "! owner UID match 1337", one for each option.
func listOwner(words []string) ([]string, int) {
	var args []string
	taken := 0
	for {
		rest := words[taken:]
		not := len(rest) > 0 && rest[0] == "!"
		if not {
			rest = rest[1:]
		}
		option, used := ownerOption(rest)
		if used == 0 {
			return args, taken
		}
		if not {
			args = append(args, "!")
			taken++
		}
		args = append(args, option...)
		taken += used
	}
}

func ownerOption(words []string) ([]string, int) {
	switch {
	case len(words) >= 4 && words[0] == "owner" && words[1] == "UID" && words[2] == "match":
		return []string{"--uid-owner", words[3]}, 4
	case len(words) >= 4 && words[0] == "owner" && words[1] == "GID" && words[2] == "match":
		return []string{"--gid-owner", words[3]}, 4
	case len(words) >= 3 && words[0] == "owner" && words[1] == "socket" && words[2] == "exists":
		return []string{"--socket-exists"}, 3
	case len(words) >= 3 && words[0] == "incl." && words[1] == "suppl." && words[2] == "groups":
		return []string{"--suppl-groups"}, 3
	}
	return nil, 0
}

// listStates reads "! ctstate NEW,INVALID", and the "!" behind the word too.
func listStates(word, option string) func([]string) ([]string, int) {
	return func(words []string) ([]string, int) {
		switch {
		case len(words) >= 3 && words[0] == "!" && words[1] == word:
			return []string{"!", option, words[2]}, 3
		case len(words) >= 3 && words[0] == word && words[1] == "!":
			return []string{"!", option, words[2]}, 3
		case len(words) >= 2 && words[0] == word:
			return []string{option, words[1]}, 2
		}
		return nil, 0
	}
}

// listMark reads "mark match ! 0x1/0xff".
func listMark(word string) func([]string) ([]string, int) {
	return func(words []string) ([]string, int) {
		if len(words) < 3 || words[0] != word || words[1] != "match" {
			return nil, 0
		}
		if words[2] == "!" && len(words) > 3 {
			return []string{"!", "--mark", words[3]}, 4
		}
		if v, not := strings.CutPrefix(words[2], "!"); not {
			return []string{"!", "--mark", v}, 3
		}
		return []string{"--mark", words[2]}, 3
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

// listRedirect reads "redir ports 15006 random".
func listRedirect(words []string) ([]string, int) {
	var args []string
	taken := 0
	if len(words) >= 3 && words[0] == "redir" && words[1] == "ports" {
		args, taken = []string{"--to-ports", words[2]}, 3
	}
	if len(words) > taken && words[taken] == "random" {
		return append(args, "--random"), taken + 1
	}
	return args, taken
}

// listTProxy reads "TPROXY redirect 0.0.0.0:15006 mark 0x539/0xffffffff".
func listTProxy(words []string) ([]string, int) {
	if len(words) < 5 || words[0] != "TPROXY" || words[1] != "redirect" || words[3] != "mark" {
		return nil, 0
	}
	colon := strings.LastIndexByte(words[2], ':')
	if colon < 0 {
		return nil, 0
	}
	address := strings.Trim(words[2][:colon], "[]")
	args := []string{"--on-port", words[2][colon+1:], "--on-ip", address, "--tproxy-mark", words[4]}
	return args, 5
}

// markVerbs are how the listing calls the options that change a mark.
var markVerbs = map[string]string{
	"set": "--set-mark", "xset": "--set-xmark", "and": "--and-mark", "or": "--or-mark", "xor": "--xor-mark",
}

// listSetMark reads "MARK xset 0x1/0xff".
func listSetMark(word string) func([]string) ([]string, int) {
	return func(words []string) ([]string, int) {
		if len(words) < 3 || words[0] != word || markVerbs[words[1]] == "" {
			return nil, 0
		}
		return []string{markVerbs[words[1]], words[2]}, 3
	}
}

// listConnmark reads "CONNMARK save", with "mask M" or "nfmask M ctmask ~M" behind it, or the words of MARK.
func listConnmark(words []string) ([]string, int) {
	if args, taken := listSetMark("CONNMARK")(words); taken > 0 {
		return args, taken
	}
	if len(words) < 2 || words[0] != "CONNMARK" || words[1] != "save" && words[1] != "restore" {
		return nil, 0
	}
	args, taken := []string{"--" + words[1] + "-mark"}, 2
	for len(words) >= taken+2 && slices.Contains([]string{"mask", "nfmask", "ctmask"}, words[taken]) {
		args = append(args, "--"+words[taken], strings.TrimPrefix(words[taken+1], "~"))
		taken += 2
	}
	return args, taken
}

// listCT reads "CT notrack" and "CT zone 1".
func listCT(words []string) ([]string, int) {
	switch {
	case len(words) >= 2 && words[0] == "CT" && words[1] == "notrack":
		return []string{"--notrack"}, 2
	case len(words) >= 3 && words[0] == "CT" && words[1] == "zone":
		return []string{"--zone", words[2]}, 3
	}
	return nil, 0
}
