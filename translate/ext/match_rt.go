package ext

import (
	"errors"
	"math"
	"net/netip"
	"strings"

	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// ipRouting is the protocol number of the routing header.
const ipRouting = 43

// exthdrPresent is NFT_EXTHDR_F_PRESENT.
const exthdrPresent = 1

// routing is a byte of the routing header (struct ipv6_rt_hdr).
func routing(offset uint32) *nft.Exthdr { return header(ipRouting, offset, 1) }

// ip6t_rt.c, rt_mt6. A header of type 0 (struct rt0_hdr) holds addresses behind 4 reserved bytes.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:     "rt",
		Families: []iptables.Family{iptables.IPv6},
		Options: []*iptables.OptionSpec{
			{Name: "--rt-type", Kind: iptables.Uint(0, 255), Neg: true},
			{Name: "--rt-segsleft", Kind: segmentsLeft{iptables.UintRange(0, math.MaxUint32, ":")}, Neg: true},
			{Name: "--rt-len", Kind: iptables.Uint(0, math.MaxUint32), Neg: true},
			{Name: "--rt-0-res", Kind: iptables.Flag},
			{Name: "--rt-0-addrs", Kind: routedAddresses},
			{Name: "--rt-0-not-strict", Kind: iptables.Flag},
		},
		Check: checkRouting,
		Listing: listed("rt", "type:!*", "--rt-type", "segsleft:!*", "--rt-segsleft", "segslefts:!*", "--rt-segsleft",
			"length:!*", "--rt-len", "reserved", "--rt-0-res", "0-addrs *", "--rt-0-addrs", "0-not-strict", "--rt-0-not-strict"),
	},
	Limits:  Limits{Refused: "--rt-0-not-strict"},
	Meaning: rtMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			switch o.Spec.Name {
			case "--rt-type":
				all = append(all, negated(present(routing(2), []byte{uint8(o.Value.(uint64))}), o.Neg))
			case "--rt-segsleft":
				all = append(all, negated(byteIn(routing(3), o.Value.(iptables.Range)), o.Neg))
			case "--rt-len":
				all = append(all, negated(lengthIs(routing(1), o.Value.(uint64), 8, 8), o.Neg))
			case "--rt-0-res":
				all = append(all, present(header(ipRouting, 4, 4), net32(0)))
			case "--rt-0-addrs":
				all = append(all, addressesAre(o.Value.([]netip.Addr)))
			case "--rt-0-not-strict":
				c.Refuse(o.Pos, "rt", "give all addresses of the header, without --rt-0-not-strict",
					"nftables reads addresses only at fixed places, and cannot look for them among others")
			}
		}
		if _, typed := m.Get("--rt-type"); typed { // which no packet without the header gets past
			return all
		}
		return append(All{hasHeader(ipRouting)}, all...)
	},
})

// byteIn tests a byte against a range of numbers, which may go beyond a byte.
func byteIn(field nft.Expr, r iptables.Range) Cond {
	switch {
	case r.Lo > math.MaxUint8:
		return Any{}
	case r.Lo == 0 && r.Hi >= math.MaxUint8:
		return All{}
	}
	r.Hi = min(r.Hi, math.MaxUint8)
	return numberIn(field, r, math.MaxUint8, func(v uint64) []byte { return []byte{uint8(v)} })
}

// addressesAre tests for the header's addresses, which must be these and no others. The kernel counts how many fit into its length.
func addressesAre(list []netip.Addr) All {
	n := uint64(len(list))
	all := All{byteIn(routing(1), iptables.Range{Lo: 2 * n, Hi: 2*n + 1})}
	for i, a := range list {
		all = append(all, present(header(ipRouting, 8+16*uint32(i), 16), a.AsSlice()))
	}
	return all
}

// segmentsLeft leaves out what says nothing.
type segmentsLeft struct{ iptables.Kind }

func (segmentsLeft) Vacuous(v any) bool {
	return v.(iptables.Range) == iptables.Range{Lo: 0, Hi: math.MaxUint32}
}

// routedAddresses is a list of at most 16 addresses (IP6T_RT_HOPS). Value: []netip.Addr.
var routedAddresses = iptables.NewKind(
	func(w string, f iptables.Family) ([]netip.Addr, error) {
		var list []netip.Addr
		for part := range strings.SplitSeq(w, ",") {
			a, err := iptables.ParseAddr(part, f)
			if err != nil {
				return nil, err
			}
			list = append(list, a)
		}
		if len(list) > 16 {
			return nil, errors.New("more than 16 addresses")
		}
		return list, nil
	},
	func(list []netip.Addr) string {
		words := make([]string, len(list))
		for i, a := range list {
			words[i] = iptables.Address.Format(a)
		}
		return strings.Join(words, ",")
	})

// checkRouting wants type 0 for what only that has.
func checkRouting(_ *iptables.Rule, options []iptables.Option, _, _ string) *iptables.Problem {
	m := iptables.Match{Options: options}
	typ, typed := m.Get("--rt-type")
	_, listed := m.Get("--rt-0-addrs")
	for _, o := range options {
		if strings.HasPrefix(o.Spec.Name, "--rt-0-") && (!typed || typ.Neg || typ.Value != uint64(0)) {
			return &iptables.Problem{Pos: o.Pos, Msg: o.Spec.Name + " needs --rt-type 0"}
		}
		if o.Spec.Name == "--rt-0-not-strict" && !listed {
			return &iptables.Problem{Pos: o.Pos, Msg: o.Spec.Name + " needs --rt-0-addrs"}
		}
	}
	return nil
}

// rtMeaning is rt_mt6. The addresses of a header of type 0 stand behind its first 8 bytes, as many as its length has room for.
func rtMeaning(_ *Context, m *iptables.Match) packet.Pred {
	if o, ok := m.Get("--rt-0-not-strict"); ok {
		return packet.Negate(opaqueMatch(m, false), o.Neg)
	}
	at := func(n uint32) packet.Field { return packet.ExtensionByte(ipRouting, n) }
	return packet.All{packet.Extended(ipRouting), optionsMeaning(m, func(o iptables.Option) packet.Pred {
		switch v := o.Value.(type) {
		case iptables.Range:
			return rangeMeaning(at(3), v)
		case uint64:
			if o.Spec.Name == "--rt-len" {
				return unitsMeaning(at(1), v, 8, 1)
			}
			return packet.Eq(at(2), packet.Num(v))
		case []netip.Addr:
			room := 2 * uint64(len(v)) // in units of 8 bytes, the odd one being too small for one more
			all := packet.All{packet.Between(at(1), packet.Num(room), packet.Num(min(room+1, math.MaxUint8)))}
			for i, a := range v {
				all = append(all, extensionIs(ipRouting, 8+16*uint32(i), a.AsSlice()))
			}
			return all
		}
		return extensionIs(ipRouting, 4, make([]byte, 4)) // --rt-0-res
	})}
}
