package ext

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/translate/iptables"
)

// tcpOptionNames are those that iptables knows (libxt_TCPOPTSTRIP.c), with their numbers (IANA).
var tcpOptionNames = map[string]uint8{"mss": 2, "wscale": 3, "sack-permitted": 4, "sack": 5, "timestamp": 8, "md5": 19}

var tcpOptionList = iptables.NewKind(
	func(w string, _ iptables.Family) ([]uint8, error) {
		var kinds []uint8
		for part := range strings.SplitSeq(w, ",") {
			kind, named := tcpOptionNames[part]
			if !named {
				n, err := iptables.ParseUint(part, 2, 255)
				if err != nil {
					return nil, fmt.Errorf("%s is no TCP option that can be taken out", iptables.Quote(part))
				}
				kind = uint8(n)
			}
			kinds = append(kinds, kind)
		}
		slices.Sort(kinds)
		return slices.Compact(kinds), nil
	},
	func(kinds []uint8) string {
		words := make([]string, len(kinds))
		for i, k := range kinds {
			words[i] = strconv.Itoa(int(k))
		}
		return strings.Join(words, ",")
	})

// xt_TCPOPTSTRIP.c, tcpoptstrip_mangle_packet: options become no-ops, in nft_exthdr.c one at a time
// (nft_exthdr_tcp_strip_eval).
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:      "TCPOPTSTRIP",
		Protocols: []uint8{protoTCP},
		Options:   []*iptables.OptionSpec{{Name: "--strip-options", Kind: tcpOptionList}},
		Check:     onlyIn("mangle"),
		Listing:   listed("TCPOPTSTRIP options", "*", "--strip-options"),
	},
	Limits: Limits{Lossy: Always, Kernel: "5.18"},
	Lower: func(c *Context, t *iptables.Target) Action {
		var out []nft.Stmt
		for _, o := range t.Options {
			c.Lossy(o.Pos, "TCPOPTSTRIP", "", "where a packet has the same option twice, only the first is taken out")
			for _, kind := range o.Value.([]uint8) {
				out = append(out, &nft.ResetOption{Op: 1, Type: kind}) // NFT_EXTHDR_OP_TCPOPT
			}
		}
		return stmts(out...)
	},
})
