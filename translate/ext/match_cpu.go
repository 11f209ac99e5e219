package ext

import (
	"math"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_cpu.c, cpu_mt: the processor that handles the packet.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:    "cpu",
		Options: []*iptables.OptionSpec{{Name: "--cpu", Kind: iptables.Uint(0, math.MaxUint32), Neg: true, Required: true}},
		Listing: listed("cpu", "! *", "--cpu"),
	},
	Meaning: cpuMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o := m.Options[0]
		return negated(present(&nft.Meta{Key: bytecode.MetaCPU}, host32(uint32(o.Value.(uint64)))), o.Neg)
	},
})

// cpuMeaning is cpu_mt.
func cpuMeaning(_ *Context, m *iptables.Match) packet.Pred {
	return optionsMeaning(m, func(o iptables.Option) packet.Pred { return packet.Eq(packet.CPU, packet.Num(o.Value.(uint64))) })
}
