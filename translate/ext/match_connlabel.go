package ext

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// labelBits is how many labels a connection has (NF_CT_LABELS_MAX_SIZE).
const labelBits = 128

// xt_connlabel.c, connlabel_mt. A packet without a connection has no label, and matches when inverted. With --set one that is missing is
// added first, so that only a packet without a connection is without it. Where a rule asks for labels the kernel gives connections room
// for those that other programs set; before Linux 6.18 nft_ct.c wanted a rule that sets one for that.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "connlabel",
		Options: []*iptables.OptionSpec{
			{Name: "--label", Kind: labelKind, Neg: true, Required: true},
			{Name: "--set", Kind: iptables.Flag},
		},
		Listing: listed("connlabel", "! *", "--label", "set", "--set"),
	},
	Steps: connlabelSteps,
	Lower: func(c *Context, m *iptables.Match) Cond {
		o, _ := m.Get("--label")
		bit := labelBit(o.Value.(uint64))
		key := &nft.CT{Key: bytecode.CtLabels}
		none := make([]byte, len(bit))
		has := &Test{Stmts: []nft.Stmt{&nft.Match{Op: bytecode.CmpNeq, Left: &nft.MaskXor{Of: key, Mask: bit, Xor: none}, Right: value(none)}}}
		if _, set := m.Get("--set"); set {
			has.Stmts = append([]nft.Stmt{&nft.Assign{Key: key, Value: value(bit)}}, has.Stmts...)
			has.Stateful = true
		}
		return negated(has, o.Neg)
	},
})

// labelBit is a label as a register holds it: bits of two 64-bit words in host order.
func labelBit(n uint64) []byte {
	var words [2]uint64
	words[n/64] = 1 << (n % 64)
	return binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, words[0]), words[1])
}

// labelKind is the number of a label, printed in quotes. Names of labels are in a file of the host. Value: uint64.
var labelKind = iptables.NewKind(
	func(w string, _ iptables.Family) (uint64, error) {
		if w == "" || w[0] < '0' || w[0] > '9' {
			return 0, fmt.Errorf("%s is a name, which only the host that it was written on can resolve: give the number", iptables.Quote(w))
		}
		return iptables.ParseUint(w, 0, labelBits-1)
	},
	func(n uint64) string { return `"` + strconv.FormatUint(n, 10) + `"` })

// connlabelSteps is connlabel_mt: a label that is there, or that it sets, is a match; without a connection there is none. Which bits of
// the labels these are is as a register holds them.
func connlabelSteps(_ *Context, m *iptables.Match) []packet.Step {
	o, _ := m.Get("--label")
	bit := packet.Num(1).Shl(uint(o.Value.(uint64)))
	has := packet.All{packet.Tracked, packet.Test(packet.CTLabel, bit, bit)}
	if _, set := m.Get("--set"); !set {
		return require(packet.Negate(has, o.Neg))
	}
	there := do(packet.AssignMasked(packet.CTLabel, bit, bit))
	if o.Neg {
		there = append(there, &packet.Require{P: packet.Any{}})
	}
	without := require(packet.Negate(packet.Any{}, o.Neg))
	return []packet.Step{&packet.Choose{Cases: []packet.Case{{When: packet.Tracked, Steps: there}, {When: packet.All{}, Steps: without}}}}
}
