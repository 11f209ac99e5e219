package ext

import (
	"math"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_NFLOG.c. 63 bytes is struct xt_nflog_info's prefix less the NUL. --nflog-range has no effect in the kernel; --nflog-size is what it was meant to be.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name: "NFLOG",
		Options: []*iptables.OptionSpec{
			{Name: "--nflog-prefix", Kind: logPrefix(63)},
			{Name: "--nflog-group", Kind: vacuousNumber{iptables.Uint(0, 65535), 0}},
			{Name: "--nflog-range", Kind: vacuousNumber{iptables.Uint(0, math.MaxUint32), 0}, Excludes: []string{"--nflog-size"}},
			{Name: "--nflog-size", Kind: iptables.Uint(0, math.MaxUint32), Excludes: []string{"--nflog-range"}},
			{Name: "--nflog-threshold", Kind: vacuousNumber{iptables.Uint(0, 65535), 0}},
		},
		Listing: listed("", "nflog-prefix '*'", "--nflog-prefix", "nflog-group *", "--nflog-group", "nflog-size *", "--nflog-size",
			"nflog-range *", "--nflog-range", "nflog-threshold *", "--nflog-threshold"),
	},
	Lower: func(c *Context, t *iptables.Target) Action {
		group, threshold := uint16(0), uint16(0)
		log := &bytecode.Log{Group: &group}
		for _, o := range t.Options {
			switch o.Spec.Name {
			case "--nflog-prefix":
				log.Prefix = o.Value.(string)
			case "--nflog-group":
				group = uint16(o.Value.(uint64))
			case "--nflog-size":
				size := uint32(o.Value.(uint64))
				log.Snaplen = &size
			case "--nflog-threshold":
				threshold = uint16(o.Value.(uint64))
			}
		}
		if threshold != 0 {
			log.QueueThreshold = &threshold
		}
		return stmts(&nft.Plain{Op: log})
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		prefix, group, threshold := "", uint16(0), uint16(0)
		var size *uint32
		for _, o := range t.Options {
			switch v := o.Value.(type) {
			case string:
				prefix = v
			case uint64:
				switch o.Spec.Name {
				case "--nflog-group":
					group = uint16(v)
				case "--nflog-threshold":
					threshold = uint16(v)
				case "--nflog-size": // XT_NFLOG_F_COPY_LEN
					n := uint32(v)
					size = &n
				}
			}
		}
		return do(packet.Copied(group, prefix, size, threshold))
	},
})
