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

// dccpTypes are the types of DCCP packets by their number (RFC 4340); the last stands for all others.
var dccpTypes = []string{"REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK", "INVALID"}

// xt_dccp.c, dccp_mt.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "dccp",
		Protocols: []uint8{protoDCCP},
		Options: []*iptables.OptionSpec{
			{Name: "--sport", Aliases: []string{"--source-port"}, Kind: anyPorts{iptables.PortRange}, Neg: true},
			{Name: "--dport", Aliases: []string{"--destination-port"}, Kind: anyPorts{iptables.PortRange}, Neg: true},
			{Name: "--dccp-types", Kind: dccpTypeList, Neg: true},
			{Name: "--dccp-option", Kind: iptables.Uint(1, 255), Neg: true},
		},
		Listing: listDCCP,
	},
	Limits:  Limits{Refused: "--dccp-option"},
	Header:  Header{Size: 12}, // struct dccp_hdr
	Meaning: dccpMeaning,
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all All
		for _, o := range m.Options {
			switch o.Spec.Name {
			case "--sport":
				all = append(all, negated(portIn(sourcePort, o.Value.(iptables.Ports)), o.Neg))
			case "--dport":
				all = append(all, negated(portIn(destinationPort, o.Value.(iptables.Ports)), o.Neg))
			case "--dccp-types":
				all = append(all, negated(o.Value.(dccpTypeSet).test(), o.Neg))
			case "--dccp-option":
				c.Refuse(o.Pos, "dccp", "match the type of the packet", "nftables looks for options of DCCP only in kernels that were built for it, and most are not")
			}
		}
		return all
	},
})

// dccpTypeSet is a set of types of packets: a bit for each.
type dccpTypeSet uint16

// dccpInvalid are the types that have no name.
const dccpInvalid dccpTypeSet = 0xfc00

// test tests the type, 4 bits behind 3 reserved ones (struct dccp_hdr).
func (s dccpTypeSet) test() Cond {
	typ := &nft.MaskXor{Of: transport(8, 1), Mask: []byte{0x1e}, Xor: []byte{0}}
	set := &nft.Set{Type: []nft.Datatype{nft.TypeDCCPType}, Flags: bytecode.SetAnonymous | bytecode.SetConstant}
	for i := range byte(16) {
		if s&(1<<i) != 0 {
			set.Elements = append(set.Elements, nft.Element{Key: []byte{i << 1}})
		}
	}
	if len(set.Elements) == 1 {
		return present(typ, set.Elements[0].Key)
	}
	return &Test{Stmts: []nft.Stmt{&nft.InSet{Key: typ, Set: set}}, Inverse: []nft.Stmt{&nft.InSet{Key: typ, Set: set, Not: true}}}
}

// dccpTypeList is a list of names of types, in any case. Value: dccpTypeSet.
var dccpTypeList = iptables.NewKind(
	func(w string, f iptables.Family) (dccpTypeSet, error) {
		var s dccpTypeSet
		names, err := iptables.EnumList(dccpTypes...).Parse([]string{w}, f)
		if err != nil {
			return 0, err
		}
		for _, name := range names.([]string) {
			s |= dccpNamed(name)
		}
		return s, nil
	},
	func(s dccpTypeSet) string {
		var names []string
		for _, name := range dccpTypes {
			if s&dccpNamed(name) != 0 {
				names = append(names, name)
			}
		}
		return strings.Join(names, ",")
	})

// dccpNamed are the types of a name.
func dccpNamed(name string) dccpTypeSet {
	for i, n := range dccpTypes {
		switch {
		case n != name:
		case i == len(dccpTypes)-1:
			return dccpInvalid
		default:
			return 1 << i
		}
	}
	panic(fmt.Sprintf("ext: %s is not a type of DCCP packets", name))
}

var (
	dccpListing       = listed("dccp", "spt:!*", "--sport", "spts:!*", "--sport", "dpt:!*", "--dport", "dpts:!*", "--dport")
	dccpTypesListing  = listed("", "! *", "--dccp-types")
	dccpOptionListing = listed("", "option=!*", "--dccp-option")
)

// listDCCP reads "dccp spt:5 ! REQUEST,DATA option=!3"; with -n iptables prints the types as numbers.
func listDCCP(words []string) ([]string, int) {
	args, taken := dccpListing(words)
	if taken == 0 {
		return nil, 0
	}
	if types, n := dccpTypesListing(words[taken:]); n > 0 {
		list := strings.Split(types[len(types)-1], ",")
		for i, name := range list {
			if n, err := strconv.ParseUint(name, 10, 4); err == nil {
				list[i] = dccpTypes[min(int(n), len(dccpTypes)-1)]
			}
		}
		if !slices.ContainsFunc(list, func(name string) bool { return !slices.Contains(dccpTypes, name) }) {
			types[len(types)-1] = strings.Join(list, ",")
			args, taken = append(args, types...), taken+n
		}
	}
	option, n := dccpOptionListing(words[taken:])
	return append(args, option...), taken + n
}

// dccpMeaning is dccp_mt. The type is 4 bits of the byte behind those of the offset and the checksum (struct dccp_hdr).
func dccpMeaning(c *Context, m *iptables.Match) packet.Pred {
	const typeAt = 8*8 + 3
	return packet.All{firstFragment, optionsMeaning(m, func(o iptables.Option) packet.Pred {
		switch v := o.Value.(type) {
		case iptables.Ports:
			return portMeaning(portField(o), []iptables.Ports{v})
		case dccpTypeSet:
			var types []packet.Range
			for n := range uint64(16) {
				if v>>n&1 != 0 {
					types = append(types, packet.Range{From: packet.Num(n), To: packet.Num(n)})
				}
			}
			return packet.PartsIn(packet.At(c.Family == iptables.IPv6, protoDCCP, packet.TransportHeader, typeAt, 4), types)
		}
		return opaqueMatch(m, false)
	})}
}
