package ext

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// Protocol numbers of the two headers with options.
const (
	ipHopByHop    = 0
	ipDestination = 60
)

// header is bytes of the first IPv6 extension header of a kind; nft and the ip6t_* modules look for it with the same
// ipv6_find_hdr. Without the header neither engine's answer is yes, inverted or not.
func header(kind uint8, offset, n uint32) *nft.Exthdr {
	return &nft.Exthdr{Type: kind, Offset: offset, Len: n}
}

// hasHeader tests whether an IPv6 extension header is there.
func hasHeader(kind uint8) *Test {
	exists := &nft.Exthdr{Type: kind, Len: 1, Flags: exthdrPresent}
	return &Test{Stmts: present(exists, []byte{1}).Stmts, Inverse: present(exists, []byte{0}).Stmts}
}

// optionsHeader is hbh or dst, which are one module (ip6t_hbh.c, hbh_mt6). The length is in bytes, while the header counts units of
// 8 behind the first.
func optionsHeader(name string, kind uint8) *Match {
	return &Match{
		Extension: iptables.Extension{
			Name:     name,
			Families: []iptables.Family{iptables.IPv6},
			Options: []*iptables.OptionSpec{
				{Name: "--" + name + "-len", Kind: iptables.Uint(0, math.MaxUint32), Neg: true},
				{Name: "--" + name + "-opts", Kind: headerOptions},
			},
			Listing: listed(name, "length:!*", "--"+name+"-len", "opts *", "--"+name+"-opts"),
		},
		Limits:  Limits{Refused: "--" + name + "-opts with an option of any length before others"},
		Meaning: func(_ *Context, m *iptables.Match) packet.Pred { return optionsHeaderMeaning(kind, m) },
		Lower: func(c *Context, m *iptables.Match) Cond {
			all := All{hasHeader(kind)}
			for _, o := range m.Options {
				switch v := o.Value.(type) {
				case uint64:
					all = append(all, negated(lengthIs(header(kind, 1, 1), v, 8, 8), o.Neg))
				case []headerOption:
					in, ok := optionsAre(kind, v)
					if !ok {
						c.Refuse(o.Pos, name, "give each option but the last its length",
							"nftables reads options only at fixed places, and an option of any length leaves open where the next one is")
					}
					all = append(all, in)
				}
			}
			return all
		},
	}
}

var _ = registerMatch(optionsHeader("hbh", ipHopByHop))

// headerOption is an option's type and length.
type headerOption struct{ kind, length uint8 }

const (
	pad1      = 0    // the option of a single byte, without a length (RFC 8200)
	anyOption = 0xff // the length of an option of any length, in the kernel's table
	// mostOptions is IP6T_OPTS_OPTSNR.
	mostOptions = 16
)

// headerOptions is a list of "type" or "type:length". Value: []headerOption.
var headerOptions = iptables.NewKind(
	func(w string, _ iptables.Family) ([]headerOption, error) {
		var list []headerOption
		for part := range strings.SplitSeq(w, ",") {
			kind, length, sized := strings.Cut(part, ":")
			k, err := iptables.ParseUint(kind, 0, math.MaxUint8)
			o := headerOption{uint8(k), anyOption}
			if err == nil && sized {
				var n uint64
				n, err = iptables.ParseUint(length, 0, math.MaxUint8)
				o.length = uint8(n)
			}
			switch {
			case err != nil:
				return nil, err
			case sized && k == pad1:
				return nil, fmt.Errorf("option 0 is a single byte and has no length")
			case len(list) == mostOptions:
				return nil, fmt.Errorf("more than %d options", mostOptions)
			}
			list = append(list, o)
		}
		return list, nil
	},
	func(list []headerOption) string {
		var parts []string
		for _, o := range list {
			s := strconv.Itoa(int(o.kind))
			if o.length != anyOption {
				s += ":" + strconv.Itoa(int(o.length))
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ",")
	})

// optionsAre tests for options that follow each other from the start of the header, all inside of it. It is not ok where one's place
// is not known, or is farther than nft reaches (struct nft_exthdr has 8 bits for it).
func optionsAre(kind uint8, list []headerOption) (all All, ok bool) {
	at, end := uint32(2), uint32(2)
	for i, o := range list {
		sized := o.kind != pad1 && o.length != anyOption
		if at > math.MaxUint8 || o.kind != pad1 && !sized && i < len(list)-1 {
			return nil, false
		}
		want := []byte{o.kind}
		if sized {
			want = append(want, o.length)
		}
		all = append(all, present(header(kind, at, uint32(len(want))), want))
		end = at + 1
		if o.kind != pad1 {
			end++ // for its length, given or not
		}
		at = end
		if sized {
			at += uint32(o.length)
		}
	}
	if units := (end + 7) / 8; units > 1 {
		room := iptables.Range{Lo: uint64(units - 1), Hi: math.MaxUint8}
		all = append(All{numberIn(header(kind, 1, 1), room, math.MaxUint8, func(v uint64) []byte { return []byte{uint8(v)} })}, all...)
	}
	return all, true
}

// optionsHeaderMeaning is hbh_mt6: the header's length, and its first options one behind the other, each of which must be inside of it.
func optionsHeaderMeaning(kind uint8, m *iptables.Match) packet.Pred {
	room := func(bytes uint64) packet.Pred { // (n+1)*8 are so many or more
		return packet.Between(packet.ExtensionByte(kind, 1), packet.Num((bytes+7)/8-1), packet.Ones(8))
	}
	all := packet.All{packet.Extended(kind)}
	for _, o := range m.Options {
		list, ok := o.Value.([]headerOption)
		if !ok {
			all = append(all, packet.Negate(unitsMeaning(packet.ExtensionByte(kind, 1), o.Value.(uint64), 8, 1), o.Neg))
			continue
		}
		at := uint32(2)
		for i, option := range list {
			last := i == len(list)-1
			all = append(all, room(uint64(at)+1), extensionIs(kind, at, []byte{option.kind}))
			if option.kind == pad1 {
				at++
				continue
			}
			all = append(all, room(uint64(at)+2))
			switch {
			case option.length != anyOption:
				all = append(all, extensionIs(kind, at+1, []byte{option.length}))
			case !last:
				return opaqueMatch(m, false)
			}
			at += 2 + uint32(option.length)
			if !last {
				all = append(all, room(uint64(at)))
			}
		}
	}
	return all
}
