package ext

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
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

// xt_TCPOPTSTRIP.c, tcpoptstrip_mangle_packet: each of the options becomes no-ops.
var _ = registerTarget(&Target{
	Extension: iptables.Extension{
		Name:      "TCPOPTSTRIP",
		Protocols: []uint8{protoTCP},
		Options:   []*iptables.OptionSpec{{Name: "--strip-options", Kind: tcpOptionList}},
		Check:     onlyIn("mangle"),
		Listing:   listed("TCPOPTSTRIP options", "*", "--strip-options"),
	},
	Limits: Limits{Kernel: "5.18"},
	Lower: func(c *Context, t *iptables.Target) Action {
		var kinds []uint8
		for _, o := range t.Options {
			kinds = append(kinds, o.Value.([]uint8)...)
		}
		if len(kinds) == 0 {
			return stmts()
		}
		ch := c.chainNamed("strip-tcp-"+strings.ReplaceAll(tcpOptionList.Format(kinds), ",", "-"), func(say func(...nft.Stmt)) {
			for _, kind := range kinds {
				say(strip(kind)...)
			}
		})
		return stmts(&nft.Verdict{Code: bytecode.Jump, Chain: ch.Name})
	},
	Meaning: func(c *Context, t *iptables.Target) []packet.Step {
		var steps []packet.Step
		for _, o := range t.Options {
			for _, kind := range o.Value.([]uint8) {
				steps = append(steps, do(packet.Assign(packet.HasTCPOption(kind), packet.Value{}))...)
			}
		}
		return []packet.Step{packet.When(firstFragment, steps...)}
	},
})

// optionsMax is how many options that are none of the one-byte ones a TCP header can hold: 40 bytes of options, of at least two bytes each.
const optionsMax = 40 / 2

// strip takes out all options of a kind. nft does that one at a time, and drops a packet whose option is longer than the header
// (nft_exthdr_tcp_strip_eval), which iptables leaves alone; that such an option exists is not true.
func strip(kind uint8) []nft.Stmt {
	exists := tcpOption(kind).(*Test).Stmts
	var out []nft.Stmt
	for range optionsMax {
		out = append(append(out, exists...), &nft.ResetOption{Op: 1, Type: kind}) // NFT_EXTHDR_OP_TCPOPT
	}
	return out
}
