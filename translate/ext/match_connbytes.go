package ext

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"rechain/nft"
	"rechain/nft/bytecode"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// connbytesKind is how much: the kernel has a range that is upside down for "not".
var connbytesKind = iptables.NewKind(
	func(w string, f iptables.Family) (iptables.Range, error) {
		v, err := iptables.UintRange(0, math.MaxUint64, ":").Parse([]string{w}, f)
		if err != nil {
			return iptables.Range{}, err
		}
		r := v.(iptables.Range)
		if w == strconv.FormatUint(r.Lo, 10) { // without a colon
			r.Hi = math.MaxUint64
		}
		if r.Lo > r.Hi {
			return r, errors.New("is an empty range")
		}
		return r, nil
	},
	func(r iptables.Range) string {
		if r.Hi == 0 || r.Hi == math.MaxUint64 {
			return strconv.FormatUint(r.Lo, 10)
		}
		return fmt.Sprintf("%d:%d", r.Lo, r.Hi)
	})

// connbytesKeys are what --connbytes-mode counts.
var connbytesKeys = map[string]bytecode.CtKey{"packets": bytecode.CtPkts, "bytes": bytecode.CtBytes, "avgpkt": bytecode.CtAvgpkt}

// xt_connbytes.c, connbytes_mt. A packet without a connection matches neither way. Both engines switch on the accounting.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name: "connbytes",
		Options: []*iptables.OptionSpec{
			{Name: "--connbytes", Kind: connbytesKind, Neg: true, Required: true},
			{Name: "--connbytes-mode", Kind: iptables.Enum("packets", "bytes", "avgpkt"), Required: true},
			{Name: "--connbytes-dir", Kind: iptables.Enum("original", "reply", "both"), Required: true},
		},
		// The kernel is told "not" by the ends of the range in the other order, so that one number cannot be negated: iptables
		// takes "! --connbytes 2:2" for "--connbytes 2:2".
		Canonical: func(_ *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			for i, o := range options {
				if r, ok := o.Value.(iptables.Range); ok && r.Lo == r.Hi {
					options[i].Neg = false
				}
			}
			return options
		},
		Listing: listed("", "! connbytes *", "--connbytes", "connbytes mode *", "--connbytes-mode",
			"connbytes direction *", "--connbytes-dir"),
	},
	Meaning: connbytesMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		counted, _ := m.Get("--connbytes")
		mode, _ := m.Get("--connbytes-mode")
		dir, _ := m.Get("--connbytes-dir")
		key := &nft.CT{Key: connbytesKeys[mode.Value.(string)], HasDir: dir.Value != "both"}
		if dir.Value == "reply" {
			key.Dir = 1
		}
		within := numberIn(&nft.Byteorder{Of: key, ToNetwork: true, Len: 8, Size: 8}, counted.Value.(iptables.Range), math.MaxUint64,
			func(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) })
		if within == nil && counted.Neg {
			return Any{}
		}
		if within == nil {
			return tracked()
		}
		if counted.Neg {
			return &Test{Stmts: within.Inverse}
		}
		return &Test{Stmts: within.Stmts}
	},
})

// connbytesMeaning is connbytes_mt: nothing without a connection, and then the number in the range, or with its ends in the other order not.
func connbytesMeaning(_ *Context, m *iptables.Match) packet.Pred {
	counted, _ := m.Get("--connbytes")
	mode, _ := m.Get("--connbytes-mode")
	dir, _ := m.Get("--connbytes-dir")
	field := packet.Named("ct "+map[any]string{"packets": "packets", "bytes": "bytes", "avgpkt": "avgpkt"}[mode.Value], 64, packet.Number)
	if dir.Value != "both" {
		field = packet.CTTuple(dir.Value == "reply", packet.Named(mode.Value.(string), 64, packet.Number))
	}
	return packet.All{packet.Tracked, packet.Negate(rangeMeaning(field, counted.Value), counted.Neg)}
}
