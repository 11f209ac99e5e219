package ext

import (
	"math"
	"strconv"
	"strings"

	"rechain/translate/iptables"
)

// xt_LED.c: a light blinks. The name has room for 16 bytes in struct xt_led_info, behind "netfilter-".
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "LED",
		Options: []*iptables.OptionSpec{
			{Name: "--led-trigger-id", Kind: ledName, Required: true},
			{Name: "--led-delay", Kind: vacuousNumber{ledDelay, 0}},
			{Name: "--led-always-blink", Kind: iptables.Flag},
		},
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, t *iptables.Target) Action {
		c.Refuse(t.Pos, "LED", "let a program that reads nftables' log switch the light", "nftables knows no lights")
		return Action{}
	},
})

// ledName is printed in quotes always.
var ledName = iptables.NewKind(
	func(w string, f iptables.Family) (string, error) {
		v, err := iptables.String(16).Parse([]string{w}, f)
		s, _ := v.(string)
		return s, err
	},
	func(s string) string { return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(s) + `"` })

// ledForever is the delay that never ends.
const ledForever = math.MaxUint32

// ledDelay is in milliseconds. iptables prints what has more than 31 bits as a negative number, which it does not read.
var ledDelay = iptables.NewKind(
	func(w string, _ iptables.Family) (uint64, error) {
		if len(w) >= 3 && strings.EqualFold(w[:3], "inf") {
			return ledForever, nil
		}
		return iptables.ParseUint(w, 0, math.MaxInt32)
	},
	func(v uint64) string {
		if v == ledForever {
			return "inf"
		}
		return strconv.FormatUint(v, 10)
	})
