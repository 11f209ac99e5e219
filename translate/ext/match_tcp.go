package ext

import (
	"strconv"
	"strings"

	"rechain/nft"
	"rechain/nft/packet"
	"rechain/translate/iptables"
)

// xt_tcpudp.c, tcp_mt.
var _ = registerMatch(&Match{
	Extension: iptables.Extension{
		Name:      "tcp",
		Protocols: []uint8{protoTCP},
		Options: []*iptables.OptionSpec{
			{Name: "--sport", Aliases: []string{"--source-port"}, Kind: iptables.PortRange, Neg: true},
			{Name: "--dport", Aliases: []string{"--destination-port"}, Kind: iptables.PortRange, Neg: true},
			{Name: "--tcp-option", Kind: iptables.Uint(1, 255), Neg: true},
			{Name: "--tcp-flags", Kind: tcpFlagsKind{}, Neg: true, Excludes: []string{"--syn"}},
			{Name: "--syn", Kind: iptables.Flag, Neg: true, Excludes: []string{"--tcp-flags"}},
		},
		Canonical: func(e *iptables.Extension, options []iptables.Option, _ iptables.Family) []iptables.Option {
			for i, o := range options {
				if o.Spec.Name == "--syn" {
					options[i].Spec, options[i].Value = e.Option("--tcp-flags"), synFlags
				}
			}
			return options
		},
		Listing: listTCP,
	},
	Header: Header{Size: tcpHeader, Overlap: true},
	Lower: func(c *Context, m *iptables.Match) Cond {
		var all, last All
		for _, o := range m.Options {
			switch o.Spec.Name {
			case "--sport":
				all = append(all, negated(portIn(sourcePort, o.Value.(iptables.Ports)), o.Neg))
			case "--dport":
				all = append(all, negated(portIn(destinationPort, o.Value.(iptables.Ports)), o.Neg))
			case "--tcp-option":
				if d := c.demandOptions(); d != nil { // of packets that meet all the rest
					last = append(last, d)
				}
				last = append(last, negated(tcpOption(uint8(o.Value.(uint64))), o.Neg))
			case "--tcp-flags":
				all = append(all, negated(tcpFlagged(o.Value.(tcpFlags)), o.Neg))
			}
		}
		return append(all, last...)
	},
	Meaning: func(c *Context, m *iptables.Match) packet.Pred {
		all := append(packet.All{}, firstFragment...)
		return append(all, optionsMeaning(m, func(o iptables.Option) packet.Pred {
			switch v := o.Value.(type) {
			case iptables.Ports:
				if o.Spec.Name == "--sport" {
					return portMeaning(packet.SrcPort, []iptables.Ports{v})
				}
				return portMeaning(packet.DstPort, []iptables.Ports{v})
			case tcpFlags:
				return packet.Test(packet.TCPFlags, packet.Num(uint64(v.Mask)), packet.Num(uint64(v.Set)))
			}
			return packet.Set(packet.HasTCPOption(uint8(o.Value.(uint64))))
		})...)
	},
})

// tcpFlagged tests the flags byte (offset 13 of struct tcphdr). A flag that is wanted but not looked at never is there.
func tcpFlagged(f tcpFlags) Cond {
	switch {
	case f.Set&^f.Mask != 0:
		return Any{}
	case f.Mask == 0:
		return All{}
	}
	flags := &nft.MaskXor{Of: transport(13, 1), Mask: []byte{f.Mask}, Xor: []byte{0}}
	return present(flags, []byte{f.Set})
}

// tcpOption tests that an option is there. The load of presence (NFT_EXTHDR_F_PRESENT) gives 0 or 1, and 0 too where there is no
// TCP header.
func tcpOption(kind uint8) Cond {
	return present(&nft.Exthdr{Op: 1, Type: kind, Len: 1, Flags: 1}, []byte{1})
}

var tcpListing = listed("tcp", "spt:!*", "--sport", "spts:!*", "--sport", "dpt:!*", "--dport", "dpts:!*", "--dport",
	"option=!*", "--tcp-option", "flags:!*/*", "--tcp-flags")

// listTCP reads "tcp dpt:22 flags:0x17/0x02" too: with -n iptables prints flags as numbers.
func listTCP(words []string) ([]string, int) {
	args, taken := tcpListing(words)
	for i, a := range args {
		if n, err := strconv.ParseUint(a, 0, 8); err == nil && strings.HasPrefix(a, "0x") {
			args[i] = formatTCPFlags(uint8(n))
		}
	}
	return args, taken
}
