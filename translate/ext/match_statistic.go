package ext

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// certain is the probability 1 as the kernel counts it.
const certain = 1 << 31

// probabilityKind is a number from 0 to 1. Value: uint64, in units of 1/certain, as libxt_statistic rounds it.
var probabilityKind = iptables.NewKind(
	func(w string, _ iptables.Family) (uint64, error) {
		p, err := strconv.ParseFloat(w, 64)
		if err != nil || !(p >= 0 && p <= 1) {
			return 0, fmt.Errorf("%s is not a number from 0 to 1", iptables.Quote(w))
		}
		return uint64(math.RoundToEven(p * certain)), nil
	},
	func(v uint64) string { return fmt.Sprintf("%.11f", float64(v)/certain) })

// xt_statistic.c, statistic_mt: by chance, or each so many packets.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "statistic",
		Options: []*iptables.OptionSpec{
			{Name: "--mode", Kind: iptables.Enum("random", "nth"), Required: true},
			{Name: "--probability", Kind: probabilityKind, Neg: true, Excludes: []string{"--every", "--packet"}},
			{Name: "--every", Kind: iptables.Uint(1, math.MaxUint32), Neg: true},
			{Name: "--packet", Kind: iptables.Uint(0, math.MaxUint32)},
		},
		Check:   checkStatistic,
		Listing: listStatistic,
	},
	Meaning: statisticMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		if o, ok := m.Get("--probability"); ok {
			return negated(byChance(o.Value.(uint64)), o.Neg)
		}
		every, _ := m.Get("--every")
		packet, _ := m.Get("--packet")
		count := &nft.Numgen{Modulus: uint32(every.Value.(uint64)), Type: numgenInc}
		t := present(count, host32(uint32(packet.Value.(uint64))))
		t.Stateful = true
		return negated(t, every.Neg)
	},
})

// NFT_NG_INCREMENTAL and NFT_NG_RANDOM (linux/netfilter/nf_tables.h).
const (
	numgenInc    = 0
	numgenRandom = 1
)

// byChance holds with a probability of p/certain.
func byChance(p uint64) Cond {
	switch p {
	case 0:
		return Any{}
	case certain:
		return All{}
	}
	drawn := &nft.Byteorder{Of: &nft.Numgen{Modulus: certain, Type: numgenRandom}, ToNetwork: true, Len: 4, Size: 4}
	compare := func(op bytecode.CmpOp) []nft.Stmt {
		return []nft.Stmt{&nft.Match{Op: op, Left: drawn, Right: value(net32(uint32(p)))}}
	}
	return &Test{Stmts: compare(bytecode.CmpLt), Inverse: compare(bytecode.CmpGte), Stateful: true}
}

func checkStatistic(r *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	m := iptables.Match{Options: options}
	_, chance := m.Get("--probability")
	every, nth := m.Get("--every")
	packet, packetGiven := m.Get("--packet")
	mode, _ := m.Get("--mode")
	switch {
	case (mode.Value == "random") != chance, (mode.Value == "nth") != nth, nth != packetGiven:
		return &iptables.Problem{Pos: r.Pos, Ext: "statistic", Msg: "needs --probability for mode random, and --every and --packet for mode nth"}
	case nth && packet.Value.(uint64) >= every.Value.(uint64):
		return &iptables.Problem{Pos: packet.Pos, Ext: "statistic", Msg: "--packet must be below --every"}
	}
	return nil
}

var statisticListing = listed("statistic mode", "*", "--mode", "! probability *", "--probability", "! every *", "--every", "packet *", "--packet")

// listStatistic reads "statistic mode nth every 3": packet 0 is not listed.
func listStatistic(words []string) ([]string, int) {
	args, taken := statisticListing(words)
	if slices.Contains(args, "--every") && !slices.Contains(args, "--packet") {
		args = append(args, "--packet", "0")
	}
	return args, taken
}

// statisticMeaning is statistic_mt. The count begins so that the packet of that number, from 0 on, is the first to match.
func statisticMeaning(_ *Context, m *iptables.Match) packet.Pred {
	if o, ok := m.Get("--probability"); ok {
		switch p := o.Value.(uint64); p {
		case 0:
			return packet.Negate(packet.Any{}, o.Neg)
		case certain:
			return packet.Negate(packet.All{}, o.Neg)
		default:
			return packet.Negate(packet.ByChance(p), o.Neg)
		}
	}
	every, _ := m.Get("--every")
	first, _ := m.Get("--packet")
	return packet.Negate(packet.Every(uint32(every.Value.(uint64)), uint32(first.Value.(uint64))), every.Neg)
}
