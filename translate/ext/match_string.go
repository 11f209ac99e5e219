package ext

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"rechain/translate/iptables"
)

// patternMax is XT_STRING_MAX_PATTERN_SIZE.
const patternMax = 128

// plainPattern is the text of --string. Value: string.
var plainPattern = iptables.NewKind(func(w string, _ iptables.Family) (string, error) { return checkPattern(w) }, formatPattern)

// hexPattern is the text of --hex-string, in which hexadecimal bytes stand between bars. Value: string.
var hexPattern = iptables.NewKind(
	func(w string, _ iptables.Family) (string, error) {
		var b strings.Builder
		for i, part := range strings.Split(w, "|") {
			if i%2 == 0 {
				b.WriteString(part)
				continue
			}
			bytes, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
			if err != nil {
				return "", fmt.Errorf("%s is not bytes in hexadecimal", iptables.Quote(part))
			}
			b.Write(bytes)
		}
		if strings.Count(w, "|")%2 == 1 {
			return "", errors.New("has a bar that nothing closes")
		}
		return checkPattern(b.String())
	},
	formatPattern)

func checkPattern(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("is empty")
	case len(s) > patternMax:
		return "", fmt.Errorf("is longer than %d bytes", patternMax)
	}
	return s, nil
}

// isText says whether iptables-save prints a pattern as text (is_hex_string in libxt_string.c).
func isText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s[len(s)-1] != '\\'
}

func formatPattern(s string) string {
	if isText(s) {
		return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(s) + `"`
	}
	return `"|` + hex.EncodeToString([]byte(s)) + `|"`
}

// xt_string.c searches the packet, from the IP header on.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "string",
		Options: []*iptables.OptionSpec{
			{Name: "--string", Kind: plainPattern, Neg: true, Excludes: []string{"--hex-string"}},
			{Name: "--hex-string", Kind: hexPattern, Neg: true, Excludes: []string{"--string"}},
			{Name: "--algo", Kind: iptables.String(15), Required: true},
			{Name: "--from", Kind: vacuousNumber{iptables.Uint(0, 65535), 0}},
			{Name: "--to", Kind: vacuousNumber{iptables.Uint(0, 65535), 65535}},
			{Name: "--icase", Kind: iptables.Flag},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			for i, o := range options {
				if o.Spec.Name == "--string" || o.Spec.Name == "--hex-string" {
					options[i].Spec = e.Option("--hex-string")
					if isText(o.Value.(string)) {
						options[i].Spec = e.Option("--string")
					}
				}
			}
			return options
		},
		Check: func(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
			for _, o := range options {
				if o.Spec.Name == "--string" || o.Spec.Name == "--hex-string" {
					return nil
				}
			}
			return &iptables.Problem{Pos: r.Pos, Ext: "string", Msg: "needs --string or --hex-string"}
		},
		Listing: listed("STRING match", "! '*'", "--string", "ALGO name *", "--algo", "FROM *", "--from", "TO *", "--to",
			"ICASE", "--icase"),
		Unlisted: func(args []string) string {
			for _, text := range args {
				if hexListing.MatchString(text) {
					return "whether " + text + " is text or bytes in hexadecimal"
				}
			}
			return ""
		},
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, m *iptables.Match) Cond {
		c.Refuse(m.Pos, "string", "filter the application's data where the application is", "nftables cannot search a packet")
		return All{}
	},
})

// hexListing is what iptables lists for bytes that are no text, and for text that looks so.
var hexListing = regexp.MustCompile(`^\|([0-9a-f]{2})+\|$`)
