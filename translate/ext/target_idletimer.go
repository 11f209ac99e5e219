package ext

import (
	"math"

	"rechain/translate/iptables"
)

// xt_IDLETIMER.c: tells the kernel's user space when a device was idle.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "IDLETIMER",
		Options: []*iptables.OptionSpec{
			{Name: "--timeout", Kind: iptables.Uint(1, math.MaxUint32), Required: true},
			{Name: "--label", Kind: iptables.Name(27), Required: true},
			{Name: "--alarm", Kind: iptables.Flag},
		},
		Listing: listed("", "timeout:*", "--timeout", "label:*", "--label", "alarm", "--alarm"),
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, t *iptables.Target) Action {
		c.Refuse(t.Pos, "IDLETIMER", "watch a counter instead", "nftables has no timers")
		return Action{}
	},
})
