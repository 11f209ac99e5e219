package ext

import (
	"math"

	"rechain/translate/iptables"
)

// ipt_ULOG.c, which Linux 3.17 took out. 31 bytes is the prefix of struct ipt_ulog_info less the NUL, 50 is ULOG_MAX_QLEN.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "ULOG", Families: []iptables.Family{iptables.IPv4},
		Options: []*iptables.OptionSpec{
			{Name: "--ulog-prefix", Kind: logPrefix(31)},
			{Name: "--ulog-nlgroup", Kind: vacuousNumber{iptables.Uint(1, 32), 1}},
			{Name: "--ulog-cprange", Kind: vacuousNumber{iptables.Uint(0, math.MaxInt64), 0}},
			{Name: "--ulog-qthreshold", Kind: vacuousNumber{iptables.Uint(1, 50), 1}},
		},
	},
	Limits: Limits{Refused: Always},
	Lower: func(c *Context, t *iptables.Target) Action {
		c.Refuse(t.Pos, "ULOG", "use NFLOG, which ulogd reads as well", "the kernel has it no more")
		return Action{}
	},
})
