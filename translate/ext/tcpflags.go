package ext

import (
	"fmt"
	"strings"

	"rechain/translate/iptables"
)

// tcpFlags are the flags that must be Set among those of Mask, as bits of the header's flags byte.
type tcpFlags struct{ Mask, Set uint8 }

// synFlags is what --syn asks: SYN of FIN, SYN, RST and ACK.
var synFlags = tcpFlags{Mask: 0x17, Set: 0x02}

// tcpFlagNames are the names that iptables knows, from bit 0 up.
var tcpFlagNames = []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG"}

// tcpFlagsKind reads the two words of --tcp-flags.
type tcpFlagsKind struct{}

func (tcpFlagsKind) Args() int { return 2 }

func (tcpFlagsKind) Parse(words []string, _ iptables.Family) (any, error) {
	mask, err := parseTCPFlags(words[0])
	if err != nil {
		return nil, err
	}
	set, err := parseTCPFlags(words[1])
	if err != nil {
		return nil, err
	}
	return tcpFlags{mask, set}, nil
}

func parseTCPFlags(word string) (uint8, error) {
	var bits uint8
	for name := range strings.SplitSeq(word, ",") {
		switch strings.ToUpper(name) {
		case "ALL":
			bits |= 1<<len(tcpFlagNames) - 1
			continue
		case "NONE":
			continue
		}
		found := false
		for i, n := range tcpFlagNames {
			if strings.EqualFold(n, name) {
				bits |= 1 << i
				found = true
			}
		}
		if !found {
			return 0, fmt.Errorf("%q is not a TCP flag: it is one of %s, ALL or NONE", name, strings.Join(tcpFlagNames, ", "))
		}
	}
	return bits, nil
}

// Vacuous says that iptables-save leaves out a mask without flags.
func (tcpFlagsKind) Vacuous(v any) bool { return v.(tcpFlags) == tcpFlags{} }

func (tcpFlagsKind) Format(v any) string {
	f := v.(tcpFlags)
	return formatTCPFlags(f.Mask) + " " + formatTCPFlags(f.Set)
}

func formatTCPFlags(bits uint8) string {
	var names []string
	for i, n := range tcpFlagNames {
		if bits&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	if names == nil {
		return "NONE"
	}
	return strings.Join(names, ",")
}
